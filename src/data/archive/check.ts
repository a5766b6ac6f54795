// Checks an archive by itself, without a database: its manifest, its files, every event, and that together they are what one purge took.
// Whether a log has purged these events only the log can say: its act has the digest that is computed here.
import { TrailError } from "../errors.js"
import type { Store } from "../store/store.js"
import { CheckedEvents, type RedactedGroup } from "./check-events.js"
import { checkFile } from "./check-file.js"
import { type ArchiveCheck, ArchiveFindings } from "./findings.js"
import { type ArchiveManifest, contradictions, manifestName } from "./manifest.js"
import { type ReadArchiveManifest, readArchiveManifest } from "./read.js"

export type { ArchiveCheck, ArchiveFinding, LyingFile } from "./findings.js"

export interface CheckArchiveOptions {
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  /** Size and sha256 of the files alone. */
  readonly quick?: boolean | undefined
  /** Places whose hashes are wanted: by chain, as verify/row.ts keys it. */
  readonly known?: ReadonlyMap<string, ReadonlySet<number>> | undefined
  /** Called for each group of an event of which values were redacted: only the log can say whether these are what is to be there. */
  readonly redaction?: ((redaction: RedactedGroup) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with the events read so far. */
  readonly progress?: ((events: number) => void) | undefined
}

/** Never throws for what is wrong with the archive, but for a store that cannot be reached. */
export async function checkArchive(
  store: Store,
  name: string,
  options: CheckArchiveOptions = {},
): Promise<ArchiveCheck> {
  const findings = new ArchiveFindings()
  const read = await manifestOf(store, name, findings, options)
  const { known = new Map(), redaction } = options
  const events = new CheckedEvents(findings, read?.manifest.log_ids ?? [], known, redaction)
  const answer = (records?: string): ArchiveCheck => ({
    name,
    verdict: findings.verdict(records !== undefined),
    findings: findings.list,
    findings_total: String(findings.total),
    manifest: read?.manifest,
    manifestSha256: read?.sha256,
    records,
    events: events.count,
    redacted: events.redacted,
    redactedGroups: events.redactedGroups,
    files: findings.files,
    hashes: events.hashes,
  })
  if (read === undefined) return answer()
  const { manifest } = read
  const wrong = contradictions(manifest, name)
  for (const message of wrong) findings.add("manifest", message, { file: manifestName })
  let isWhole = options.quick !== true
  for (const file of manifest.files) {
    const isRead = await checkFile(store, name, file, events, findings, options)
    isWhole &&= isRead
  }
  await checkOthers(store, name, manifest, findings)
  if (!isWhole) return answer()
  return answer(events.finish(manifest))
}

async function manifestOf(
  store: Store,
  name: string,
  findings: ArchiveFindings,
  { signal }: CheckArchiveOptions,
): Promise<ReadArchiveManifest | undefined> {
  try {
    return await readArchiveManifest(store, name, { signal })
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const at = { file: manifestName }
    if (error.code === "not-found") findings.add("manifest", "it is missing", at)
    else if (error.code === "incomplete") findings.add("later", "it was written by a later pgtrail", at)
    else if (error.code === "file" && error.cause === undefined)
      findings.add("manifest", "it is no manifest of an archive: it was altered", at)
    else throw error
    return undefined
  }
}

/** A file that the manifest does not name would be taken for a part of the archive. */
async function checkOthers(
  store: Store,
  name: string,
  { files }: ArchiveManifest,
  findings: ArchiveFindings,
): Promise<void> {
  const known = new Set([manifestName, ...files.map((file) => file.name)])
  for await (const { key } of store.list(`${name}/`)) {
    const file = key.slice(name.length + 1)
    if (!known.has(file)) findings.add("file", "the manifest knows no such file", { file })
  }
}
