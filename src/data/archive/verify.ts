// Checks archives where they lie, one after the other, without a database: those of a place, or the one that is named.
import { TrailError } from "../errors.js"
import { isKey, openStore, type Store, type StoreContext } from "../store/store.js"
import { checkArchive } from "./check.js"
import { type ArchiveCheck, type ArchiveFinding, ArchiveFindings } from "./findings.js"
import { manifestName, stored } from "./manifest.js"

export interface VerifyArchivesOptions {
  readonly store: StoreContext
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  /** Size and sha256 of the files alone. */
  readonly quick?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with the archive and the events of it read so far. */
  readonly progress?: ((archive: string, events: number) => void) | undefined
}

export interface VerifiedArchive {
  readonly name: string
  readonly location: string
  readonly verdict: ArchiveCheck["verdict"]
  /** Events whose hash was computed anew, and those of them with a digest in place of values. */
  readonly events: string
  readonly redacted: string
  /** How many groups of columns these are: that their values are what redactions left, only the log can say. */
  readonly redacted_groups: string
  readonly log_id: string | null
  readonly partition: string | null
  readonly oldest_occurred_at: string | null
  readonly newest_occurred_at: string | null
  /** Of the manifest, and what the events come to: the act of the purge has both. Null where they were not read. */
  readonly manifest_sha256: string | null
  readonly records: string | null
  readonly findings: readonly ArchiveFinding[]
  /** All, of which the list has the first 1,000. */
  readonly findings_total: string
}

export interface ArchiveVerification {
  readonly schema: "pgtrail.archive_verification/1"
  /** The worst of all; `whole` where nobody read the events. */
  readonly verdict: ArchiveCheck["verdict"]
  readonly events: string
  readonly archives: readonly VerifiedArchive[]
}

interface Checked {
  readonly archive: VerifiedArchive
  readonly check: ArchiveCheck
}

const byGravity = ["tampered", "incomplete", "whole", "intact"] as const

/**
 * `locations` as readLocation gives them: of archives, of one archive, or of its manifest. Throws TrailError `not-found` where there is
 * none, and what the store throws where it cannot be read.
 */
export async function verifyArchives(
  locations: readonly string[],
  options: VerifyArchivesOptions,
): Promise<ArchiveVerification> {
  const checked: Checked[] = []
  for (const location of locations) {
    const store = await openStore(location.replace(/(?<=.)\/manifest\.json$/, ""), options.store)
    try {
      const one = await single(store.location, options.store)
      try {
        for (const name of one === undefined ? await namesIn(store) : [one.name]) {
          checked.push(await verifyOne(one?.store ?? store, name, options))
        }
      } finally {
        await one?.store.close()
      }
    } finally {
      await store.close()
    }
  }
  const archives = checked.map((one) => withExchanged(one, checked))
  const verdict = byGravity.find((known) => archives.some((archive) => archive.verdict === known))
  return {
    schema: "pgtrail.archive_verification/1",
    verdict: verdict ?? "whole",
    events: String(archives.reduce((total, { events }) => total + BigInt(events), 0n)),
    archives,
  }
}

/** The store that an archive lies in, where the place is that of one archive. */
async function single(
  location: string,
  context: StoreContext,
): Promise<{ readonly store: Store; readonly name: string } | undefined> {
  const [, above = "", last = ""] = /^((?:file|s3):\/\/.+)\/([^/]+)$/.exec(location) ?? []
  if (!isKey(`${last}/${manifestName}`)) return undefined
  let store: Store | undefined
  try {
    store = await openStore(above, context)
    if ((await store.size(`${last}/${manifestName}`)) !== undefined) return { store, name: last }
  } catch (error) {
    // What lies above may be nobody's to read: then it is a place of archives.
    if (!(error instanceof TrailError)) throw error
  }
  await store?.close()
  return undefined
}

async function namesIn(store: Store): Promise<string[]> {
  const names = new Set<string>()
  for await (const { key } of store.list("")) names.add(key.slice(0, key.indexOf("/")))
  if (names.size > 0) return [...names].sort()
  throw new TrailError("not-found", `there are no archives at ${store.location}`, {
    hint: "name the place that archive create wrote to, or the folder of one archive",
  })
}

async function verifyOne(
  store: Store,
  name: string,
  { identities, quick, signal, progress }: VerifyArchivesOptions,
): Promise<Checked> {
  signal?.throwIfAborted()
  const check = await unfinished(store, name)
  const found =
    check ??
    (await checkArchive(store, name, {
      identities,
      quick,
      signal,
      progress: progress && ((count) => progress(name, count)),
    }))
  const {
    verdict,
    findings,
    findings_total,
    manifest,
    manifestSha256,
    records,
    events,
    redacted,
    redactedGroups,
  } = found
  const archive: VerifiedArchive = {
    name,
    location: store.location,
    verdict,
    events: String(events),
    redacted: String(redacted),
    redacted_groups: String(redactedGroups),
    log_id: manifest?.log_id ?? null,
    partition: manifest?.partition.name ?? null,
    oldest_occurred_at: manifest?.oldest_occurred_at ?? null,
    newest_occurred_at: manifest?.newest_occurred_at ?? null,
    manifest_sha256: manifestSha256 ?? null,
    records: records ?? null,
    findings,
    findings_total,
  }
  return { archive, check: found }
}

/** Told where the bytes that lie in one archive are those that the manifest of another has. */
function withExchanged({ archive, check }: Checked, all: readonly Checked[]): VerifiedArchive {
  const isOf = (one: Checked, sha256: string): boolean =>
    one.check.manifest?.files.some((file) => stored(file).sha256 === sha256) ?? false
  const exchanged = check.files.flatMap(({ name, sha256 }): ArchiveFinding[] => {
    const other = isOf({ archive, check }, sha256) ? undefined : all.find((one) => isOf(one, sha256))
    if (other === undefined) return []
    const message = `it is that of ${other.archive.name}: files were exchanged`
    return [{ kind: "file", file: name, line: null, organization_id: null, lane: null, seq: null, message }]
  })
  if (exchanged.length === 0) return archive
  return {
    ...archive,
    findings: [...exchanged, ...archive.findings],
    findings_total: String(BigInt(archive.findings_total) + BigInt(exchanged.length)),
  }
}

/** A folder without a manifest: nobody can tell an archive that was never finished from one whose manifest was taken away. */
async function unfinished(store: Store, name: string): Promise<ArchiveCheck | undefined> {
  if ((await store.size(`${name}/${manifestName}`)) !== undefined) return undefined
  const findings = new ArchiveFindings()
  findings.add("unfinished", "there is none: it was never finished, or the manifest was taken away", {
    file: manifestName,
  })
  return {
    name,
    verdict: findings.verdict(false),
    findings: findings.list,
    findings_total: String(findings.total),
    manifest: undefined,
    manifestSha256: undefined,
    records: undefined,
    events: 0,
    redacted: 0,
    redactedGroups: 0,
    files: findings.files,
    hashes: new Map(),
  }
}
