// Finds what a request about a subject would touch: in the log, in detached partitions and in archives. Records nothing, and shows no value.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import type { ArchiveAccess, ArchiveFound } from "./archives.js"
import { type Found, nothingFound, readFound, sumFound } from "./found.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { noPrivacyKeys, type PrivacyKeys } from "./keys.js"
import { limitsOf, type Unsearched, unsearchedBy } from "./limits.js"
import { refuseUnknownOrganization } from "./misnamed.js"
import { type KnownPseudonym, knownPseudonyms } from "./pseudonym.js"
import { refuseUnable } from "./redact.js"
import { findInPartition, partitionsIn, type SubjectScope, stageSubject } from "./stage.js"

export interface FindOptions extends SubjectScope, ArchiveAccess {
  /** Keys of pseudonyms: by them a subject is found that was pseudonymized. */
  readonly keys?: PrivacyKeys | undefined
  /** Milliseconds to wait for locks. Default 30,000. */
  readonly patienceMs?: number | undefined
  /** Whether archives are read. Default true. */
  readonly archives?: boolean | undefined
}

export interface FoundSubject {
  /** In the log, with its detached partitions. */
  readonly found: Found
  /** Archives that have something of the subject, and those that could not be read. */
  readonly archives: readonly ArchiveFound[]
  readonly archives_read: boolean
  /** Under how many pseudonyms the log has the subject, which were looked for too. */
  readonly pseudonyms: string
  /** Where the subject may stand too, and nobody looked. */
  readonly unsearched: Unsearched
  /** What was not searched, and what cannot be erased, in words. */
  readonly limits: readonly string[]
}

const nothing = "nothing was read"

/** Throws `usage`, `privilege`, `read-only`. */
export function findSubject(
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: FindOptions = {},
): Promise<FoundSubject> {
  checkIdentifiers(identifiers)
  return withClient(target, async (client) => {
    await refuseUnable(client, findSignature, { nothing, patienceMs: options.patienceMs })
    await refuseUnknownOrganization(client, options, nothing)
    return findWidened(target, client, await widened(client, identifiers, options.keys), options)
  })
}

export interface Widened {
  readonly all: readonly Identifier[]
  readonly pseudonyms: readonly KnownPseudonym[]
}

/** An event that had the address alone has the pseudonym in its place; that is looked for where the address is, and costs nothing more there. */
const standsIn = ["id", "email", "name", "device", "session"] as const

/** With the pseudonyms under which the log has the subject already. */
export async function widened(
  client: Client,
  identifiers: readonly Identifier[],
  keys: PrivacyKeys = noPrivacyKeys,
): Promise<Widened> {
  if (keys.ids.length === 0) return { all: identifiers, pseudonyms: [] }
  const pseudonyms = await knownPseudonyms(client, keys, identifiers)
  const values = new Set(pseudonyms.map(({ pseudonym }) => pseudonym))
  const kinds = standsIn.filter((kind) => kind === "id" || identifiers.some((one) => one.kind === kind))
  return {
    pseudonyms,
    all: [...identifiers, ...[...values].flatMap((value) => kinds.map((kind) => ({ kind, value })))],
  }
}

export async function findWidened(
  target: ConnectionTarget,
  client: Client,
  { all, pseudonyms }: Widened,
  options: FindOptions,
): Promise<FoundSubject> {
  const found = await findInLog(client, all, options)
  const archives = options.archives === false ? [] : await findArchived(target, all, options)
  const unsearched = await unsearchedBy(
    target,
    client,
    all,
    sumFound([found, ...archives.map((one) => one.found)]),
    options,
  )
  return {
    found,
    archives,
    archives_read: options.archives !== false,
    pseudonyms: String(pseudonyms.length),
    unsearched,
    limits: limitsOf(found, archives, options, all, unsearched),
  }
}

export const findSignature = "pgtrail.find_subject(text,text[],timestamptz,timestamptz,boolean,boolean)"

/** Partition by partition, each in a short transaction: a plan of all of them would stand in the way of whoever changes partitions. */
export async function findInLog(
  client: Client,
  identifiers: readonly Identifier[],
  options: FindOptions,
): Promise<Found> {
  const found: Found[] = []
  for (const partition of await partitionsIn(client, options)) {
    options.signal?.throwIfAborted()
    options.progress?.(`looking through ${partition}`)
    await client.query("begin isolation level read committed")
    try {
      await stageSubject(client, identifiers)
      await findInPartition(client, partition, options)
      found.push(await readFound(client, identifiers))
    } catch (error) {
      // One that was dropped meanwhile has no events.
      if (!isGone(error)) throw error
    } finally {
      await client.query("rollback").catch(() => undefined)
    }
  }
  return sumFound(found)
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && (error as { code?: string }).code === "42P01" && !(error instanceof TrailError)

/** Those that have something of the subject, those that could not be searched, and those that no act tells of. */
export async function findArchived(
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: SubjectScope & ArchiveAccess,
): Promise<ArchiveFound[]> {
  const { findInArchives } = await import("./archives.js")
  const found: ArchiveFound[] = []
  const locations = new Set<string>()
  for await (const archive of findInArchives(target, identifiers, options)) {
    locations.add(archive.location)
    if (!archive.searched || archive.found.events.length > 0 || archive.stays !== null) found.push(archive)
  }
  const { orphansIn } = await import("./orphan-archives.js")
  for await (const orphan of orphansIn(target, locations, options, new Set())) {
    found.push({ ...orphan, searched: false, found: nothingFound, stays: null })
  }
  return found
}
