// Reads what lies in a store: which backups there are, the manifest of one, and what its files hold.
import { decrypted } from "../archive/age.js"
import { Sum, summed } from "../archive/compress.js"
import { gunzipped } from "../archive/gunzipped.js"
import { sha256 } from "../canonical.js"
import { strictText } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { isModest, parseManifest } from "../manifest-form.js"
import { shellPlace } from "../shell-word.js"
import type { Store } from "../store/store.js"
import {
  type BackupFile,
  type BackupManifest,
  backupName,
  isBackupManifest,
  manifestName,
  type Sized,
  schemaFamily,
  stored,
} from "./manifest.js"

/** 120 partitions take less than 100 kB; what is larger is no manifest, and is not parsed. */
const largest = 8 * 1024 * 1024
/** What is parsed takes many times its text where it is nothing but brackets; 2,000 partitions have 20,000 members. */
const largestShape = { depth: 16, members: 100_000, strings: 400_000 }

export interface ReadBackupOptions {
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Names of the folders that have a manifest, the oldest first: without one, a backup was never finished, or is none. */
export async function* findBackups(store: Store): AsyncGenerator<string> {
  for await (const { key } of store.list("backup-", { closed: () => undefined })) {
    const [name = "", file, ...more] = key.split("/")
    if (file === manifestName && more.length === 0 && backupName.test(name)) yield name
  }
}

export interface ReadBackup {
  readonly manifest: BackupManifest
  /** Of the file; hex. */
  readonly sha256: string
  readonly bytes: number
}

/** Throws TrailError `not-found`, `file` for what is no manifest, and `incomplete` for one of a later pgtrail. */
export async function readBackupManifest(
  store: Store,
  name: string,
  { signal }: ReadBackupOptions = {},
): Promise<ReadBackup> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of await store.get(`${name}/${manifestName}`, { signal })) {
    parts.push(chunk)
    size += chunk.length
    if (size > largest) break
  }
  const bytes = Buffer.concat(parts)
  const text = size > largest ? undefined : strictText(bytes)
  const read =
    text === undefined || !isModest(text, largestShape)
      ? undefined
      : parseManifest(text, schemaFamily, isBackupManifest)
  if (read === undefined) {
    throw new TrailError("file", `the manifest of ${name} is none of a backup`, {
      hint: `it was altered; compare it with another copy of ${store.location}`,
    })
  }
  if ("later" in read) {
    throw new TrailError("incomplete", `the manifest of ${name} was written by a later pgtrail`, {
      hint: "nothing was done; use a pgtrail of at least that version",
    })
  }
  return { manifest: read.manifest, sha256: sha256(bytes).toString("hex"), bytes: size }
}

/** Whether any of its files lies there, whole or not. */
export async function isBegun(store: Store, name: string): Promise<boolean> {
  for await (const _ of store.list(`${name}/`)) return true
  try {
    for await (const _ of store.unfinished(`${name}/`)) return true
  } catch (error) {
    // Not everybody who may read a bucket may see what is on its way there.
    if (!(error instanceof TrailError)) throw error
  }
  return false
}

/**
 * For who cannot go on without it. As verify answers it: `broken` for a spoiled one, since something was found, `incomplete` where there are files
 * and no manifest. What nobody can read or find stays what it is.
 */
export async function needManifest(
  store: Store,
  name: string,
  options: ReadBackupOptions = {},
): Promise<ReadBackup> {
  try {
    return await readBackupManifest(store, name, options)
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const { code, message, hint, cause } = error
    if (code === "file" && cause === undefined)
      throw new TrailError("broken", message, { hint, cause: error })
    if (code !== "not-found") throw error
    if (await isBegun(store, name))
      throw new TrailError("incomplete", `${name} at ${store.location} has no manifest`, {
        hint: `it was never finished, or the manifest was taken away; which are finished: pgtrail backup list ${shellPlace(store.location)}`,
        cause: error,
      })
    throw error
  }
}

/**
 * What a file of a backup holds, uncompressed. Throws TrailError `broken` at the end, or before it, where it is not what the manifest
 * says, `not-found` where it is missing, `config` where it is encrypted and no identity opens it.
 */
export async function* backupText(
  store: Store,
  name: string,
  file: BackupFile,
  { identities = [], signal }: ReadBackupOptions = {},
): AsyncGenerator<Buffer> {
  const key = `${name}/${file.name}`
  const [lying, text] = [new Sum(), new Sum()]
  if (file.age !== null && identities.length === 0) {
    throw new TrailError("config", `${key} is encrypted`, { hint: "name its private key with --identity" })
  }
  const source = summed(await store.get(key, { signal }), lying)
  const gzip = file.age === null ? source : decrypted(source, identities)
  for await (const chunk of gunzipped(gzip, key)) {
    signal?.throwIfAborted()
    text.add(chunk)
    if (BigInt(text.bytes) > BigInt(file.text.bytes)) throw altered(key)
    yield chunk
  }
  if (!isSame(text.finish(), file.text) || !isSame(lying.finish(), stored(file))) throw altered(key)
}

const isSame = (is: Sized, said: Sized): boolean => is.sha256 === said.sha256 && is.bytes === said.bytes

export const altered = (key: string): TrailError =>
  new TrailError("broken", `${key} is not what its manifest says: it was altered or cut off`, {
    hint: "pgtrail backup verify tells what is wrong with it",
  })
