// The events of an archive in a plain table beside the log: for somebody who is to look at them, without bringing them back.

import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { TrailError } from "../errors.js"
import { retried } from "../partition/change.js"
import { plural } from "../words.js"
import type { Job } from "./restore.js"

const nothing = "nothing was restored"

/** Throws `usage` for a schema that is the server's or the log's own, or has such a table. */
export async function refuseTaken(client: Client, schema: string): Promise<void> {
  if (
    schema === "" ||
    /^pg_/i.test(schema) ||
    ["pgtrail", "information_schema"].includes(schema) ||
    Buffer.byteLength(schema) > 63
  ) {
    throw new TrailError("usage", `--schema takes a schema of your own, not ${JSON.stringify(schema)}`, {
      hint: nothing,
    })
  }
  const { rows } = await client.query<Record<"taken" | "table" | "there" | "may" | "fill", string>>(
    `select to_regclass(format('%I.event', $1::text)) is not null as taken, format('%I.event', $1::text) as table,
       n.oid is not null as there, has_database_privilege(current_database(), 'create') as may,
       n.oid is not null and has_schema_privilege(n.oid, 'create') as fill
     from (select 1) one left join pg_namespace n on n.nspname = $1`,
    [schema],
  )
  const [found] = rows
  if (found?.there !== "t" && found?.may !== "t") {
    throw new TrailError(
      "privilege",
      `there is no schema ${JSON.stringify(schema)}, and this role may make none`,
      {
        hint: `${nothing}; name a schema in which it may make tables, or grant it create on the database`,
      },
    )
  }
  if (found.there === "t" && found.fill !== "t") {
    throw new TrailError("privilege", `this role may make no table in the schema ${JSON.stringify(schema)}`, {
      hint: `${nothing}; grant it usage and create on that schema, or name another`,
    })
  }
  if (found.taken !== "t") return
  throw new TrailError("usage", `the schema ${JSON.stringify(schema)} has a table event already`, {
    hint: `${nothing}; name another schema, or: drop table ${found.table}`,
  })
}

export interface Beside {
  readonly act: string
  /** Quoted. */
  readonly table: string
  /** The schema was not there. */
  readonly isMade: boolean
}

/** Makes schema and table, fills it by `fill` and records it, all in one transaction. */
export async function beside(
  { client, row, options, key }: Job,
  schema: string,
  fill: (table: string) => Promise<void>,
): Promise<Beside> {
  let [into, isMade] = ["", false]
  const act = await retried(options, () =>
    performAct(client, key, async () => {
      const { rows } = await client.query<Record<"table" | "make" | "there", string>>(
        `select format('%I.event', $1::text) as table, format('create schema %I', $1::text) as make,
           exists (select from pg_namespace n where n.nspname = $1) as there`,
        [schema],
      )
      const { table = "", make = "", there } = rows[0] ?? {}
      into = table
      isMade = there !== "t"
      if (isMade) await client.query(make)
      await client.query(`create table ${table} (like pgtrail.event)`)
      await fill(table)
      const { rows: counted } = await client.query<{ events: string }>(
        `select count(*) as events from ${table}`,
      )
      await refuseErased(client, table, row)
      const { rows: recorded } = await client.query<{ seq: string }>(
        "select pgtrail.record_restore($1, $2, $3, $4, $5) as seq",
        [row.name, schema, counted[0]?.events ?? "0", options.reason, options.requestedBy ?? null],
      )
      return recorded[0]?.seq ?? null
    }),
  )
  return { act: act ?? "", table: into, isMade }
}

/** What a redaction took out of the log does not come back beside it. */
async function refuseErased(client: Client, table: string, { name, location }: Job["row"]): Promise<void> {
  const { rows } = await client.query<{ events: string }>(
    `select count(distinct (r.organization_id, r.lane, r.seq)) as events
     from pgtrail.redaction_entry r
     join ${table} e on e.organization_id = r.organization_id and e.lane = r.lane and e.seq = r.seq
     where case r.group_name when 'identity' then e.identity_digest else e.content_digest end is null`,
  )
  const [{ events } = { events: "0" }] = rows
  if (events === "0") return
  throw new TrailError(
    "broken",
    `values of ${plural(events, "event")} of ${name} were redacted in the log, and stand in its files`,
    {
      hint: `${nothing}: what was erased does not come back; an erasure writes its files anew, and pgtrail archive remove ${name} removes it from ${location}`,
    },
  )
}
