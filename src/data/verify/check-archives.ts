// Reads the archives in force where they lie, and compares each with the act that made it: so live and archived events are one chain.
import { type ConnectionTarget, withClient } from "../connection.js"
import { grouped } from "../words.js"
import type { ArchivedPurge } from "./archives.js"
import { shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import { isClosed, rewrittenArchive } from "./later-acts.js"
import { locateArchives } from "./locate-archives.js"
import type { VerifyOptions } from "./options.js"
import type { Purges } from "./purges.js"
import type { ArchiveJob, ArchiveRead } from "./read-archive.js"
import { expectedRedactions } from "./redaction-sum.js"
import { chainOf } from "./row.js"
import type { Watched } from "./walk-range.js"

export interface ArchivesReport {
  /** Places that were looked in; none where nobody asked for it. */
  readonly places: readonly string[]
  /** Archives of what was asked for whose events are nowhere else, and the events in them. */
  readonly in_force: string
  readonly events: string
  /** Those that were read and are what their acts made, and their events. */
  readonly read: string
  readonly read_events: string
  /** Those that could not be read. */
  readonly missing: readonly {
    readonly name: string
    readonly location: string
    readonly events: string
    readonly reason: string
  }[]
  /** Names of those that were read at another place than where their acts put them. */
  readonly elsewhere: readonly string[]
}

interface Asked {
  readonly target: ConnectionTarget
  readonly options: VerifyOptions
  /** Events that were read before. */
  readonly events: number
  readonly archives: readonly ArchivedPurge[]
  readonly logIds: readonly string[]
  readonly purges: Pick<Purges, "chains">
  /** 32 bytes, drawn for this verification. */
  readonly key: Uint8Array
  readonly watched: ReadonlyMap<string, readonly Watched[]>
}

/** 16 MiB: below it another thread costs more than it reads. */
const small = 16n * 1024n * 1024n

/** So often an archive is read again, because a redaction put another in its place meanwhile. */
const attempts = 3

/** To be called when nothing holds a snapshot any more: archives may take hours. */
export async function checkArchives(asked: Asked, findings: Findings, attempt = 1): Promise<ArchivesReport> {
  const { options, archives, logIds } = asked
  const places = options.archives ?? []
  const sum = (all: readonly ArchivedPurge[]) =>
    String(all.reduce((total, { events }) => total + count(events), 0n))
  const report = (closed: readonly ArchivedPurge[], seen: Partial<ArchivesReport>): ArchivesReport => {
    const inForce = archives.filter((archive) => !closed.includes(archive))
    return {
      places,
      in_force: String(inForce.length),
      events: sum(inForce),
      read: "0",
      read_events: "0",
      missing: [],
      elsewhere: [],
      ...seen,
    }
  }
  if (places.length === 0 || archives.length === 0) return report([], {})

  // Most verifications read none.
  const [{ readArchives }, { filesOf }] = [
    await import("./archive-pool.js"),
    await import("./read-archive.js"),
  ]
  const { context, found } = await locateArchives(asked.target, options, archives)
  const jobs = archives.flatMap((archive, at): ArchiveJob[] => {
    const { location } = found[at] ?? {}
    if (location === undefined) return []
    const { name } = archive
    return [
      {
        location,
        name,
        context,
        identities: options.identities ?? [],
        known: knownIn(archive, asked.purges),
        key: asked.key,
      },
    ]
  })
  const isSmall = archives.reduce((total, { bytes }) => total + count(bytes), 0n) < small
  const threads = options.jobs ?? (isSmall ? 1 : 2)
  const progress = (more: number) => options.progress?.(asked.events + more)
  const results = await readArchives(jobs, threads, progress, options.signal)
  const reads = new Map(jobs.map(({ name }, at) => [name, results[at]]))

  const closed: ArchivedPurge[] = []
  const sound: ArchivedPurge[] = []
  const missing: ArchivesReport["missing"][number][] = []
  const elsewhere: string[] = []
  const rewritten: ArchivedPurge[] = []
  for (const [at, archive] of archives.entries()) {
    const { name, location, events } = archive
    const { location: place, reason = "it is not there" } = found[at] ?? {}
    const read = reads.get(name)
    const doubt = read === undefined ? reason : read instanceof Error ? read.message : unreadBecause(read)
    const wrong =
      read === undefined || read instanceof Error
        ? undefined
        : (difference(archive, read, logIds) ?? (await redactionDifference(asked, archive, read)))
    // Its files go before the act that removes it is committed.
    const now = (doubt ?? wrong) === undefined ? archive : await archiveNow(asked.target, archive)
    if (now === undefined) closed.push(archive)
    else if (now !== archive && attempt < attempts) rewritten.push(now)
    else if (wrong !== undefined && place !== undefined) {
      const job = { location: place, name, context }
      const files = await filesOf(job, options.signal).catch((error: unknown) => {
        options.signal?.throwIfAborted()
        return [["unread", error instanceof Error ? error.message : ""]]
      })
      findings.add({
        kind: "archive_altered",
        seq: archive.act,
        group: "object",
        message: `the archive ${name} is not what act ${archive.act} archived: ${wrong}`,
        evidence: ["archive", name, ...files.flat()].join(" "),
      })
    } else if (doubt !== undefined) missing.push({ name, location: place ?? location, events, reason: doubt })
    else {
      sound.push(archive)
      if (place !== undefined && place !== location) elsewhere.push(name)
      if (read !== undefined && !(read instanceof Error)) compareKnown(archive, read, asked, findings)
    }
  }
  const seen = report(closed, { read: String(sound.length), read_events: sum(sound), missing, elsewhere })
  if (rewritten.length === 0) return seen
  const again = await checkArchives({ ...asked, archives: rewritten }, findings, attempt + 1)
  return {
    ...seen,
    read: String(BigInt(seen.read) + BigInt(again.read)),
    read_events: String(BigInt(seen.read_events) + BigInt(again.read_events)),
    missing: [...seen.missing, ...again.missing],
    elsewhere: [...seen.elsewhere, ...again.elsewhere],
  }
}

const count = (digits: string): bigint => (/^\d{1,18}$/.test(digits) ? BigInt(digits) : 0n)

/** Places that anchors know, and of which only this archive can tell the hash. */
function knownIn({ act }: ArchivedPurge, { chains }: Pick<Purges, "chains">): Map<string, Set<number>> {
  return new Map(
    [...chains].flatMap(([chain, { inside }]) => {
      const seqs = [...inside].flatMap(([seq, by]) => (by === act ? [seq] : []))
      return seqs.length === 0 ? [] : [[chain, new Set(seqs)] as const]
    }),
  )
}

/** Why a check of an archive says nothing of its events: it is encrypted, or of a later version. */
function unreadBecause({ check }: ArchiveRead): string | undefined {
  if (check.verdict !== "incomplete" && check.verdict !== "whole") return undefined
  return check.findings[0]?.message ?? "its events were not read"
}

/** What of it is not as its act says. */
function difference(
  { manifest, digest }: ArchivedPurge,
  { check, logId }: ArchiveRead,
  logIds: readonly string[],
): string | undefined {
  const [first] = check.findings
  if (logId !== undefined && !logIds.includes(logId)) return `it is of log ${logId}`
  if (check.verdict === "tampered" && first !== undefined) {
    const line = first.line === null ? "" : ` line ${grouped(first.line)}`
    const left = BigInt(check.findings_total) - 1n
    const more = left > 0n ? `, and ${grouped(left)} more` : ""
    return `${first.file ?? "it"}${line}: ${first.message}${more}; pgtrail archive verify tells all`
  }
  // One of a later pgtrail is not read at all.
  if (check.manifestSha256 === undefined) return undefined
  if (check.manifestSha256 !== manifest) return "manifest.json is another than the act knows"
  return check.records === undefined || check.records === digest ? undefined : "these are other events"
}

function compareKnown(
  { act, name }: ArchivedPurge,
  { check }: ArchiveRead,
  { watched }: Asked,
  findings: Findings,
): void {
  for (const [chain, hashes] of check.hashes) {
    const places = [...(watched.get(chain) ?? [])].sort((a, b) => a.seq - b.seq)
    const known = places.find(({ seq, hash }) => {
      const archived = hashes.get(seq)
      return archived !== undefined && archived !== Buffer.from(hash, "latin1").toString("hex")
    })
    if (known === undefined) continue
    const { organization, lane } = chainOf(chain)
    findings.add({
      kind: known.rolledBack ? "rolled_back" : "altered",
      organization_id: organization,
      lane,
      seq: String(known.seq),
      group: "head",
      message: `event ${known.seq} in the archive ${shown(name)} is not the one that ${known.by} knew there: the chain was rewritten`,
      evidence: `watched archive ${act} ${hashes.get(known.seq)}`,
    })
  }
}

/** Whether what stands in the place of redacted values is what its entries say. */
async function redactionDifference(
  { target, key }: Asked,
  { act }: ArchivedPurge,
  { redactions, check }: ArchiveRead,
): Promise<string | undefined> {
  if (check.records === undefined) return undefined
  const expected = await withClient(target, (client) => expectedRedactions(client, act, key))
  return expected === redactions
    ? undefined
    : "values of its events were redacted, or are back, and the entries of redactions say otherwise"
}

/** What the acts have made of it by now; undefined where it is removed or restored. Whoever does that holds the lock of the acts until he has committed. */
function archiveNow(target: ConnectionTarget, archive: ArchivedPurge): Promise<ArchivedPurge | undefined> {
  return withClient(target, async (client) => {
    await client
      .query(
        "begin; set local lock_timeout = '30s'; select pg_advisory_xact_lock_shared(1885828210, -1); commit",
      )
      .catch(() => client.query("rollback"))
    return (await isClosed(client, archive.name)) ? undefined : await rewrittenArchive(client, archive)
  })
}
