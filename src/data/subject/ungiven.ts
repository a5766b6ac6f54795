// What the log itself knows of a subject, and that was not given: whoever erases without these identifiers loses the only way to what they lead to, and
// what no rule names nobody looks at.
import type { ClientBase } from "pg"
import { type Identifier, isPseudonym } from "./identifiers.js"
import { actorsFound, type FoundActor } from "./shared-address.js"

/** How many events that the subject did have an e-mail address, or a name, that was not given. */
export interface FoundUngiven {
  readonly kind: "email" | "name"
  readonly events: string
}

export interface FoundOwn {
  readonly ungiven: readonly FoundUngiven[]
  readonly actors: readonly FoundActor[]
  readonly unruled: string
}

interface Own {
  readonly email: string | null
  readonly name: string | null
  readonly events: string
}

/** Of the plan of this transaction. Compared here, so that no identifier stands in a statement. */
export async function readOwn(client: ClientBase, given: readonly Identifier[]): Promise<FoundOwn> {
  const { rows: partitions } = await client.query<{ name: string; actor: string; subject: string }>(
    `select coalesce(p.partition_name, 'archive ' || p.archive) as name, bool_or(p.as_actor) as actor, bool_or(p.as_subject) as subject
     from pg_temp.pgtrail_plan p where p.as_actor or p.as_subject group by 1 order by 1`,
  )
  const known = new Set(given.map(({ value }) => form(value)))
  const counts = { email: 0n, name: 0n }
  const actors: FoundActor[] = []
  let unruled = 0n
  for (const { name: partition, actor, subject } of partitions) {
    await client.query("select pgtrail.subject_view($1)", [partition])
    if (subject === "t") unruled += await unruledIn(client)
    if (actor !== "t") continue
    actors.push(...(await actorsFound(client, given)))
    const { rows } = await client.query<Own>(
      `select e.actor_email as email, e.actor_name as name, count(*) as events from pg_temp.pgtrail_found e
       where e.as_actor and (e.actor_email is not null or e.actor_name is not null) group by 1, 2`,
    )
    for (const row of rows) {
      for (const kind of kinds) {
        const value = row[kind]
        if (value !== null && !isPseudonym(value) && !known.has(form(value)))
          counts[kind] += BigInt(row.events)
      }
    }
  }
  return {
    ungiven: ungivenOf(counts),
    actors,
    unruled: String(unruled),
  }
}

export const ungivenOf = (counts: Readonly<Record<"email" | "name", bigint | number>>): FoundUngiven[] =>
  kinds.filter((kind) => counts[kind] > 0).map((kind) => ({ kind, events: String(counts[kind]) }))

/** Events about the subject with text, or with a document that has something in it and that no rule of their type is for. */
async function unruledIn(client: ClientBase): Promise<bigint> {
  const has = documents.map(
    (name) => `coalesce(e.${name} not in ('{}', '[]', '"[erased]"'), false) as ${name}`,
  )
  const unruled = documents.map(
    (name) => `g.${name} and not exists (
       select from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null and r.path[1] = '${name}'
         and (r.event_type is null or r.event_type = g.event_type or starts_with(g.event_type, r.event_type || '.')))`,
  )
  const { rows } = await client.query<{ events: string }>(
    `select coalesce(sum(g.events), 0) as events from (
       select e.event_type, coalesce(e.description <> '[erased]', false) or coalesce(e.error_message <> '[erased]', false) as text, ${has.join(", ")}, count(*) as events
       from pg_temp.pgtrail_found e where e.as_subject group by 1, 2, 3, 4, 5, 6) g
     where g.text or ${unruled.join(" or ")}`,
  )
  return BigInt(rows[0]?.events ?? "0")
}

const documents = ["request_params", "before_state", "after_state", "details"] as const
const kinds = ["email", "name"] as const
const form = (text: string): string => text.normalize("NFC").toLowerCase()
