// Verifies a backup where it lies, without a database: its files, and the log in them down to the hash of each event.
import { randomBytes } from "node:crypto"
import { openCheckpoint, readKeyFiles } from "../checkpoint/anchor.js"
import { TrailError } from "../errors.js"
import type { S3Settings, Store } from "../store/store.js"
import { version } from "../version.js"
import { isLater } from "./later.js"
import {
  type BackupList,
  type BackupManifest,
  type BackupTable,
  contradictions,
  manifestName,
} from "./manifest.js"
import { compareRecorded, type RecordedOptions } from "./recorded.js"
import { type VerifyLevel, writeResult } from "./results.js"
import { type Judged, reportOf } from "./verify-answer.js"
import { checkEvents } from "./verify-chains.js"
import { checkOrganization, wrongClaims } from "./verify-claims.js"
import { isAbsurd, readFile } from "./verify-file.js"
import { checkLists } from "./verify-lists.js"
import { judgeLog } from "./verify-log.js"
import { checkLying, Others } from "./verify-lying.js"
import { checkLater, manifestOf, tell } from "./verify-manifest.js"
import { BackupFindings, type BackupVerification, Parts } from "./verify-report.js"
import { backupTables, type TableSource } from "./verify-tables.js"

export interface VerifyBackupOptions extends RecordedOptions {
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  /** The manifest, the sizes of the files, and the two lists: whether these lead from the beginning of each lane to its head. */
  readonly quick?: boolean | undefined
  /** Threads that read events. Default 2; 1 where there is little to read. */
  readonly jobs?: number | undefined
  /** Files of signed checkpoints: the log in the backup must have what they know, but for those that are younger. */
  readonly checkpoints?: readonly string[] | undefined
  /** Files of public keys that vouch for checkpoints and for signatures of acts. */
  readonly publicKeys?: readonly string[] | undefined
  /** Findings that were accepted count as well. */
  readonly strict?: boolean | undefined
  /** Of the bucket that the backup lies in, so that several threads can read it. */
  readonly s3?: S3Settings | undefined
  /** Who verifies, and when: then the result is kept beside the backup, where the store takes it. */
  readonly keep?: { readonly by: string; readonly at: string } | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with the events read so far. */
  readonly progress?: ((events: number) => void) | undefined
  /** Bytes that are kept of doubtful chains at a time; for tests. */
  readonly windowBytes?: number | undefined
}

/**
 * Never throws for what is wrong with the backup, but `not-found` where there is none, what a store throws that cannot be read, what
 * a checkpoint does that is forged or of another log, and `usage` where one is named for a quick look, which compares none.
 */
export async function verifyBackup(
  store: Store,
  name: string,
  options: VerifyBackupOptions = {},
): Promise<BackupVerification> {
  if (options.quick === true && (options.checkpoints ?? []).length > 0) {
    throw new TrailError("usage", "--quick compares no checkpoint: it reads no acts and no events", {
      hint: "nothing was looked at; leave out --quick, or --checkpoint",
    })
  }
  const findings = new BackupFindings()
  const parts = new Parts()
  const read = await manifestOf(store, name, options, findings)
  let bytes = 0n
  let judged: Judged = { notCovered: [], isWhole: false }
  if (read !== undefined) {
    const { manifest } = read
    const isOfLater = isLater(manifest)
    const wrong = [...contradictions(manifest, name), ...(isOfLater ? [] : wrongClaims(manifest))]
    const unknown = compareRecorded(options.recorded, name, read.sha256, findings)
    for (const message of wrong) findings.addFile("manifest", manifestName, `contradicts itself: ${message}`)
    const ofQuick = new Set(readOf(manifest, true).map(({ file }) => file))
    bytes = await checkLying(
      store,
      { ...manifest, name },
      (file) => options.quick !== true || (!isOfLater && ofQuick.has(file)),
      findings,
    )
    if (wrong.length === 0 && isOfLater) {
      const { identities, signal, quick = false } = options
      const others = new Others(store, name, { signal })
      await checkLater(store, manifest, { identities, signal, quick }, others, findings)
    } else if (wrong.length === 0) judged = await judge(store, manifest, options, parts, findings)
    judged = { ...judged, notCovered: [...judged.notCovered, ...unknown] }
  }
  if (parts.failures.length > 0 && findings.total === 0) {
    for (const { part, why } of parts.failures)
      findings.addFile("file", null, `${part} cannot be read: ${why}`)
  }
  const verdict = findings.verdict(options.quick === true, judged.isWhole && parts.failures.length === 0)
  const level: VerifyLevel = options.quick === true ? "quick" : "full"
  const report = reportOf({ store, name, level, verdict, read, bytes, judged, parts, findings })
  if (options.keep === undefined || read === undefined) return report
  const notKept = await writeResult(
    store,
    name,
    {
      name,
      manifest: read.sha256,
      level,
      verdict,
      damaged: findings.isDamaged,
      findings: report.findings_total,
      ...options.keep,
      tool_version: version,
    },
    { signal: options.signal },
  )
  return { ...report, not_kept: notKept ?? null }
}

/** The files that are read besides those of events; a quick look needs the records of purges to follow the lists. */
function readOf({ lists, tables }: BackupManifest, quick: boolean): readonly (BackupList | BackupTable)[] {
  return [...lists, ...tables.filter(({ name, kind }) => kind === "table" && (!quick || name === "purge"))]
}

async function judge(
  store: Store,
  manifest: BackupManifest,
  options: VerifyBackupOptions,
  parts: Parts,
  findings: BackupFindings,
): Promise<Judged> {
  const { identities = [], quick = false, signal } = options
  const keys = await readKeyFiles(options.publicKeys ?? [])
  const anchors = await Promise.all((options.checkpoints ?? []).map((path) => openCheckpoint(path, keys)))
  const others = new Others(store, manifest.name, { signal })
  const reading = { identities, signal }
  const unreadable = new Map<string, string>()
  const locked: string[] = []
  const tables = manifest.tables.filter(({ kind }) => kind === "table")
  for (const { name, rows, file } of readOf(manifest, quick)) {
    let lines = 0
    const visit = (chunk: Buffer): void => {
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1
    }
    if (isAbsurd(file)) {
      unreadable.set(name, "was not read")
      continue
    }
    const found = await readFile(store, manifest.name, file, reading, visit)
    const problems = [...found.problems]
    if (found.isRead && String(lines) !== rows)
      problems.push(`has ${lines} ${lines === 1 ? "row" : "rows"}, and ${rows} by the manifest`)
    await tell(problems, file.name, found.lying?.sha256, others, findings)
    if (found.locked !== undefined) locked.push(found.locked)
    if (!found.isRead) unreadable.set(name, found.problems[0] ?? found.locked ?? "was not read")
  }
  const source: Omit<TableSource, "manifest"> & { readonly manifest: BackupManifest } = {
    store,
    manifest,
    unreadable,
    ...reading,
  }
  const log = backupTables(source)
  const key = randomBytes(32)
  const lists =
    unreadable.has("heads") || unreadable.has("runs")
      ? undefined
      : await parts.run(
          "the lists of heads and runs",
          () => checkLists(source, unreadable.has("purge") ? undefined : log, key, quick, findings),
          signal,
        )
  const unclosed = lists === undefined ? [] : [lists]
  if (quick) return { notCovered: unclosed, isWhole: true }
  if (locked.length > 0) findings.addFile("encrypted", null, `what is in the files ${locked[0]}`)
  if (locked.length === 0) {
    await parts.run("the organizations of the tables", () => checkOrganization(source, findings), signal)
  }
  // What nobody can look into is summed up all the same. Without these tables nothing is judged but each event by itself: what is wrong with
  // one file of a backup must not be told as if the log had been tampered with.
  const lacking = tables
    .filter(({ name }) => unreadable.has(name) && foundations.has(name))
    .map(({ file }) => file.name)
  if (lacking.length > 0 && locked.length === 0)
    parts.failures.push({
      part: "the log",
      why: `without ${lacking.join(", ")} only its events are looked at, each by itself`,
    })
  const judged =
    locked.length > 0 || lacking.length > 0
      ? undefined
      : await judgeLog(
          { source, tables: log, key, anchors, keys, strict: options.strict === true },
          parts,
          findings,
        )
  const chains = await checkEvents({ source, tables: log, judged, key, options, others }, parts, findings)
  const { events, purged } = chains.covered ?? { events: 0, purged: 0 }
  return {
    chains,
    log: judged,
    notCovered: [...(judged?.notCovered ?? []), ...chains.notCovered, catalog],
    // Of one partition nobody can say whether events are missing, and without a checkpoint that was asked for whether all was rewritten.
    isWhole:
      chains.covered !== undefined &&
      events + purged > 0 &&
      manifest.partition === null &&
      judged?.areAllYounger === false,
  }
}

/** What all the rest is judged by. */
const foundations: ReadonlySet<string> = new Set(["log", "incarnation", "loss", "act", "chain_head"])

const catalog = "the catalog, which no backup has (guards, functions, rights): pgtrail verify compares it"
