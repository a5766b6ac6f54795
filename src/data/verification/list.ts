// The acts of verifications, as they were recorded: what each asked, covered and found, and which of its findings are accepted.
import type { ClientBase } from "pg"
import { actFields, hashVersion, recomputeAct, type TextRow } from "../canonical.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"

export interface VerificationSummary {
  /** seq of the act. */
  readonly act: string
  readonly recorded_at: string
  readonly session_user_name: string
  /** Null over a Unix socket. */
  readonly client_address: string | null
  readonly verdict: string | null
  readonly events: string | null
  /** All that were found, of which an act names the first 1,000. */
  readonly findings: string | null
  /** Accepted before it, and since then. */
  readonly accepted: string
  /** What was asked for, in words. */
  readonly scope: string
}

/** A finding as its act has it. Whoever may record a verification wrote it: nothing here is believed without looking. */
export interface RecordedFinding {
  readonly id: string
  readonly kind: string
  readonly organization_id: string | null
  readonly lane: string | null
  readonly seq: string | null
  readonly event_id: string | null
  readonly group: string | null
  readonly message: string
}

/** The act that accepted a finding. */
export interface Acceptance {
  readonly act: string
  readonly recorded_at: string
  readonly session_user_name: string
  readonly reason: string | null
}

export interface VerificationAct extends VerificationSummary {
  readonly tool_version: string | null
  /** Whether it left events out by their time or place. */
  readonly narrowed: boolean
  /** Whether the act's own hash fits it; the chain of acts is for `pgtrail verify`. */
  readonly verifies: boolean
  /** JSON text. */
  readonly requested: string | null
  /** JSON text. */
  readonly covered: string | null
}

/** Parameters hold whatever a role that may record wrote there: no cast that could fail. */
const found = `case when jsonb_typeof(a.parameters->'findings') = 'array' then a.parameters->'findings' else '[]' end`
const summaryColumns = `a.seq as act, a.recorded_at, a.session_user_name, a.client_address, a.parameters->>'verdict' as verdict,
  a.parameters->'covered'->>'events' as events,
  coalesce(a.parameters->>'findings_total', case when jsonb_typeof(a.parameters->'findings') in ('string', 'number')
    then a.parameters->>'findings' end) as findings,
  a.parameters->>'accepted' as before,
  (select count(*) from jsonb_array_elements(${found}) f
   where exists (select from pgtrail.act b where b.kind = 'accept' and b.seq > a.seq
     and b.parameters->'finding'->>'id' = f->>'id')) as since,
  (select string_agg(r.key || E'\\t' || r.value, E'\\n' order by r.key)
   from jsonb_each_text(case when jsonb_typeof(a.parameters->'requested') = 'object' then a.parameters->'requested' else '{}' end) r
   where r.value is not null and r.value <> 'false' and r.value <> '[]') as requested_words`

type Raw = Record<string, string | null>

/** The acts of verifications, newest first. */
export async function verifications(
  client: ClientBase,
  { limit }: { limit?: number | undefined } = {},
): Promise<VerificationSummary[]> {
  const { rows } = await client.query<Raw>(
    `select ${summaryColumns} from pgtrail.act a where a.kind = 'verify' order by a.seq desc limit $1::bigint`,
    [limit ?? null],
  )
  return rows.map(summary)
}

/** One act; the newest where none is named. Throws `not-found`. */
export async function verificationAct(client: ClientBase, act: string | undefined): Promise<VerificationAct> {
  const columns = [...actFields.map(([column]) => `a.${column}`), "a.hash"].join(", ")
  const { rows } = await client.query<Raw>(
    `select ${columns}, a.parameters->>'tool_version' as tool_version, a.parameters->'requested' as requested,
       a.parameters->'covered' as covered,
       (a.parameters->'requested'->>'since', a.parameters->'requested'->>'until', a.parameters->'requested'->>'from') is distinct from
         (null::text, null::text, null::text) or coalesce(a.parameters->'requested'->>'incremental', 'false') <> 'false'
         or a.parameters->>'next' is not null as narrowed, ${summaryColumns}
     from pgtrail.act a where ($1::bigint is null and a.kind = 'verify') or a.seq = $1::bigint order by a.seq desc limit 1`,
    [act ?? null],
  )
  const row = rows[0]
  if (row === undefined) {
    const message =
      act === undefined ? "no verification was recorded in this log yet" : `there is no act ${act}`
    throw new TrailError("not-found", message, {
      hint: act === undefined ? "pgtrail verify" : "pgtrail verification list",
    })
  }
  if (row.kind !== "verify") {
    throw new TrailError("not-found", `act ${act} is no verification`, { hint: "pgtrail verification list" })
  }
  return {
    ...summary(row),
    tool_version: row.tool_version ?? null,
    narrowed: row.narrowed === "t",
    verifies: row.hash_version === hashVersion && row.hash === `\\x${hashOf(row)}`,
    requested: row.requested ?? null,
    covered: row.covered ?? null,
  }
}

function hashOf(row: TextRow): string | undefined {
  try {
    return recomputeAct(row)
  } catch {
    // A value that the canonical form cannot hold was not written by pgtrail.
    return undefined
  }
}

/** The findings that an act names, in its order. */
export async function findingsOf(client: ClientBase, act: string): Promise<RecordedFinding[]> {
  const { rows } = await client.query<RecordedFinding>(
    `select coalesce(f->>'id', '') as id, coalesce(f->>'kind', '') as kind, f->>'organization_id' as organization_id,
       f->>'lane' as lane, f->>'seq' as seq, f->>'event_id' as event_id, f->>'group' as "group", coalesce(f->>'message', '') as message
     from pgtrail.act a, jsonb_array_elements(${found}) with ordinality u (f, position)
     where a.seq = $1::bigint and a.kind = 'verify' order by u.position`,
    [act],
  )
  return rows
}

/** Every acceptance, by the id of its finding. */
export async function acceptances(client: ClientBase): Promise<Map<string, Acceptance>> {
  const { rows } = await client.query<Acceptance & { id: string | null }>(
    `select a.parameters->'finding'->>'id' as id, a.seq as act, a.recorded_at, a.session_user_name, a.parameters->>'reason' as reason
     from pgtrail.act a where a.kind = 'accept' order by a.seq`,
  )
  return new Map(
    rows.map(({ id, ...acceptance }) => [
      id ?? "",
      { ...acceptance, recorded_at: writeTime(acceptance.recorded_at) },
    ]),
  )
}

/** The last verification of the whole log before this one that found nothing wrong. */
export async function lastIntact(client: ClientBase, act: string): Promise<VerificationSummary | null> {
  const { rows } = await client.query<Raw>(
    `select ${summaryColumns} from pgtrail.act a
     where a.kind = 'verify' and a.seq < $1::bigint and a.parameters->>'verdict' = 'intact'
       and a.parameters->'requested'->>'organization' is null and a.parameters->'requested'->>'since' is null
       and a.parameters->'requested'->>'until' is null
     order by a.seq desc limit 1`,
    [act],
  )
  return rows[0] === undefined ? null : summary(rows[0])
}

function summary(row: Raw): VerificationSummary {
  const before = /^\d{1,15}$/.test(row.before ?? "") ? BigInt(row.before ?? "0") : 0n
  return {
    act: row.act ?? "",
    recorded_at: writeTime(row.recorded_at ?? ""),
    session_user_name: row.session_user_name ?? "",
    client_address: row.client_address ?? null,
    verdict: row.verdict ?? null,
    events: row.events ?? null,
    findings: row.findings ?? null,
    accepted: String(before + BigInt(row.since ?? "0")),
    scope: scopeOf(row.requested_words ?? ""),
  }
}

/** "the whole log", or what narrowed it. */
function scopeOf(requested: string): string {
  if (requested === "") return "the whole log"
  return requested
    .split("\n")
    .map((line) => line.replace("\t", " ").replace(/ true$/, ""))
    .join(", ")
}
