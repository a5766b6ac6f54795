// How old the last backup of the whole log is, as its act tells: one that is missing every night must not go unseen.
import type { ClientBase } from "pg"
import type { JobState } from "../job/states.js"
import { writeTime } from "../query/columns.js"
import { plural, visible } from "../words.js"
import { type Check, measured, type Thresholds } from "./checks.js"
import { size } from "./facts.js"
import { since } from "./history.js"

export interface LastBackup {
  readonly seq: string
  readonly recorded_at: string
  /** Below 0: the clock was wrong. */
  readonly age_seconds: string
  readonly name: string
  readonly location: string
  /** Null where the act does not say it. */
  readonly events: string | null
  readonly bytes: string | null
}

/** Parameters hold whatever a role that may record wrote there: no cast that could fail. */
export async function lastBackup(client: ClientBase): Promise<LastBackup | null> {
  const { rows } = await client.query<LastBackup>(
    `select a.seq, a.recorded_at, extract(epoch from now() - a.recorded_at)::bigint as age_seconds,
       coalesce(a.parameters->>'name', '') as name, coalesce(a.parameters->>'location', '') as location,
       a.parameters->>'events' as events, a.parameters->>'bytes' as bytes
     from pgtrail.act a
     where a.kind = 'backup' and a.parameters->>'partition' is null and a.parameters->>'organization' is null
     order by a.seq desc limit 1`,
  )
  const [last] = rows
  if (last === undefined) return null
  const { events, bytes } = last
  return { ...last, recorded_at: writeTime(last.recorded_at), events: digits(events), bytes: digits(bytes) }
}

const digits = (text: string | null): string | null => (/^\d{1,19}$/.test(text ?? "") ? text : null)

interface Found {
  /** Whether the role may read the acts. */
  readonly reads: boolean
  readonly backup: LastBackup | null
  readonly jobs: readonly JobState[]
}

/** A log that never had a backup may have its own way: it is told, and no warning, unless the job was ever run. */
export function backupCheck(
  { reads, backup, jobs }: Found,
  installedFor: number,
  thresholds: Thresholds,
): Check {
  if (!reads) return measured("backup-age", null, "this role may not read the acts", thresholds)
  if (backup === null && !jobs.some(({ job }) => job === "backup")) {
    return {
      ...measured("backup-age", 0, "never: pgtrail backup create --to PLACE", thresholds),
      value: null,
    }
  }
  const one = since("backup-age", backup, installedFor, thresholds)
  if (backup === null) return one
  const { name, events, bytes } = backup
  const what = [
    visible(name),
    ...(events === null ? [] : [plural(events, "event")]),
    ...(bytes === null ? [] : [size(bytes)]),
  ]
  return { ...one, message: `${one.message}: ${what.join(", ")}` }
}
