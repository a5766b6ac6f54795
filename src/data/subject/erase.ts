// Erases a subject: the register first, then one transaction over the log, then files of tables and archives, and the receipt last.
import type { Client } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { committed, living, stepsAfter } from "./after-commit.js"
import { type EarlierErasure, earlierErasures } from "./earlier.js"
import { namedElsewhere } from "./elsewhere.js"
import { type EraseJob, erased, hashesOf, tell } from "./erase-log.js"
import { confirmed, refuseNoRegister, refuseRequest, refuseUnfit } from "./erase-refusals.js"
import { type FindOptions, type FoundSubject, findWidened, type Widened, widened } from "./find.js"
import { staysNothing } from "./found.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { noPrivacyKeys } from "./keys.js"
import { backupsIn } from "./known-backups.js"
import { isUnsearched, limitsOf, unsearchedBy } from "./limits.js"
import { refuseUnknownOrganization } from "./misnamed.js"
import { noteAnswer, unnotedOf } from "./note-request.js"
import { type Receipt, type Remains, refuseUnwritable, writeReceipt } from "./receipt.js"
import { makeReceipt } from "./receipt-facts.js"
import { type Redacted, refuseUnable } from "./redact.js"
import type { ArchiveRedacted } from "./redact-archives.js"
import { type Registered, RegisterFile } from "./register.js"
import { sharedBy } from "./shared-address.js"
import { type Span, stagedSpan, untilArchived, wholeSpan } from "./spans.js"

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
    await refuseUnknownOrganization(client, options, nothing)
    const keys = options.keys ?? noPrivacyKeys
    const { all, pseudonyms } = await widened(client, identifiers, keys)
    if (options.dryRun === true) {
      const found = await findWidened(target, client, { all, pseudonyms }, options)
      const named = await namedElsewhere(client, all, true)
      const would = { ...found, limits: [...named, ...found.limits] }
      return {
        dry_run: true,
        would,
        receipt: null,
        receipt_sha256: null,
        pseudonyms: pseudonyms.length,
        complete: isComplete(would) && named.length === 0,
      }
    }
    confirmed(identifiers, options)
    await refuseRequest(client, options.request)
    if (options.receipt !== undefined) await refuseUnwritable(options.receipt)
    if (options.register !== undefined) await refuseNoRegister(options.register)
    const job: EraseJob = {
      target,
      client,
      named: identifiers,
      options,
      key,
      keys,
    }
    return erase(job)
  })
}

async function erase(job: EraseJob): Promise<ErasedSubject> {
  const { target, options, key } = job
  const register = options.register === undefined ? undefined : await RegisterFile.open(options.register)
  try {
    const { redacted, registered, span, known } = await erased(job, register)
    const { failed, trying } = stepsAfter()
    const archives: ArchiveRedacted[] = []
    const spans: Span[] = span === undefined ? [] : [span]
    const registeredLast = await trying("archives", () =>
      archived(job, known, redacted, register, archives, spans),
    )
    await trying("pseudonyms", () => refuseNew(job, redacted))
    const remains =
      options.physical === true ? await trying("files of the tables", () => rewritten(job)) : undefined
    const { request, receipt: path } = options
    const own = [redacted.act, ...archives.map(({ act }) => act)].filter((act) => act !== null)
    const earlier = (await trying("earlier erasures", () => earlierOf(job, own))) ?? []
    const backups =
      (await trying("backups", () =>
        living(job, async (at) => {
          const last = (await unnotedOf(at, request, earlier)).at(-1)
          if (last !== undefined) spans.push(wholeSpan(last.time))
          return backupsIn(at, spans, options)
        }),
      )) ?? []
    if (request !== undefined) {
      const answered = { act: redacted.act, earlier, archives, backups, spans }
      await trying("register of requests", () => living(job, (at) => noteAnswer(at, request, answered)))
    }
    const receipt = await living(job, async (at) => {
      const unsearched = await unsearchedBy(target, at, known.all, redacted.found, options)
      return makeReceipt(at, {
        ...{ identifiers: known.all, options, redacted, earlier, archives, backups, failed, unsearched },
        limits: limitsOf(redacted.found, [], options, known.all, unsearched),
        register: (registered ?? registeredLast)?.sha256 ?? null,
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
      pseudonyms: known.pseudonyms.length,
      complete,
    }
  } finally {
    await register?.close()
  }
}

/** Each has a transaction of its own, and an erasure of its own in the register, of which it returns the last: a restore may bring its events back into the log. */
async function archived(
  job: EraseJob,
  { all }: Widened,
  { found }: Redacted,
  register: RegisterFile | undefined,
  into: ArchiveRedacted[],
  spans: Span[],
): Promise<Registered | undefined> {
  const { target, named, options, key, keys } = job
  if (options.archives === false) return undefined
  const { redactArchives } = await import("./redact-archives.js")
  const subject = register === undefined ? null : await living(job, (client) => hashesOf(client, keys, named))
  let begun: { readonly act: string; readonly told: Registered }[] = []
  let last: Registered | undefined
  let span: Span | undefined
  const recorded = async (act: string, within: Client): Promise<void> => {
    span = await stagedSpan(within)
    if (register === undefined) return
    begun.push({ act, told: await tell(register, within, act, options, subject) })
  }
  const before = new Set(all.map(({ value }) => value))
  // Of pseudonyms that the log had the erasure there has taken whom they stand for: only others are new.
  const alsoNamed = async (within: Client) =>
    (await widened(within, named, keys)).all.filter(({ value }) => !before.has(value))
  const redaction = { ...options, strategy: "erase", key, recorded, alsoNamed, actors: found.actors } as const
  for await (const archive of redactArchives(target, all, redaction)) {
    into.push(archive)
    // Of several attempts the last is the one that committed, if any did.
    for (const [at, { act, told }] of begun.entries()) {
      const isDone = at === begun.length - 1 && act === archive.act
      await register?.end(told.id, isDone ? "done" : "void")
      if (isDone) last = told
    }
    begun = []
    const stood = archive.act === null ? undefined : span
    if (stood === undefined) continue
    spans.push(await living(job, (at) => untilArchived(at, stood, archive.new_name ?? "")))
  }
  return last
}

/** Of a pseudonym that he got in an archive, while another one was read, the log has whom it stands for. */
async function refuseNew(job: EraseJob, { found }: Redacted): Promise<void> {
  const { organizations, since, until } = job.options
  if ([organizations, since, until].some((one) => one !== undefined) || !staysNothing(found)) return
  const { pseudonyms } = await living(job, (client) => widened(client, job.named, job.keys))
  if (pseudonyms.length === 0) return
  throw new TrailError("retry", "the subject was given a pseudonym meanwhile", {
    hint: "what is erased stays so; run it again for the rest",
  })
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

/** Of a dry run: whether a real one would leave anything. */
const isComplete = ({ found, archives, unsearched }: FoundSubject): boolean =>
  !isUnsearched(unsearched) &&
  sharedBy([found, ...archives.map((archive) => archive.found)].flatMap(({ actors }) => actors)) ===
    undefined &&
  [found, ...archives.map((archive) => archive.found)].every(staysNothing) &&
  archives.every(({ searched, stays }) => searched && stays === null)
