// Erases a subject: the register first, then one transaction over the log, then files of tables and archives, and the receipt last.
import type { Client } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { committed, failureWords, living } from "./after-commit.js"
import { type EarlierErasure, earlierErasures } from "./earlier.js"
import { type EraseJob, erased, hashesOf, tell } from "./erase-log.js"
import { confirmed, refuseRequest, refuseUnfit } from "./erase-refusals.js"
import { type FindOptions, type FoundSubject, findWidened, widened } from "./find.js"
import { staysNothing } from "./found.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { noPrivacyKeys } from "./keys.js"
import { isUnsearched, limitsOf, unsearchedBy } from "./limits.js"
import { type Receipt, type Remains, refuseUnwritable, writeReceipt } from "./receipt.js"
import { makeReceipt } from "./receipt-facts.js"
import { refuseUnable } from "./redact.js"
import type { ArchiveRedacted } from "./redact-archives.js"
import { RegisterFile } from "./register.js"

export interface EraseOptions extends FindOptions {
  readonly reason: string
  readonly requestedBy: string
  /** The request in the register of requests. */
  readonly request?: string | undefined
  /** The main identifier once more; not needed in a dry run. */
  readonly confirm?: string | undefined
  readonly dryRun?: boolean | undefined
  /** Writes the files of the touched tables anew, so that no file has the values any more. */
  readonly physical?: boolean | undefined
  /** The file that the receipt is written to, which must not be there. */
  readonly receipt?: string | undefined
  /** The register of erasures, a file outside of the database. */
  readonly register?: string | undefined
  /** A private signing key, as text; signs the acts and the receipt. */
  readonly key?: string | undefined
  /** How many days backups are kept, as whoever makes them says. */
  readonly backupsKeptDays?: number | undefined
}

export interface ErasedSubject {
  readonly dry_run: boolean
  /** In a dry run what would be touched; null of a real one. */
  readonly would: FoundSubject | null
  /** Null in a dry run. */
  readonly receipt: Receipt | null
  /** sha256 of the file; null where none was named. */
  readonly receipt_sha256: string | null
  /** Under how many pseudonyms the subject stood in the log, which were looked for too. */
  readonly pseudonyms: number
  /** Nothing stays that was to go. */
  readonly complete: boolean
}

const nothing = "nothing was erased"

/** Throws `usage` without the confirmation, `privilege`, `config`, `file` where receipt or register cannot be written, `lock-timeout`, `retry`. */
export function eraseSubject(
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: EraseOptions,
): Promise<ErasedSubject> {
  checkIdentifiers(identifiers)
  refuseUnfit(identifiers, options)
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  return withClient(target, async (client) => {
    await refuseUnable(client, "pgtrail.redact_begin(interval)", {
      key,
      nothing,
      patienceMs: options.patienceMs,
    })
    const keys = options.keys ?? noPrivacyKeys
    const { all, pseudonyms } = await widened(client, identifiers, keys)
    if (options.dryRun === true) {
      const would = await findWidened(target, client, { all, pseudonyms }, options)
      return {
        dry_run: true,
        would,
        receipt: null,
        receipt_sha256: null,
        pseudonyms: pseudonyms.length,
        complete: isComplete(would),
      }
    }
    confirmed(identifiers, options)
    await refuseRequest(client, options.request)
    if (options.receipt !== undefined) await refuseUnwritable(options.receipt)
    const job: EraseJob = {
      target,
      client,
      named: identifiers,
      identifiers: all,
      pseudonyms,
      options,
      key,
      keys,
    }
    return erase(job)
  })
}

async function erase(job: EraseJob): Promise<ErasedSubject> {
  const { target, options, identifiers, key } = job
  const register = options.register === undefined ? undefined : await RegisterFile.open(options.register)
  try {
    const { redacted, registered } = await erased(job, register)
    const failed: string[] = []
    const trying = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work()
      } catch (error) {
        failed.push(`${what}: ${failureWords(error)}`)
        return undefined
      }
    }
    const archives: ArchiveRedacted[] = []
    await trying("archives", () => archived(job, register, archives))
    const remains =
      options.physical === true ? await trying("files of the tables", () => rewritten(job)) : undefined
    const { request, receipt: path } = options
    const own = [redacted.act, ...archives.map(({ act }) => act)].filter((act) => act !== null)
    const earlier = (await trying("earlier erasures", () => earlierOf(job, own))) ?? []
    if (request !== undefined) {
      await trying("register of requests", () =>
        living(job, (at) => noteActs(at, request, redacted.act, earlier, archives)),
      )
    }
    const receipt = await living(job, async (at) => {
      const unsearched = await unsearchedBy(target, at, options)
      return makeReceipt(at, {
        ...{ identifiers, options, redacted, earlier, archives, failed, unsearched },
        limits: limitsOf(redacted.found, [], options, identifiers, unsearched),
        register: registered?.sha256 ?? null,
        remains: remains ?? null,
      })
    }).catch((error: unknown) => {
      throw committed(error, redacted.act)
    })
    // What was done is told in any case.
    const sha256 =
      path === undefined ? null : ((await trying("receipt", () => writeReceipt(path, receipt, key))) ?? null)
    const complete = receipt.complete && failed.length === 0
    return {
      dry_run: false,
      would: null,
      receipt: { ...receipt, failed, complete },
      receipt_sha256: sha256,
      pseudonyms: job.pseudonyms.length,
      complete,
    }
  } finally {
    await register?.close()
  }
}

/** Each has a transaction of its own, and an erasure of its own in the register: a restore may bring its events back into the log. */
async function archived(
  job: EraseJob,
  register: RegisterFile | undefined,
  into: ArchiveRedacted[],
): Promise<void> {
  const { target, named, identifiers, options, key, keys } = job
  if (options.archives === false) return
  const { redactArchives } = await import("./redact-archives.js")
  const subject = register === undefined ? null : await living(job, (client) => hashesOf(client, keys, named))
  let begun: { readonly act: string; readonly id: string }[] = []
  const recorded = async (act: string, within: Client): Promise<void> => {
    if (register === undefined) return
    const { id } = await tell(register, within, act, options, subject)
    begun.push({ act, id })
  }
  const redaction = { ...options, strategy: "erase", key, recorded } as const
  for await (const archive of redactArchives(target, identifiers, redaction)) {
    into.push(archive)
    // Of several attempts the last is the one that committed, if any did.
    for (const [at, { act, id }] of begun.entries()) {
      await register?.end(id, at === begun.length - 1 && act === archive.act ? "done" : "void")
    }
    begun = []
  }
}

async function rewritten({ target, options }: EraseJob): Promise<Remains> {
  const { eraseBytes } = await import("./physical.js")
  return eraseBytes(target, options)
}

const earlierOf = (job: EraseJob, own: readonly string[]): Promise<EarlierErasure[]> =>
  living(job, async (client) => {
    const { request, register } = job.options
    const subject = register === undefined ? null : await hashesOf(client, job.keys, job.named)
    return earlierErasures(client, { request, register, subject, own })
  })

/** Who had the events and must be told, as far as the log knows: its archives that still have them. */
async function noteActs(
  client: Client,
  request: string,
  act: string | null,
  earlier: readonly EarlierErasure[],
  archives: readonly ArchiveRedacted[],
): Promise<void> {
  const recipients = archives
    .filter(({ why }) => why !== null)
    .map(({ archive, until }) => ({ kind: "archive", name: archive, until }))
  // One that was killed in between has not noted its own.
  const unnoted = earlier.filter(({ archive }) => archive === null).map((one) => one.act)
  for (const one of [...unnoted, act]) {
    await client.query("select pgtrail.note_request_act($1, $2, $3::jsonb)", [
      request,
      one,
      JSON.stringify(recipients),
    ])
  }
}

/** Of a dry run: whether a real one would leave anything. */
const isComplete = ({ found, archives, unsearched }: FoundSubject): boolean =>
  !isUnsearched(unsearched) &&
  [found, ...archives.map((archive) => archive.found)].every(staysNothing) &&
  archives.every(({ searched }) => searched)
