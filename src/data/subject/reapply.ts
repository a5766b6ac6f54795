// Redacts again what a register lists and a restored database does not know: erasures by places alone, since nobody knows the values any more; and
// then pseudonymizations, which leave alone what was erased.
import type { Client } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient, withTransaction } from "../connection.js"
import type { StoreContext } from "../store/store.js"
import { countFound, type Found, readFound } from "./found.js"
import { noPrivacyKeys, type PrivacyKeys } from "./keys.js"
import { refuseAddress } from "./named.js"
import {
  archivesOf,
  archivesWithListed,
  type ListedArchive,
  lookedAt,
  type ReapplyArchive,
} from "./reapply-archives.js"
import { forgottenAgain, type ReapplyForgotten } from "./reapply-forgotten.js"
import { inspect } from "./reapply-inspect.js"
import { type Listed, listErased } from "./reapply-list.js"
import { lostOf, lostWords, namedAgain, otherLog, ownLogs, ownOf, timesOf, unseen } from "./reapply-own.js"
import { givenAgain, type ReapplyPseudonymization } from "./reapply-pseudonym.js"
import { type Redaction, redactPlanned, refuseUnable } from "./redact.js"
import { missingOf, unregisteredOf } from "./register-missing.js"
import { type Erasure, readRegister } from "./register-read.js"
import { partitionsIn } from "./stage.js"

export interface ReapplyOptions {
  readonly reason?: string | undefined
  readonly requestedBy?: string | undefined
  readonly dryRun?: boolean | undefined
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
  readonly patienceMs?: number | undefined
  /** Of pseudonyms, which are given again with them alone. */
  readonly keys?: PrivacyKeys | undefined
  /** Names of keys that nobody has any more: what was given a pseudonym by them is erased. */
  readonly lostKeys?: readonly string[] | undefined
  /** By it it is looked what lies where archives were put. */
  readonly store?: StoreContext | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface Reapplied {
  readonly dry_run: boolean
  /** seq of the act; null in a dry run, and where nothing was to be done. */
  readonly act: string | null
  /** Erasures of this log that the register lists, and those of other logs. */
  readonly erasures: readonly Erasure[]
  readonly foreign: number
  /** Pseudonymizations of this log that it lists, and what became of them; no count of erasures has them, but of those by a lost key. */
  readonly pseudonymizations: readonly ReapplyPseudonymization[]
  /** Erasures whose pseudonyms were back: the backup was made after these were given. */
  readonly forgotten: readonly ReapplyForgotten[]
  /** How many places of events they list. */
  readonly places: string
  /** Of these: redacted in this log already, redacted now (or to be), and not in the log any more, or in an archive. */
  readonly already: string
  readonly events: string
  readonly gone: string
  /** What stays as it is: under a hold, or not as it was appended. */
  readonly held: string
  readonly unsound: string
  readonly found: Found
  /** Archives whose files still have what the register lists, and those in whose place an erasure wrote others, which have it no more. */
  readonly archives: readonly ReapplyArchive[]
  /** What the register does not have all of, in words: nobody knows what of it came back. */
  readonly missing: readonly string[]
  /** What is not as it should be in the register, in words. */
  readonly warnings: readonly string[]
  readonly complete: boolean
}

const nothing = "nothing was redacted"

/** Throws `file` and `broken` of the register, `other-log` where none of its erasures is of this log, `privilege`, `config`, `retry`. */
export function reapply(
  target: ConnectionTarget,
  register: string,
  options: ReapplyOptions = {},
): Promise<Reapplied> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  refuseAddress({ "--reason": options.reason })
  return withClient(target, async (client) => {
    await refuseUnable(client, "pgtrail.redact_begin(interval)", {
      key,
      nothing,
      patienceMs: options.patienceMs,
    })
    const read = await readRegister(register)
    const own = await ownLogs(client)
    const unregistered = await unregisteredOf(client, read)
    const all = [...read.erasures, ...read.pseudonymizations]
    const [erasures, named] = [ownOf(read.erasures, own), ownOf(read.pseudonymizations, own)]
    if (erasures.length + named.length === 0 && all.length > 0) throw otherLog(register, all)
    const lost = lostOf(named, options)
    const isLost = new Set(lost)
    const toErase = {
      entries: timesOf([...erasures, ...lost]),
      named: timesOf(named.filter((entry) => !isLost.has(entry))),
    }
    let listed: Listed = { places: 0n, missing: 0n, events: 0n }
    const { signal, progress } = options
    const planning = {
      stage: async (): Promise<void> => {
        await client.query("select pgtrail.subject_stage()")
        listed = await listErased(client, register, toErase, { signal, progress })
      },
      find: async (partition: string): Promise<void> => {
        if (listed.missing > 0n) await client.query("select pgtrail.find_listed($1)", [partition])
      },
    }
    const clearedHolds = await namedAgain(client, [...erasures, ...named])
    let listedIn: readonly ListedArchive[] = []
    const reason = options.reason ?? "reapply"
    const redaction: Redaction = {
      ...options,
      replaced: async () => {
        listedIn = await archivesWithListed(client)
        return clearedHolds.length > 0
      },
      clearedHolds,
      strategy: "reapply",
      reason,
      key,
    }
    const dryRun = options.dryRun === true
    const { act, events, found } = dryRun
      ? await planned(client, planning, options, async () => {
          listedIn = await archivesWithListed(client)
        })
      : await redactPlanned(client, redaction, planning)
    const missing = await missingOf(client, read, own, register)
    const again = {
      ...{ register, dryRun, reason, requestedBy: options.requestedBy, patienceMs: options.patienceMs },
      ...{ signal, progress, signing: key, isTorn: missing.length > 0 },
    }
    const forgotten = await forgottenAgain(client, erasures, read, again)
    const inspecting = { register, entries: named, keys: options.keys ?? noPrivacyKeys, signal, progress }
    const inspected = await inspect(client, { ...inspecting, before: dryRun ? toErase : undefined })
    const pseudonymizations = await givenAgain(client, inspected, again)
    const archives = await lookedAt(target, archivesOf(listedIn, inspected.archives), options.store)
    const held = countFound(found, "held")
    const unsound = countFound(found, "unsound")
    return {
      dry_run: dryRun,
      act,
      erasures,
      foreign: all.length - erasures.length - named.length,
      pseudonymizations,
      forgotten,
      places: String(listed.places),
      already: String(listed.places - listed.missing),
      events,
      gone: String(listed.events - BigInt(countFound(found, "events"))),
      held,
      unsound,
      found,
      archives,
      missing,
      warnings: [...read.warnings, ...unseen([...erasures, ...named]), ...lostWords(lost), ...unregistered],
      complete:
        [{ held, unsound, why: null }, ...pseudonymizations, ...forgotten].every(
          (one) => one.held === "0" && one.unsound === "0" && one.why === null,
        ) &&
        archives.every(({ files, left }) => files === "replaced" && left.length === 0) &&
        missing.length === 0,
    }
  })
}

interface Planning {
  stage(): Promise<void>
  find(partition: string): Promise<void>
}

/** What would be redacted; all of it is rolled back. */
function planned(
  client: Client,
  planning: Planning,
  options: ReapplyOptions,
  look: () => Promise<void>,
): Promise<{ readonly act: null; readonly events: string; readonly found: Found }> {
  return withTransaction(client, "begin isolation level read committed", async () => {
    await planning.stage()
    for (const partition of await partitionsIn(client, {})) {
      options.signal?.throwIfAborted()
      await planning.find(partition)
    }
    const found = await readFound(client)
    await look()
    return { act: null, events: countFound(found, "replaced"), found }
  })
}
