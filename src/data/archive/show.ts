// One archive: its acts, how long which of its events are kept and why, what is in the way of its removal, and its files.

import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import type { StoreContext } from "../store/store.js"
import { openPlace } from "./files.js"
import { findArchive } from "./find.js"
import { stored } from "./manifest.js"
import type { ArchiveRow } from "./options.js"
import { readArchiveManifest } from "./read.js"

export interface ShowArchiveOptions {
  /** Where it lies, as readLocation gives it, where that is not where it was put. */
  readonly at?: string | undefined
  readonly store?: StoreContext | undefined
}

export interface ArchiveAct {
  readonly act: string
  readonly kind: string
  readonly recorded_at: string
  readonly session_user_name: string
  readonly reason: string | null
  readonly requested_by: string | null
  /** Of a restore beside the log. */
  readonly schema: string | null
}

/** Events of one kind, and the rule that keeps them. */
export interface ArchiveKind {
  readonly organization_id: string
  readonly data_classification: string | null
  readonly event_type: string
  readonly retention_policy: string
  readonly compliance_tags: string | null
  readonly events: string
  readonly oldest: string
  readonly newest: string
  readonly policy: string
  readonly floor: string | null
  readonly keep_days: string
  /** Until when that rule keeps the newest of them. */
  readonly kept_until: string
}

export interface ArchiveFileFacts {
  readonly name: string
  readonly rows: string
  /** As it lies there. */
  readonly bytes: string
  readonly sha256: string
  /** The public keys that it is encrypted to; null where it is not. */
  readonly recipients: readonly string[] | null
}

export interface ShownArchive extends ArchiveRow {
  /** Null where it was removed. */
  readonly kept_until: string | null
  /** Null where this role may not read them. */
  readonly acts: readonly ArchiveAct[] | null
  readonly kinds: readonly ArchiveKind[] | null
  /** Cases of holds that may be on its events: they block its removal. */
  readonly cases: readonly string[] | null
  readonly looked_at: string
  /** Null where the manifest cannot be read, and why. */
  readonly files: readonly ArchiveFileFacts[] | null
  readonly files_problem: string | null
}

/** Throws `not-found`. */
export function showArchive(
  target: ConnectionTarget,
  name: string,
  options: ShowArchiveOptions = {},
): Promise<ShownArchive> {
  return withClient(target, async (client) => {
    const row = await findArchive(client, name)
    const acts = await permitted(() => actsOf(client, row))
    const kinds = await permitted(() => kindsOf(client, row))
    const cases = await permitted(() => casesOn(client, row))
    const kept = row.state === "removed" ? null : await permitted(() => keptUntil(client, row))
    return {
      ...row,
      kept_until: kept,
      acts,
      kinds,
      cases,
      ...(await filesOf(target, row, options)),
    }
  })
}

/** Null where this role may not read it; what it may read is told. */
async function permitted<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    const known = toTrailError(error)
    if (known instanceof TrailError && known.code === "privilege") return null
    throw known
  }
}

/** Also as long as the youngest of its events has not been in the log for the grace. */
async function keptUntil(client: Client, { act }: ArchiveRow): Promise<string | null> {
  const { rows } = await client.query<{ until: string | null }>("select pgtrail.archive_until($1) as until", [
    act,
  ])
  return writeTime(rows[0]?.until ?? null)
}

/** By the act that made it: values redacted in it give it another name. */
async function actsOf(client: Client, row: ArchiveRow): Promise<ArchiveAct[]> {
  const { rows } = await client.query<Record<keyof ArchiveAct, string>>(
    `select a.seq as act, a.kind, a.recorded_at, a.session_user_name, a.parameters->>'reason' as reason,
       a.parameters->>'requested_by' as requested_by, a.parameters->>'schema' as schema
     from pgtrail.act a
     where a.organization_id = 'pgtrail'
       and (a.seq = $1::bigint or a.kind in ('restore', 'remove_archive') and a.parameters->>'purge' = $1::text
         or a.kind = 'redact' and a.parameters#>>'{archive,purge}' = $1::text)
     order by a.seq`,
    [row.act],
  )
  return rows.map((act) => ({ ...act, recorded_at: writeTime(act.recorded_at) }))
}

async function kindsOf(client: Client, row: ArchiveRow): Promise<ArchiveKind[]> {
  const { rows } = await client.query<Record<keyof ArchiveKind, string>>(
    `select k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, k.events,
       k.oldest_occurred_at as oldest, k.newest_occurred_at as newest, r.policy, r.floor, r.keep_days,
       case when k.newest_occurred_at < '294000-01-01Z' then k.newest_occurred_at + r.keep_days * interval '24 hours' else 'infinity' end as kept_until
     from pgtrail.archive_kind k,
       lateral pgtrail.retention_of(k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags, now()) r
     where k.act_seq = $1 order by k.kind`,
    [row.act],
  )
  return rows.map((kind) => ({
    ...kind,
    oldest: writeTime(kind.oldest),
    newest: writeTime(kind.newest),
    kept_until: writeTime(kind.kept_until),
  }))
}

/** As remove_archive tells them: what a hold names of an event that a kind has not counts as fitting. */
async function casesOn(client: Client, row: ArchiveRow): Promise<string[]> {
  if (row.state === "removed") return []
  const { rows } = await client.query<{ name: string }>(
    `select distinct h.case_id as name from pgtrail.hold h
     join pgtrail.archive_kind k on k.act_seq = $1
       and (h.organization_id is null or h.organization_id = k.organization_id)
       and (h.event_type is null or k.event_type = h.event_type or starts_with(k.event_type, h.event_type || '.'))
       and (h.since is null or k.newest_occurred_at >= h.since) and (h.until is null or k.oldest_occurred_at < h.until)
     where h.released_seq is null and (h.expires_at is null or h.expires_at > now()) order by 1`,
    [row.act],
  )
  return rows.map(({ name }) => name)
}

async function filesOf(
  target: ConnectionTarget,
  row: ArchiveRow,
  { at, store: context }: ShowArchiveOptions,
): Promise<Pick<ShownArchive, "looked_at" | "files" | "files_problem">> {
  const location = at ?? row.location
  try {
    const store = await openPlace(target, location, context)
    try {
      const { manifest, sha256 } = await readArchiveManifest(store, row.name)
      if (sha256 !== row.manifest) {
        const files_problem = `its manifest is not the one that act ${row.act} recorded: pgtrail archive verify tells more`
        return { looked_at: location, files: null, files_problem }
      }
      const files = manifest.files.map((file) => ({
        name: file.name,
        rows: file.rows,
        ...stored(file),
        recipients: file.age?.recipients ?? null,
      }))
      return { looked_at: location, files, files_problem: null }
    } finally {
      await store.close()
    }
  } catch (error) {
    const known = toTrailError(error)
    if (!(known instanceof TrailError)) throw known
    return { looked_at: location, files: null, files_problem: known.message }
  }
}
