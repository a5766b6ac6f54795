// Who may have got a subject's events before something was done to them (Article 19): exports, archives and backups of these organizations and
// times. By organization and time alone: an export may have had others of them.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import type { Place } from "../query/typed.js"
import { type BackupScope, backupsIn, type KnownBackup } from "./known-backups.js"
import type { Recipient } from "./request.js"
import { type Span, wholeSpan } from "./spans.js"

/** To be noted in the register: of one organization, or of all. */
export async function recipientsOf(
  client: ClientBase,
  organization: string | undefined,
  backups: BackupScope,
): Promise<Recipient[]> {
  const spans = [{ ...wholeSpan(null), organizations: organization === undefined ? null : [organization] }]
  const { rows } = await client.query<{ name: string; until: string | null }>(
    `select x.name, pgtrail.archive_until(x.act_seq, now()) as until from pgtrail.archive x
     where x.removed_seq is null and exists (
       select from pgtrail.purge p where p.act_seq = x.act_seq and ($1::text is null or p.organization_id = $1))
     order by x.name collate "C"`,
    [organization ?? null],
  )
  return [
    ...(await exportsOf(client, spans)),
    ...rows.map(({ name, until }) => ({ kind: "archive", name, until: writeTime(until) })),
    ...backupRecipients(await backupsIn(client, spans, backups)),
  ]
}

/** The same for one event that is in the log: what was taken of it since it was recorded, and archives that had it before they came back. */
export async function recipientsOfEvent(
  client: ClientBase,
  { organization, lane, seq }: Place,
  backups: BackupScope,
): Promise<Recipient[]> {
  const { rows: events } = await client.query<Record<"recorded" | "occurred" | "partition", string>>(
    `select e.recorded_at as recorded, e.occurred_at as occurred, c.relname as partition from pgtrail.event e join pg_class c on c.oid = e.tableoid
     where e.organization_id = $1 and e.lane = $2 and e.seq = $3`,
    [organization, lane, seq],
  )
  const spans = events.map(
    ({ recorded, occurred, partition }): Span => ({
      ...{ organizations: [organization], partitions: [partition], since: writeTime(recorded), until: null },
      ...{ oldest: writeTime(occurred), newest: writeTime(occurred) },
    }),
  )
  const { rows: archives } = await client.query<{ name: string; until: string | null }>(
    `select x.name, pgtrail.archive_until(x.act_seq, now()) as until
     from pgtrail.archive x join pgtrail.purge p on p.act_seq = x.act_seq
     where x.removed_seq is null and p.organization_id = $1 and p.lane = $2 and p.ranges @> $3::bigint order by x.name collate "C"`,
    [organization, lane, seq],
  )
  return [
    ...(await exportsOf(client, spans)),
    ...archives.map(({ name, until }) => ({ kind: "archive", name, until: writeTime(until) })),
    ...backupRecipients(await backupsIn(client, spans, backups)),
  ]
}

export const backupRecipients = (backups: readonly KnownBackup[]): Recipient[] =>
  backups.map(({ name, location, at, until }) => ({ kind: "backup", name, location, at, until }))

/** What was exported while the events stood in the log. */
export async function exportsOf(client: ClientBase, spans: readonly Span[]): Promise<Recipient[]> {
  if (spans.length === 0) return []
  const { rows } = await client.query<Record<"act" | "at" | "by" | "kind", string>>(
    `select a.seq as act, a.recorded_at as at, a.session_user_name as by, a.parameters->>'kind' as kind
     from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'export'
       -- What a subject was given is the answer to that subject, who is no recipient.
       and a.parameters->>'kind' is distinct from 'subject'
       and exists (
         select from jsonb_to_recordset($1::jsonb) s (since timestamptz, until timestamptz, oldest timestamptz, newest timestamptz, organizations jsonb)
         where (s.since is null or a.recorded_at >= s.since) and (s.until is null or a.recorded_at <= s.until)
           and (s.organizations is null or jsonb_typeof(s.organizations) = 'null' or jsonb_typeof(a.parameters->'organizations') is distinct from 'array'
             or a.parameters->'organizations' = '[]'
             or exists (select from jsonb_array_elements_text(a.parameters->'organizations') o where s.organizations ? o))
           and (s.oldest is null or a.parameters->>'until' is null or (a.parameters->>'until')::timestamptz > s.oldest)
           and (s.newest is null or a.parameters->>'since' is null or (a.parameters->>'since')::timestamptz <= s.newest))
     order by a.seq`,
    [JSON.stringify(spans)],
  )
  return rows.map(({ act, at, by, kind }) => ({
    kind: "export",
    name: `act ${act}`,
    what: kind,
    at: writeTime(at),
    by,
  }))
}
