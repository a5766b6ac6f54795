// Backs a log up into a folder or a bucket: a file for each table and partition, on one snapshot, and last of all its manifest.
import { randomInt } from "node:crypto"
import type { Client } from "pg"
import { readRecipients } from "../archive/age.js"
import { lookAtPlace } from "../archive/look.js"
import { whileWatched } from "../connection/watch.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { abortable } from "../export/abortable.js"
import { toTrailError } from "../server-errors.js"
import { plural } from "../words.js"
import { attempt, type Backup } from "./attempt.js"
import { openPlace } from "./locate.js"
import type { BackupOptions, BackupRun } from "./options.js"
import { OwnFiles } from "./own-files.js"
import { ChangedMeanwhile, lockPatience } from "./relations.js"
import { silenceOf } from "./restore-options.js"
import { refuseUnreadable } from "./snapshot.js"

/** The last one keeps every table as it is while it reads. */
const attempts = 3

/**
 * Throws `usage`, `not-found`, `privilege`, `disk-full` before anything is written. What is thrown later leaves whole files behind, from
 * which an incremental one goes on, and no manifest: so nothing that is not whole is ever taken for a backup.
 */
export async function createBackup(target: ConnectionTarget, options: BackupOptions): Promise<BackupRun> {
  refuseUnfit(options)
  const { to, signal, recipients = [] } = options
  await readRecipients(recipients)
  const store = await openPlace(to, { ...options.store, signal })
  try {
    const name = await withClient(target, (client) =>
      abortable(client, signal, () =>
        whileWatched(client, target, silenceOf(options), async () => {
          await refuseUnreadable(client)
          return await nameNow(client)
        }),
      ),
    )
    await lookAtPlace(store, "nothing was backed up")
    const own = new OwnFiles(store, name, { signal })
    return await whole({ target, store, options, name, own, found: {} })
  } finally {
    await store.close()
  }
}

async function whole(backup: Backup): Promise<BackupRun> {
  for (let number = 1; ; number += 1) {
    try {
      return await withClient(backup.target, (client) =>
        abortable(client, backup.options.signal, () =>
          whileWatched(client, backup.target, silenceOf(backup.options), async () => {
            await client.query(lockPatience)
            return await attempt(client, backup, number === attempts)
          }),
        ),
      )
    } catch (error) {
      if (number < attempts && mayGoOn(error, backup)) {
        backup.options.progress?.("begins again on a fresh snapshot")
        continue
      }
      await backup.own.dropOthers()
      throw partly(error, backup)
    }
  }
}

/** A table was made anew, or a standby let its replay come first: what was written and is still right is taken over. */
function mayGoOn(error: unknown, { found }: Backup): boolean {
  if (error instanceof ChangedMeanwhile) return true
  if (!(error instanceof TrailError) || found.isStandby !== true) return false
  // Of a session that was ended nobody may have heard why.
  return (
    error.code === "connection-lost" ||
    (error.code === "cancelled" && ["40001", "40P01"].includes(error.sqlstate ?? ""))
  )
}

function partly(error: unknown, { own, options, name, store }: Backup): unknown {
  const isAre = own.noted === 1 ? "is" : "are"
  const [left, goOn] =
    own.noted === 0
      ? ["nothing was backed up", undefined]
      : [
          `${plural(own.noted, "file")} of ${name} at ${store.location} ${isAre} whole, and it has no manifest`,
          "run it again with --incremental to go on from there",
        ]
  const hintOf = (...parts: (string | undefined)[]): string =>
    parts.filter((part) => part !== undefined && part !== "").join("; ")
  if (options.signal?.aborted === true || (error instanceof Error && error.name === "AbortError")) {
    return new TrailError("cancelled", "stopped before the end", { hint: hintOf(left, goOn), cause: error })
  }
  const known = toTrailError(error)
  if (!(known instanceof TrailError)) return known
  if (known.hint?.startsWith("nothing was ") === true && own.noted === 0) return known
  const advice = known.hint?.replace(/^(nothing|no file) was [^;]*; /, "")
  const before = goOn === undefined ? advice : advice?.replace(/(^|; | and )run it again$/, "")
  return new TrailError(known.code, known.message, {
    hint: hintOf(left, before, goOn),
    sqlstate: known.sqlstate,
    cause: error,
  })
}

function refuseUnfit({ jobs, level, partition, organization }: BackupOptions): void {
  const refuse = (message: string): never => {
    throw new TrailError("usage", message, { hint: "nothing was backed up" })
  }
  if (partition !== undefined && organization !== undefined) {
    refuse("--partition and --org contradict each other")
  }
  if (jobs !== undefined && !(Number.isInteger(jobs) && jobs >= 1 && jobs <= 64)) {
    refuse("--jobs is a number from 1 to 64")
  }
  if (level !== undefined && !(Number.isInteger(level) && level >= 1 && level <= 9)) {
    refuse("the level of gzip is a number from 1 to 9")
  }
}

/**
 * backup-20261122T013000Z-a1b2c3: names are in the order of time, within a second too, for the newest is found by them. By the server's clock,
 * as all that the manifest and checkpoints tell: what is younger than the backup is told by its name as well.
 */
async function nameNow(client: Client): Promise<string> {
  const { rows } = await client.query<{ second: string; ms: string }>(
    `select to_char(t, 'YYYYMMDD"T"HH24MISS') as second, to_char(t, 'MS') as ms from (select clock_timestamp() at time zone 'UTC') now (t)`,
  )
  const rest = Number(rows[0]?.ms ?? "0") * 4096 + randomInt(4096)
  return `backup-${rows[0]?.second ?? ""}Z-${rest.toString(16).padStart(6, "0")}`
}
