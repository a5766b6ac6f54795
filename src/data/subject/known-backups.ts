// The backups that were made while a subject's events stood in the log: by the acts that record them, as far as they lie there still.
import { access } from "node:fs/promises"
import type { ClientBase } from "pg"
import { keepName } from "../backup/keep.js"
import { manifestName } from "../backup/manifest.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { pathOf } from "../store/location.js"
import { openStore, type Store, type StoreContext } from "../store/store.js"
import type { Span } from "./spans.js"

export interface KnownBackup {
  readonly name: string
  readonly location: string
  /** When it was begun. */
  readonly at: string
  /** What it is limited to; null of the whole log. */
  readonly organization: string | null
  readonly partition: string | null
  /** When it goes, by how long backups are kept; null where nobody said, and of one that is kept. */
  readonly until: string | null
  /** No rule removes it: pgtrail backup keep. */
  readonly kept: boolean
  /** It lies there. False: nobody could look, or nothing that was looked at is a place of backups. */
  readonly seen: boolean
}

export interface BackupScope {
  /** How many days backups are kept, as whoever makes them says. */
  readonly backupsKeptDays?: number | undefined
  readonly store?: StoreContext | undefined
}

/** Oldest first. What does not lie any more where it was put is left out, as is what nobody can look at and is to be gone by now. */
export async function backupsIn(
  client: ClientBase,
  spans: readonly Span[],
  { backupsKeptDays, store }: BackupScope,
): Promise<KnownBackup[]> {
  if (spans.length === 0) return []
  const { rows } = await client.query<Candidate>(
    `select b.name, b.location, b.at, b.organization, b.partition, b.at + $2::int * interval '24 hours' as until,
       coalesce(b.at + $2::int * interval '24 hours' < now(), false) as over
     from (
       select a.seq, a.recorded_at, a.parameters->>'name' as name, a.parameters->>'location' as location,
         (a.parameters->>'at')::timestamptz as at, a.parameters->>'organization' as organization, a.parameters->>'partition' as partition
       from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'backup'
     ) b
     where exists (
       select from jsonb_to_recordset($1::jsonb) s (since timestamptz, until timestamptz, organizations jsonb, partitions jsonb)
       -- Its act is the last of it: what was recorded while it was made may be in it.
       where (s.since is null or b.recorded_at >= s.since) and (s.until is null or b.at <= s.until)
         and (b.organization is null or s.organizations is null or jsonb_typeof(s.organizations) = 'null' or s.organizations ? b.organization)
         -- The partition may have been another one then.
         and (b.partition is null or s.partitions is null or jsonb_typeof(s.partitions) = 'null' or s.partitions ? b.partition
           or not exists (select from pgtrail.partitions() p where p.name = b.partition and not p.is_default)))
     order by b.at, b.name collate "C"`,
    [JSON.stringify(spans), backupsKeptDays ?? null],
  )
  const places = new Map<string, Candidate[]>()
  for (const row of rows) places.set(row.location, [...(places.get(row.location) ?? []), row])
  const states = new Map<Candidate, State>()
  for (const [location, those] of places) await lookAt(location, those, states, store)
  return rows.flatMap((row) => {
    const { seen, kept, gone } = states.get(row) ?? unseen
    if (gone || (!seen && row.over === "t")) return []
    const { name, location, organization, partition } = row
    const until = kept ? null : writeTime(row.until)
    return [{ name, location, at: writeTime(row.at), organization, partition, until, kept, seen }]
  })
}

type Candidate = Readonly<
  Record<"name" | "location" | "at" | "over", string> &
    Record<"organization" | "partition" | "until", string | null>
>

interface State {
  readonly seen: boolean
  readonly kept: boolean
  readonly gone: boolean
}

const unseen: State = { seen: false, kept: false, gone: false }

/** A place that has none of them may be another one of the same name, on another machine. */
async function lookAt(
  location: string,
  those: readonly Candidate[],
  into: Map<Candidate, State>,
  context: StoreContext | undefined,
): Promise<void> {
  const found = new Map<Candidate, State>()
  let store: Store | undefined
  try {
    if (location.startsWith("file:")) await access(pathOf(location))
    store = await openStore(location, context ?? {})
    for (const one of those) {
      const seen = (await store.size(`${one.name}/${manifestName}`)) !== undefined
      const kept = seen && (await store.size(`${one.name}/${keepName}`)) !== undefined
      found.set(one, { seen, kept, gone: !seen })
    }
  } catch (error) {
    if (!(error instanceof TrailError) && !isFileError(error)) throw error
    return
  } finally {
    await store?.close().catch(() => undefined)
  }
  const isPlace = location.startsWith("s3:") || [...found.values()].some(({ seen }) => seen)
  if (isPlace) for (const [one, state] of found) into.set(one, state)
}

const isFileError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && "syscall" in error
