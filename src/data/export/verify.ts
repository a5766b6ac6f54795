// Checks an export without any database: its manifest, its files, every event, and that the events of each lane follow one another.
import { createHash } from "node:crypto"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { type Checkpoint, readKeyFiles } from "../checkpoint/anchor.js"
import { chunks } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { checkEnds, checkLanes } from "./check-lanes.js"
import { checkManifest } from "./check-manifest.js"
import { RowChecks, type Watched } from "./check-rows.js"
import { headsByLane, laneKey, openCheckpoints, refuseOthers } from "./covering.js"
import { RowCutter } from "./csv.js"
import { fileForm } from "./file-rows.js"
import { type Manifest, type ManifestFile, manifestName, signatureName } from "./manifest.js"
import { judgeSignature } from "./note.js"
import { readManifest } from "./read-manifest.js"
import { ExportFindings, type ExportReport } from "./report.js"

export interface VerifyExportOptions {
  /** Files of the keys that are believed: a signature must be by one of them, and without a checkpoint there must be one. */
  readonly publicKeys?: readonly string[]
  /** A signed checkpoint, whose heads must agree with what was exported. */
  readonly checkpoint?: string | undefined
  readonly signal?: AbortSignal
  /** Called now and then with the events read so far. */
  readonly progress?: (events: number) => void
}

/** Throws TrailError `file` where something cannot be read, `incomplete` for an export of a later pgtrail, `other-log` and `forged` for a checkpoint. */
export async function verifyExport(at: string, options: VerifyExportOptions = {}): Promise<ExportReport> {
  const publicKeys = options.publicKeys ?? []
  const keys = await readKeyFiles(publicKeys)
  const paths = options.checkpoint === undefined ? [] : [options.checkpoint]
  const [checkpoint] = await openCheckpoints(paths, publicKeys)
  const read = await readManifest(at)
  const { manifest, folder } = read
  if (checkpoint !== undefined) refuseOthers([checkpoint], manifest.log_ids)
  const findings = new ExportFindings()
  // With a checkpoint the keys are there for it: a manifest without a signature is then said to have none.
  const about = { logId: manifest.log_id, sha256: read.sha256, time: manifest.created_at }
  const signed = judgeSignature(read.note, about, keys, checkpoint === undefined, (message) =>
    findings.add("signature", message, { file: `${read.name}.sig` }),
  )
  checkManifest(read, findings)
  const rows = new RowChecks(manifest, findings, watchedBy(checkpoint, manifest))
  const hashes = new Map<string, Read>()
  for (const [number, file] of manifest.files.entries()) {
    const found = await checkFile(folder, manifest, number, rows, findings, options)
    if (found !== undefined) hashes.set(file.name, found)
  }
  checkFiles(manifest, hashes, findings)
  if (read.name === manifestName) await checkOthers(folder, manifest, findings)
  if (manifest.checks !== "files") checkLanes(manifest, rows.lanes.finish(), findings)
  if (checkpoint !== undefined) checkEnds(manifest, checkpoint, findings)
  return {
    schema: "pgtrail.export_verification/1",
    verdict: findings.verdict,
    kind: manifest.kind,
    checks: manifest.checks,
    events: String(rows.events),
    without_values: String(rows.withoutValues),
    redacted: String(rows.redacted),
    files: String(manifest.files.length),
    ...signed,
    checkpoint:
      checkpoint === undefined
        ? null
        : { name: checkpoint.name, time: checkpoint.time, lanes: String(rows.agreed) },
    findings: findings.list,
    findings_total: String(findings.total),
    manifest_sha256: read.sha256,
    manifest,
  }
}

function watchedBy(checkpoint: Checkpoint | undefined, manifest: Manifest): Map<string, Watched> {
  if (checkpoint === undefined) return new Map()
  const heads = headsByLane(checkpoint.heads)
  const wanted = manifest.lanes.map(({ organization_id, lane }) => laneKey(organization_id, lane))
  return new Map(wanted.flatMap((key) => (heads.has(key) ? [[key, heads.get(key) as Watched]] : [])))
}

interface Read {
  readonly sha256: string
  readonly bytes: number
}

/** Reads a file once, and returns what it is; undefined where it is not there. */
async function checkFile(
  folder: string,
  manifest: Manifest,
  at: number,
  rows: RowChecks,
  findings: ExportFindings,
  { signal, progress }: VerifyExportOptions,
): Promise<Read | undefined> {
  const file = manifest.files[at] as ManifestFile
  const form = fileForm(manifest)
  const hash = createHash("sha256")
  const closing = [...form.closing]
  let count = 0
  let bytes = 0
  let line = 0
  const cutter = new RowCutter((bytes, start, end, number) => {
    line += 1
    const text = bytes.subarray(start, end)
    const expected = form.opening[line - 1]
    if (expected !== undefined) {
      if (text.toString() !== expected)
        findings.add("file", "the heading is not that of the export", { file: file.name, line: number })
      return
    }
    if (closing.length > 0 && text.toString() === closing[0]) {
      closing.shift()
      return
    }
    count += 1
    if (manifest.checks === "files") return
    const row = readRow(() => form.row(text))
    if (row === undefined)
      findings.add("altered", "it is no row of an export", { file: file.name, line: number })
    else rows.add(row, { file: at, line: number })
  }, form.cut)
  const path = join(folder, file.name)
  try {
    // A pipe would be waited for, and a device has no end.
    if (!(await stat(path)).isFile()) {
      findings.add("file", "it is no file", { file: file.name })
      return undefined
    }
    for await (const chunk of chunks(path, Number.MAX_SAFE_INTEGER)) {
      signal?.throwIfAborted()
      if (chunk === undefined) break
      hash.update(chunk)
      bytes += chunk.length
      cutter.push(chunk)
      progress?.(rows.events)
    }
  } catch (error) {
    if (!isMissing(error)) throw error
    findings.add("file", "it is missing", { file: file.name })
    return undefined
  }
  const cutAt = cutter.isOpen || closing.length > 0 || line < form.opening.length
  if (cutAt)
    findings.add("file", "it ends in the middle: it was cut off", { file: file.name, line: cutter.line })
  if (String(count) !== file.rows && (!cutAt || manifest.checks === "files")) {
    const message = `it has ${count} rows, and ${file.rows} by the manifest`
    findings.add("file", message, { file: file.name })
  }
  return { sha256: hash.digest("hex"), bytes }
}

function readRow<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    // JSON or a character's number that is none.
    return undefined
  }
}

function isMissing(error: unknown): boolean {
  const cause: unknown = error instanceof TrailError ? error.cause : error
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT"
}

function checkFiles(manifest: Manifest, hashes: ReadonlyMap<string, Read>, findings: ExportFindings): void {
  for (const { name, sha256, bytes } of manifest.files) {
    const found = hashes.get(name)
    if (found === undefined) continue
    if (found.sha256 === sha256) {
      // Who changed the file is told so by its sum alone.
      if (String(found.bytes) !== bytes)
        findings.add("file", `it has ${found.bytes} bytes, and ${bytes} by the manifest`, { file: name })
      continue
    }
    const other = manifest.files.find((file) => file.sha256 === found.sha256)
    const message =
      other === undefined
        ? "its sha256 is not that of the manifest: it was altered"
        : `it is what the manifest calls ${other.name}: files were exchanged`
    findings.add("file", message, { file: name })
  }
}

/** A file that the manifest does not name would be taken for a part of the export. */
async function checkOthers(folder: string, { files }: Manifest, findings: ExportFindings): Promise<void> {
  const known = new Set([manifestName, signatureName, ...files.map(({ name }) => name)])
  for (const name of await readdir(folder)) {
    if (!known.has(name) && /^export-/.test(name)) {
      findings.add("file", "the manifest knows no such file", { file: name })
    }
  }
}
