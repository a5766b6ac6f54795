// Checks what gdpr export wrote: that its files are what its manifest says, and the manifest what was signed. Needs no database.
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { lstat, readdir, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { sha256 } from "../canonical.js"
import { fileError, readSmall, strictText } from "../checkpoint/files.js"
import { readKeyFiles } from "../checkpoint/keys.js"
import { TrailError } from "../errors.js"
import { manifestName, signatureName } from "../export/manifest.js"
import { judgeSignature, type Signature } from "../export/note.js"
import { readNote } from "../export/read-manifest.js"
import {
  count,
  fileName,
  hash,
  list,
  object,
  oneOf,
  orNull,
  parseManifest,
  text,
  uuid,
} from "../manifest-form.js"
import { plural } from "../words.js"
import type { SubjectManifest } from "./export-manifest.js"
import { readmeName } from "./export-readme.js"

export interface SubjectExportFinding {
  readonly kind: "signature" | "file"
  /** Name in the folder. */
  readonly file: string
  readonly message: string
}

export interface CheckedSubjectExport {
  readonly schema: "pgtrail.subject_export_check/1"
  readonly verdict: "intact" | "tampered"
  readonly findings: readonly SubjectExportFinding[]
  /** Of the manifest; hex. The act of the export has it as its digest. */
  readonly manifest_sha256: string
  readonly log_id: string
  readonly time: string
  readonly request: string | null
  readonly events: string
  readonly signature: Signature["signature"]
  /** Who signed it, name and key id; null without the public keys of whom is believed. */
  readonly key: string | null
}

/** What is relied on here. */
const isManifest = object({
  schema: oneOf("pgtrail.subject-export/1"),
  log_id: uuid,
  created_at: text,
  request: orNull(text),
  counts: object({ events: count }),
  files: list(object({ name: fileName, rows: count, bytes: count, sha256: hash })),
}) as (value: unknown) => value is SubjectManifest

/** Far more than the partitions, archives and rules of any log take. */
const largest = 64 * 1024 * 1024

/**
 * `at`: the folder, the file with the events, or the manifest. Undefined for what is none of these. Throws `file` where something cannot be
 * read, `config` for a file of keys that is none, `incomplete` for one of a later pgtrail.
 */
export async function verifySubjectExport(
  at: string,
  publicKeys: readonly string[],
): Promise<CheckedSubjectExport | undefined> {
  const found = await manifestAt(at)
  if (found === undefined) return undefined
  const { manifest, path, digest } = found
  const keys = await readKeyFiles(publicKeys)
  const findings: SubjectExportFinding[] = []
  const about = { logId: manifest.log_id, sha256: digest, time: manifest.created_at }
  const { signature, signed_by: key } = judgeSignature(await readNote(path), about, keys, true, (message) =>
    findings.push({ kind: "signature", file: `${basename(path)}.sig`, message }),
  )
  const folder = dirname(path)
  for (const file of manifest.files) {
    const message = await differs(join(folder, file.name), file)
    if (message !== undefined) findings.push({ kind: "file", file: file.name, message })
  }
  // Beside a file lie others that are none of its business.
  if (basename(path) === manifestName) {
    const known = [manifestName, signatureName, readmeName, ...manifest.files.map(({ name }) => name)]
    for (const name of await readdir(folder)) {
      if (!known.includes(name)) {
        findings.push({ kind: "file", file: name, message: "the manifest knows no such file" })
      }
    }
  }
  return {
    schema: "pgtrail.subject_export_check/1",
    verdict: findings.length === 0 ? "intact" : "tampered",
    findings,
    manifest_sha256: digest,
    log_id: manifest.log_id,
    time: manifest.created_at,
    request: manifest.request,
    events: manifest.counts.events,
    signature,
    key,
  }
}

interface FoundManifest {
  readonly manifest: SubjectManifest
  readonly path: string
  readonly digest: string
}

async function manifestAt(at: string): Promise<FoundManifest | undefined> {
  const about = await stat(at).catch(() => undefined)
  if (about === undefined) return undefined
  const paths = about.isDirectory() ? [join(at, manifestName)] : [`${at}.${manifestName}`, at]
  for (const path of paths) {
    // The data themselves may be large, and are no manifest.
    const bytes = await readSmall(path, largest).catch(() => undefined)
    const said = bytes === undefined ? undefined : strictText(bytes)
    if (bytes === undefined || said === undefined) continue
    const read = parseManifest(said, "pgtrail.subject-export", isManifest)
    if (read === undefined) continue
    if ("later" in read) {
      throw new TrailError("incomplete", `${path} was written by a later pgtrail`, {
        hint: "nothing was checked; use a pgtrail of at least that version",
      })
    }
    return { manifest: read.manifest, path, digest: sha256(bytes).toString("hex") }
  }
  return undefined
}

/** Why the file is not the one that the manifest names; undefined where it is. */
async function differs(
  path: string,
  wanted: { readonly bytes: string; readonly sha256: string },
): Promise<string | undefined> {
  const about = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw fileError(error, "read", path)
  })
  if (about === undefined) return "it is missing"
  if (!about.isFile()) return "it is no file"
  if (String(about.size) !== wanted.bytes)
    return `it has ${about.size} bytes, and ${wanted.bytes} by the manifest`
  const sum = createHash("sha256")
  try {
    for await (const part of createReadStream(path)) sum.update(part)
  } catch (error) {
    throw fileError(error, "read", path)
  }
  return sum.digest("hex") === wanted.sha256
    ? undefined
    : "its sha256 is not that of the manifest: it was altered"
}

export function describeCheckedSubjectExport(checked: CheckedSubjectExport): string {
  const { verdict, findings, request, log_id, time, events, signature, key } = checked
  const of = `what was given to a person${request === null ? "" : ` for request ${request}`}, ${plural(events, "event")}, log ${log_id}, ${time}`
  if (verdict === "tampered") {
    return [`tampered: ${of}`, ...findings.map(({ file, message }) => `  ${file}: ${message}`)].join("\n")
  }
  const by = {
    good: `signed by ${key}`,
    bad: "",
    unchecked: "signed; by whom, --public-key tells",
    none: "not signed: whoever can change the files can change the manifest too",
  }
  return `intact: ${of}\n${by[signature]}`
}
