// Compares a backup with the log that is in a database: equal, or what explains it, or the first event of each lane that differs.
import type { Client } from "pg"
import { whileWatched } from "../connection/watch.js"
import { type ConnectionTarget, fixedTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { abortable } from "../export/abortable.js"
import type { Store } from "../store/store.js"
import { grouped } from "../words.js"
import { compareBounds } from "./compare-bounds.js"
import { Doubtful } from "./compare-doubtful.js"
import { type Compared, Counts, readFile, readLanes, readRelation } from "./compare-events.js"
import type { BackupComparison, CompareOptions, EventDifference, TableComparison } from "./compare-options.js"
import { report } from "./compare-report.js"
import { readActsSince } from "./compare-rules.js"
import { broken, needSound } from "./compare-sound.js"
import { compareTable, lost } from "./compare-tables.js"
import { locateBackup } from "./locate.js"
import type { BackupManifest } from "./manifest.js"
import { ownSignal } from "./own-signal.js"
import { isRewritten, readRecorded, rewritten } from "./recorded.js"
import { ChangedMeanwhile, lockPatience } from "./relations.js"
import { beginSnapshot, refuseUnreadable, type Snapshot } from "./snapshot.js"

/** The last one keeps every table as it is while it reads. */
const attempts = 3

/**
 * `location` as a place of backups or one of them. Throws `usage` where the backup is of another log, `broken` where a file is not what was
 * backed up, `config` where it is encrypted and no identity opens it, `privilege`, `not-found`.
 */
export async function compareBackup(
  target: ConnectionTarget,
  location: string,
  options: CompareOptions = {},
): Promise<BackupComparison> {
  const { jobs = 2, signal } = options
  try {
    return await compared(target, location, { ...options, jobs })
  } catch (error) {
    if (signal?.aborted !== true) throw error
    throw new TrailError("cancelled", "stopped before the end", { hint: "nothing was changed", cause: error })
  }
}

async function compared(
  target: ConnectionTarget,
  location: string,
  options: CompareOptions & { readonly jobs: number },
): Promise<BackupComparison> {
  const { jobs, signal } = options
  if (!(Number.isInteger(jobs) && jobs >= 1 && jobs <= 64)) {
    throw new TrailError("usage", "--jobs is a number from 1 to 64", { hint: "nothing was compared" })
  }
  const { store, name } = await locateBackup(
    location,
    { ...options.store, signal },
    { nothing: "nothing was compared" },
  )
  try {
    const { manifest, sha256 } = await needSound(store, name, { identities: options.identities, signal })
    const watched = <T>(work: (client: Client) => Promise<T>): Promise<T> =>
      watchedWork(target, options, signal, work)
    await watched(async (client) => {
      await refuseUnreadable(client)
      const recorded = await readRecorded(client)
      if (isRewritten(recorded, name, sha256)) throw broken(`the manifest of ${name} ${rewritten}`)
    })
    for (let number = 1; ; number += 1) {
      try {
        return await watched((client) =>
          once(client, target, { store, manifest }, options, number === attempts),
        )
      } catch (error) {
        if (number === attempts || !mayGoOn(error)) throw error
        options.progress?.("begins again on a fresh snapshot")
      }
    }
  } catch (error) {
    throw comparing(error)
  } finally {
    await store.close()
  }
}

/** What is said of a log that cannot be backed up is said of one that cannot be compared. */
function comparing(error: unknown): unknown {
  if (!(error instanceof TrailError) || error.hint === undefined) return error
  const hint =
    error instanceof ChangedMeanwhile
      ? "nothing was changed; run it again"
      : ["config", "incomplete"].includes(error.code) && !error.hint.startsWith("nothing was ")
        ? `nothing was compared; ${error.hint}`
        : error.hint.replace("nothing was backed up", "nothing was compared")
  if (hint === error.hint) return error
  const message = error.message.replace("while the log was backed up", "while it was compared")
  return new TrailError(error.code, message, { hint, sqlstate: error.sqlstate, cause: error })
}

/** On a connection of its own, which is cut where the server goes silent; nobody waits for a lock without end. */
const watchedWork = <T>(
  target: ConnectionTarget,
  { silenceMs = 30_000 }: CompareOptions,
  signal: AbortSignal | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> =>
  withClient(target, (client) =>
    abortable(client, signal, () =>
      whileWatched(client, target, silenceMs, async () => {
        await client.query(lockPatience)
        return await work(client)
      }),
    ),
  )

/** A table was made anew, or a standby let its replay come first. */
const mayGoOn = (error: unknown): boolean =>
  error instanceof ChangedMeanwhile ||
  (error instanceof TrailError &&
    error.code === "cancelled" &&
    ["40001", "40P01"].includes(error.sqlstate ?? ""))

async function once(
  client: Client,
  target: ConnectionTarget,
  { store, manifest }: { readonly store: Store; readonly manifest: BackupManifest },
  options: CompareOptions,
  locked: boolean,
): Promise<BackupComparison> {
  const { jobs = 2, identities, signal, progress } = options
  progress?.("looking at the log")
  const snapshot = await beginSnapshot(client, locked)
  if (!manifest.log_ids.some((id) => snapshot.logIds.includes(id))) throw another(manifest, snapshot)
  const read = { identities, signal }
  const { organization } = manifest
  const { rows } = await client.query<{ literal: string }>("select quote_literal($1::text) as literal", [
    organization ?? "",
  ])
  let seen = 0
  const compared: Compared = {
    store,
    manifest,
    read,
    snapshot,
    organizationLiteral: organization === null ? undefined : rows[0]?.literal,
    lanes: await readLanes(client, { store, manifest, read }, snapshot),
    counts: new Counts(),
    counted: (more) => {
      seen += more
      progress?.(`${grouped(seen)} events read, on both sides`)
    },
  }
  const events = manifest.tables.filter(({ kind }) => kind !== "table")
  const relations = snapshot.relations.filter(
    ({ kind, name }) => kind !== "table" && (manifest.partition === null || name === manifest.partition),
  )
  await inTurn(target, jobs, options, [
    ...relations.map(
      (relation): Turn =>
        (own, signal) =>
          readRelation(own, relation, { ...compared, read: { identities, signal } }),
    ),
    ...events.map(
      (table, file): Turn =>
        (_, signal) =>
          readFile(table, file, { ...compared, read: { identities, signal } }),
    ),
  ])
  let first: readonly EventDifference[] = []
  const tables: TableComparison[] = compareBounds(manifest, snapshot)
  const acts = await readActsSince(client, manifest.act?.seq ?? "0")
  if (!(await hasAct(client, manifest))) {
    compared.counts.warnings.push(
      `the log does not have act ${manifest.act?.seq} as the backup has it: one of them is of a copy of the log, or the log was set back`,
    )
  }
  await inTurn(target, 1, options, [
    async (own) => {
      const doubtful = new Doubtful(own, compared)
      await doubtful.run(events)
      first = doubtful.differences()
      progress?.("comparing the acts and the other tables")
    },
    ...manifest.tables
      .filter(({ kind }) => kind === "table")
      .map((table) => async (own: Client) => {
        const relation = snapshot.relations.find(({ name, kind }) => name === table.name && kind === "table")
        const found =
          relation === undefined ? lost(table.name) : await compareTable(own, table, relation, acts, compared)
        if (found !== undefined) tables.push(found)
      }),
  ])
  if (snapshot.relations.some(({ name }) => name === "archive")) {
    const archives = await client.query<{ act: string }>(
      "select a.act_seq as act from pgtrail.archive a where a.act_seq > $1",
      [manifest.act?.seq ?? "0"],
    )
    for (const row of archives.rows) compared.counts.archives.add(row.act)
  }
  await client.query("rollback")
  return report(compared, first, tables)
}

/** Whether the acts of the log go on from those of the backup. */
async function hasAct(client: Client, { act }: BackupManifest): Promise<boolean> {
  if (act === null) return true
  const { rows } = await client.query<{ hash: string }>(
    "select encode(a.hash, 'hex') as hash from pgtrail.act a where a.seq = $1",
    [act.seq],
  )
  return rows[0]?.hash === act.hash
}

const another = (manifest: BackupManifest, { database }: Snapshot): TrailError =>
  new TrailError("usage", `${manifest.name} is a backup of another log than that in database ${database}`, {
    hint: `nothing was compared; it is of log ${manifest.log_id}, which was in database ${manifest.database}`,
  })

/** A piece of work, which ends with the signal. */
type Turn = (client: Client, signal: AbortSignal) => Promise<void>

/** `jobs` connections, each with one piece of work after another. The first failure ends all. */
async function inTurn(
  target: ConnectionTarget,
  jobs: number,
  options: CompareOptions,
  queue: Turn[],
): Promise<void> {
  const { signal } = options
  const stopping = new AbortController()
  const failures: unknown[] = []
  const work = (): Promise<void> => {
    const either = ownSignal(signal, stopping.signal)
    return watchedWork(fixedTarget(target), options, either, async (client) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        either.throwIfAborted()
        await next(client, either)
      }
    })
  }
  const workers = Array.from({ length: Math.min(jobs, queue.length) }, () =>
    work().catch((error: unknown) => {
      failures.push(error)
      stopping.abort()
    }),
  )
  await Promise.all(workers)
  signal?.throwIfAborted()
  // The others ended because of it.
  if (failures.length > 0) throw failures[0]
}
