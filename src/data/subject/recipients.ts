// Who may have got a subject's events before something was done to them (Article 19): exports and archives of these organizations and times.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import type { Recipient } from "./request.js"

export interface RecipientScope {
  /** Of any where undefined. */
  readonly organizations?: readonly string[] | undefined
  /** When the oldest and the newest of the events occurred. */
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** By organization and time alone: an export may have had others of them. To be noted in the register. */
export async function recipientsOf(client: ClientBase, scope: RecipientScope): Promise<Recipient[]> {
  const values = [scope.organizations ?? null, scope.since ?? null, scope.until ?? null]
  const exported = await client.query<Record<"act" | "at" | "by" | "kind", string>>(
    `select a.seq as act, a.recorded_at as at, a.session_user_name as by, a.parameters->>'kind' as kind
     from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'export'
       -- What a subject was given is the answer to that subject, who is no recipient.
       and a.parameters->>'kind' is distinct from 'subject'
       and ($1::text[] is null or a.parameters->'organizations' is null or jsonb_typeof(a.parameters->'organizations') <> 'array'
         or a.parameters->'organizations' ?| $1::text[])
       and ($2::timestamptz is null or a.parameters->>'until' is null or (a.parameters->>'until')::timestamptz > $2)
       and ($3::timestamptz is null or a.parameters->>'since' is null or (a.parameters->>'since')::timestamptz <= $3)
     order by a.seq`,
    values,
  )
  const archived = await client.query<{ name: string; until: string | null }>(
    `select x.name, pgtrail.archive_until(x.act_seq, now()) as until from pgtrail.archive x
     where x.removed_seq is null and exists (
       select from pgtrail.purge p where p.act_seq = x.act_seq and ($1::text[] is null or p.organization_id = any ($1))
         and ($2::timestamptz is null or p.newest_occurred_at >= $2) and ($3::timestamptz is null or p.oldest_occurred_at <= $3))
     order by x.name collate "C"`,
    values,
  )
  return [
    ...exported.rows.map(({ act, at, by, kind }) => ({
      kind: "export",
      name: `act ${act}`,
      what: kind,
      at: writeTime(at),
      by,
    })),
    ...archived.rows.map(({ name, until }) => ({ kind: "archive", name, until: writeTime(until) })),
  ]
}
