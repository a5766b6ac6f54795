// Reads what lies in a store: which archives there are, the manifest of one, and its events.
import { sha256 } from "../canonical.js"
import { strictText } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { parseManifest } from "../manifest-form.js"
import type { Store } from "../store/store.js"
import { decrypted } from "./age.js"
import { Sum, summed } from "./compress.js"
import { gunzipped } from "./gunzipped.js"
import { type ArchiveManifest, isArchiveManifest, manifestName, schemaFamily, stored } from "./manifest.js"

/** Far more than the lanes of any log take. */
const largest = 256 * 1024 * 1024

export interface ReadOptions {
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Names of the folders that have a manifest: without one, an archive was never finished, or is none. */
export async function* findArchives(store: Store): AsyncGenerator<string> {
  for await (const { key } of store.list("")) {
    const [name = "", file, ...more] = key.split("/")
    if (file === manifestName && more.length === 0) yield name
  }
}

export interface ReadArchiveManifest {
  readonly manifest: ArchiveManifest
  /** Of the file; hex. */
  readonly sha256: string
  readonly bytes: number
}

/** Throws TrailError `not-found`, `file` for what is no manifest, and `incomplete` for one of a later pgtrail. */
export async function readArchiveManifest(
  store: Store,
  name: string,
  { signal }: ReadOptions = {},
): Promise<ReadArchiveManifest> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of await store.get(`${name}/${manifestName}`, { signal })) {
    parts.push(chunk)
    size += chunk.length
    if (size > largest) break
  }
  const bytes = Buffer.concat(parts)
  const text = size > largest ? undefined : strictText(bytes)
  const read = text === undefined ? undefined : parseManifest(text, schemaFamily, isArchiveManifest)
  if (read === undefined) {
    throw new TrailError("file", `the manifest of ${name} is none of an archive`, {
      hint: `it was altered; compare it with another copy of ${store.location}`,
    })
  }
  if ("later" in read) {
    throw new TrailError("incomplete", `the manifest of ${name} was written by a later pgtrail`, {
      hint: "nothing was checked; use a pgtrail of at least that version",
    })
  }
  return { manifest: read.manifest, sha256: sha256(bytes).toString("hex"), bytes: size }
}

/**
 * COPY text of all events, file by file. Throws TrailError `broken` at the end, or before it, where it is not what the manifest says;
 * `config` where it is encrypted and no identity opens it.
 */
export async function* archiveRows(
  store: Store,
  manifest: ArchiveManifest,
  { identities = [], signal }: ReadOptions = {},
): AsyncGenerator<Buffer> {
  for (const file of manifest.files) {
    const key = `${manifest.name}/${file.name}`
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
    if (text.finish().sha256 !== file.text.sha256 || lying.finish().sha256 !== stored(file).sha256) {
      throw altered(key)
    }
  }
}

export const altered = (key: string): TrailError =>
  new TrailError("broken", `${key} is not what its manifest says: it was altered or cut off`, {
    hint: "pgtrail archive verify tells what is wrong with it",
  })
