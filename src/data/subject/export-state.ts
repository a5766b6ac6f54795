// What the log says that an export of a subject goes by: rules of what is personal, the request that it answers, and whether what was read still counts.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import type { SubjectRules } from "./export-rules.js"

export async function rulesInForce(client: Client): Promise<SubjectRules> {
  const { rows } = await client.query<{
    kind: string
    resource_type: string | null
    event_type: string | null
    path: string | null
  }>(
    `select r.kind, r.resource_type, r.event_type, to_json(r.path)::text as path from pgtrail.subject_rule r
     where r.ended_seq is null and r.kind in ('resource', 'path') order by r.act_seq`,
  )
  return {
    resources: new Set(
      rows.flatMap(({ kind, resource_type: type }) => (kind === "resource" && type !== null ? [type] : [])),
    ),
    paths: rows.flatMap(({ kind, event_type: eventType, path }) => {
      if (kind !== "path" || path === null) return []
      // A rule, and no value of an event.
      const [column = "", ...steps] = JSON.parse(path) as string[]
      return [{ eventType, column, path: steps }]
    }),
  }
}

/** Throws `not-found` where the register has no such request that is open. */
export async function refuseRequest(client: Client, request: string): Promise<void> {
  const { rows } = await client.query<{ closed: string }>(
    "select r.closed_at is not null as closed from pgtrail.subject_request r where r.request_id = $1",
    [request],
  )
  const [known] = rows
  if (known?.closed === "f") return
  const what = JSON.stringify(request.slice(0, 64))
  throw new TrailError(
    "not-found",
    known === undefined ? `there is no request ${what}` : `request ${what} is closed`,
    {
      hint: "nothing was written; pgtrail gdpr request list",
    },
  )
}

export interface LogState {
  /** The newest act that redacted or brought back events. */
  readonly act: string | null
  /** Which table, and which file of it, each partition is. */
  readonly partitions: ReadonlyMap<string, string>
}

/** As of the transaction's snapshot, where it is in one. */
export async function readState(client: Client): Promise<LogState> {
  const { rows } = await client.query<{ act: string | null }>(
    "select max(a.seq) as act from pgtrail.act a where a.kind in ('redact', 'restore')",
  )
  const { rows: partitions } = await client.query<{ name: string; file: string }>(
    "select p.name, concat_ws(' ', c.oid, c.relfilenode) as file from pgtrail.partitions() p join pg_class c on c.oid = p.oid",
  )
  return {
    act: rows[0]?.act ?? null,
    partitions: new Map(partitions.map(({ name, file }) => [name, file])),
  }
}

/**
 * Whether events may have been erased meanwhile, or not been seen: those of a partition that was built anew are younger than the snapshot.
 * Throws `retry`.
 */
export async function refuseChanged(client: Client, before: LogState): Promise<void> {
  const now = await readState(client)
  const moved = [...before.partitions].find(([name, file]) => now.partitions.get(name) !== file)?.[0]
  if (now.act === before.act && moved === undefined) return
  const what =
    moved === undefined ? "events were redacted or brought back" : `${moved} was built anew or removed`
  throw new TrailError("retry", `${what} while the events were read`, {
    hint: "nothing was written; run it again",
  })
}
