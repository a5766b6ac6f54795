// Brings the events of an archive back: into the log, where they are judged once more, or into a table beside it.

import { pipeline } from "node:stream/promises"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { performAct } from "../act/perform.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { eventColumns } from "../event-columns.js"
import { analyze } from "../partition/analyze.js"
import { patienceOf, retried } from "../partition/change.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import type { Store, StoreContext } from "../store/store.js"
import { grouped, plural } from "../words.js"
import { openPlace } from "./files.js"
import { findArchive } from "./find.js"
import type { ArchiveManifest } from "./manifest.js"
import type { ArchiveRow } from "./options.js"
import { archiveRows, readArchiveManifest } from "./read.js"
import { refuseUnable } from "./refusals.js"
import { refuseBack } from "./refuse-back.js"
import { makePartitions } from "./restore-partitions.js"
import { beside, refuseTaken } from "./restore-schema.js"
import { isUnsettled, settledAct } from "./settle.js"

export interface RestoreOptions {
  readonly reason: string
  /** Who asked for it: a name, or the number of a request. */
  readonly requestedBy?: string | undefined
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
  /** Into a table `event` of this schema, and not into the log. */
  readonly schema?: string | undefined
  /** Where it lies, as readLocation gives it, where that is not where it was put. */
  readonly from?: string | undefined
  /** Private keys of age, for files that are encrypted. */
  readonly identities?: readonly string[] | undefined
  readonly store?: StoreContext | undefined
  /** Milliseconds to wait for a moment in which a partition can be made. Default 30,000. */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface RestoredArchive {
  readonly name: string
  readonly location: string
  readonly act: string
  readonly events: string
  /** Null: into the log. */
  readonly schema_name: string | null
  /** Beside the log: the table, quoted as SQL takes it, and whether its schema was made for it. */
  readonly table_name: string | null
  readonly schema_made: boolean
  /** Partitions that were made for them. */
  readonly partitions: readonly string[]
  /** Retention takes none of them before that; null without a grace, and beside the log. */
  readonly stays_until: string | null
}

/** Throws `not-found`, `usage` where they are back already, `broken` where the archive is not what was archived, `privilege`, `config`, `read-only`. */
export function restoreArchive(
  target: ConnectionTarget,
  name: string,
  options: RestoreOptions,
): Promise<RestoredArchive> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  return withClient(target, async (client) => {
    const { schema } = options
    await refuseUnable(client, {
      calls: schema === undefined ? "restore_archive" : "record_restore",
      nothing,
      key: options.key,
      reads: schema !== undefined,
    })
    if (options.reason.trim() === "") {
      throw new TrailError("usage", "a restore takes a reason", { hint: `${nothing}; --reason "why"` })
    }
    const row = await findArchive(client, name, nothing)
    if (row.restored_act !== null && schema === undefined) await refuseBack(client, row)
    refuseGone(row, options)
    if (schema !== undefined) await refuseTaken(client, schema)
    const location = options.from ?? row.location
    const store = await openPlace(target, location, options.store).catch(saying)
    try {
      const manifest = await manifestOf(store, row)
      const job: Job = { target, client, store, row, manifest, options, key }
      return schema === undefined ? await intoLog(job) : await intoSchema(job, schema)
    } catch (error) {
      return saying(error)
    } finally {
      await store.close()
    }
  })
}

const nothing = "nothing was restored"

/** Throws it again, with what became of the restore; of an act that was lost with its connection nobody knows that yet. */
function saying(error: unknown): never {
  const known = toTrailError(error)
  if (!(known instanceof TrailError) || unsure.has(known.code)) throw known
  const { code, message, sqlstate, hint = "" } = known
  if (/nothing was restored/i.test(`${message} ${hint}`)) throw known
  const rest = hint.replace(/^nothing was (changed|done|read)(; |$)/, "")
  throw new TrailError(code, message, {
    hint: rest === "" ? nothing : `${nothing}; ${rest}`,
    sqlstate,
    cause: error,
  })
}

const unsure: ReadonlySet<string> = new Set(["connection-lost", "cancelled", "closed"])

export interface Job {
  readonly target: ConnectionTarget
  readonly client: Client
  readonly store: Store
  readonly row: ArchiveRow
  readonly manifest: ArchiveManifest
  readonly options: RestoreOptions
  readonly key: SigningKey | undefined
}

function refuseGone(row: ArchiveRow, { from }: RestoreOptions): void {
  if (row.removed_act !== null && from === undefined) {
    throw new TrailError("not-found", `${row.name} was removed by act ${row.removed_act}`, {
      hint: `${nothing}; where a copy of it is kept elsewhere, name the place: --from PLACE`,
    })
  }
}

/** As the act has it: a manifest that differs in one byte is not that of this archive. */
async function manifestOf(store: Store, row: ArchiveRow): Promise<ArchiveManifest> {
  const { manifest, sha256 } = await readArchiveManifest(store, row.name).catch((error: unknown) => {
    if (!(error instanceof TrailError) || error.code !== "not-found") throw error
    const hint = `${nothing}; see what lies there: pgtrail archive list --at ${store.location}`
    throw new TrailError("not-found", error.message, { hint, cause: error })
  })
  if (sha256 === row.manifest) return manifest
  throw new TrailError(
    "broken",
    `the manifest of ${row.name} at ${store.location} is not the one that act ${row.act} recorded`,
    {
      hint: `${nothing}; it was altered, or is of another archive: pgtrail archive verify ${store.location}`,
    },
  )
}

async function intoLog(job: Job): Promise<RestoredArchive> {
  const { target, client, row, options, key } = job
  const partitions = await makePartitions(client, row, options)
  let done: { seq: string; events: string } | undefined
  try {
    await retried(options, () =>
      performAct(client, key, async () => {
        await client.query("select pgtrail.restore_stage()")
        await copyArchive(job, "pg_temp.pgtrail_restored")
        options.progress?.(`checking ${plural(row.events, "event")} and putting them back`)
        const { rows } = await client.query<{ seq: string; events: string }>(
          "select seq, events from pgtrail.restore_archive($1, $2, $3, $4::interval)",
          [row.name, options.reason, options.requestedBy ?? null, patienceOf(options)],
        )
        done = rows[0]
        return done?.seq ?? null
      }),
    )
  } catch (error) {
    const isBack =
      isUnsettled(error) && done !== undefined && (await settled(target, row.name, options)) === done.seq
    if (!isBack) throw error
    return report(job, done?.seq ?? "", partitions, null)
  }
  const { rows } = await client.query<{ until: string | null }>(
    `select now() + nullif(g.days, 0) * interval '24 hours' as until
     from (select coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7) as days) g`,
  )
  await analyze(client, partitions, options)
  return report(job, done?.seq ?? "", partitions, writeTime(rows[0]?.until ?? null))
}

/** Null where nobody can be asked: whoever runs it again is told that they are back. */
const settled = (
  target: ConnectionTarget,
  name: string,
  { patienceMs }: RestoreOptions,
): Promise<string | null> => settledAct(target, name, "restored_seq", patienceMs ?? 30_000).catch(() => null)

async function intoSchema(job: Job, schema: string): Promise<RestoredArchive> {
  const { act, table, isMade } = await beside(job, schema, (into) => copyArchive(job, into))
  return { ...report(job, act, [], null), schema_name: schema, table_name: table, schema_made: isMade }
}

const report = (
  { row, store }: Job,
  act: string,
  partitions: readonly string[],
  staysUntil: string | null,
): RestoredArchive => ({
  name: row.name,
  location: store.location,
  act,
  events: row.events,
  schema_name: null,
  table_name: null,
  schema_made: false,
  partitions,
  stays_until: staysUntil,
})

/** `table` is quoted. The rows are checked against the manifest as they pass; the end of the last comes only if they are those. */
export async function copyArchive(
  {
    client,
    store,
    manifest,
    options,
  }: Pick<Job, "client" | "store" | "manifest"> & {
    readonly options: Pick<RestoreOptions, "identities" | "signal" | "progress">
  },
  table: string,
): Promise<void> {
  const { identities, signal, progress } = options
  const into = client.query(copyFrom(`copy ${table} (${eventColumns.join(", ")}) from stdin`))
  let bytes = 0
  const rows = archiveRows(store, manifest, { identities, signal })
  async function* told(): AsyncGenerator<Buffer> {
    for await (const chunk of rows) {
      bytes += chunk.length
      progress?.(`${grouped(Math.floor(bytes / 1_000_000))} MB read`)
      yield chunk
    }
  }
  await pipeline(told(), into, signal === undefined ? {} : { signal })
}
