// What the daily summaries say of whole days, in the rows that the events themselves would be counted into.
import type { ClientBase } from "pg"
import type { Coverage } from "./coverage.js"
import type { Dimension } from "./options.js"
import { failedOutcomes } from "./statement.js"
import type { CountRow } from "./tally.js"

/** Rows `s` of a table that count; $1 to $3 are organizations and days. */
const counting = `s.organization_id = any($1::text[]) and s.day >= $2::date and (s.day < $3::date or $3 is null)
  and not exists (select from pgtrail.summary_recount r where r.organization_id = s.organization_id and r.day = s.day)`

const values: Readonly<Partial<Record<Dimension, string>>> = {
  type: "s.event_type",
  outcome: "s.outcome",
  category: "s.category",
  day: "s.day::text",
}

export async function readSummaries(
  client: ClientBase,
  { organizations, since, until }: Coverage,
  by: readonly Dimension[],
): Promise<CountRow[]> {
  const dimensions = [...new Set<Dimension>(["type", ...by])]
  const parts = dimensions.map((dimension) => {
    const value = values[dimension]
    return value === undefined
      ? `(with actor as materialized (
           select s.actor_id, sum(s.events) as events, sum(s.failed) as failed, sum(s.data_size_bytes) as bytes
           from pgtrail.summary_actor s where ${counting} group by s.actor_id
         )
         select 'actor', a.actor_id, a.events, a.failed, a.bytes from actor a
         union all
         -- Events without an actor are those that the others leave.
         select 'actor', null, t.events - coalesce(u.events, 0), t.failed - coalesce(u.failed, 0), t.bytes - coalesce(u.bytes, 0)
         from (select sum(events) as events, sum(failed) as failed, sum(bytes) as bytes from counted) t,
           (select sum(events) as events, sum(failed) as failed, sum(bytes) as bytes from actor) u
         where t.events > coalesce(u.events, 0))`
      : `select '${dimension}', s.${dimension}, sum(s.events), sum(s.failed), sum(s.bytes) from counted s group by s.${dimension}`
  })
  const selected = dimensions.flatMap((dimension) =>
    values[dimension] === undefined ? [] : [`${values[dimension]} as ${dimension}`],
  )
  const { rows } = await client.query<CountRow>(
    `with counted as materialized (
       select ${selected.join(", ")}, sum(s.events) as events,
         coalesce(sum(s.events) filter (where s.outcome in ${failedOutcomes}), 0) as failed, sum(s.data_size_bytes) as bytes
       from pgtrail.summary s where ${counting} group by ${selected.map((_, at) => at + 1).join(", ")}
     )
     select c.dimension, c.value, c.events, c.failed, c.bytes
     from (${parts.join("\nunion all\n")}) c (dimension, value, events, failed, bytes)`,
    [organizations, since, until],
  )
  return rows
}

/** Different actors: those of the summaries, and these, 32 hex digits each. */
export async function readUsers(
  client: ClientBase,
  { organizations, since, until }: Coverage,
  further: string,
): Promise<string> {
  const { rows } = await client.query<{ users: string }>(
    `select count(*) as users from (
       select s.actor_key from pgtrail.summary_actor s where ${counting}
       union
       select substr($4::bytea, n * 16 - 15, 16) from generate_series(1, length($4::bytea) / 16) n
     ) u`,
    [organizations, since, until, `\\x${further}`],
  )
  return rows[0]?.users ?? "0"
}
