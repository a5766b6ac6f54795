// Reads one file of a backup to its end: whether it is what the manifest says, and what is wrong with it where it is not.
import { AgeFailure, decrypted } from "../archive/age.js"
import { type InflateFailure, inflate, Sum, summed } from "../archive/compress.js"
import { TrailError } from "../errors.js"
import { isKey, type Store } from "../store/store.js"
import { type BackupFile, type Sized, stored } from "./manifest.js"
import type { ReadBackupOptions } from "./open.js"

/** What a file came to. */
export interface FileReading {
  /** Whether what it holds was read to its end, and is what the manifest says. */
  readonly isRead: boolean
  /** In words that go on from the name of the file. */
  readonly problems: readonly string[]
  /** Why it could not be looked into: it is encrypted. */
  readonly locked: string | undefined
  /** As it lies there; undefined where it is missing. */
  readonly lying: Sized | undefined
}

const failures: Readonly<Record<InflateFailure, string>> = {
  cut: "ends in the middle: it was cut off",
  broken: "cannot be uncompressed: it was altered, or something follows its end",
  longer: "holds more than the manifest says: the rest was not read",
  trailing: "is followed by something that does not belong to it",
}

/** What gzip can make of a byte at most. */
const mostOfByte = 1032n

/** No gzip of that size holds so much: whoever says so wants memory or time. */
export const isAbsurd = ({ text, gzip }: BackupFile): boolean =>
  BigInt(text.bytes) > mostOfByte * (BigInt(gzip.bytes) + 1n)

/** A link is never followed: somebody else says where it leads. */
export const noFile = "is no file, but a link or something else in its place"

/** `visit` gets what it holds, piece by piece; what it throws comes back as it is. Throws what the store throws where it cannot be read. */
export async function readFile(
  store: Store,
  name: string,
  file: BackupFile,
  options: ReadBackupOptions,
  visit: (chunk: Buffer) => void | Promise<void>,
): Promise<FileReading> {
  try {
    return await readThrough(store, name, file, options, visit)
  } catch (error) {
    // A link, a pipe or a folder in its place, which no system has failed to read.
    if (!(error instanceof TrailError) || error.code !== "file" || error.cause !== undefined) throw error
    const again: unknown = await store.size(`${name}/${file.name}`).catch((failed: unknown) => failed)
    if (!(again instanceof TrailError) || again.code !== "file" || again.cause !== undefined) throw error
    return { ...missing, problems: [noFile] }
  }
}

async function readThrough(
  store: Store,
  name: string,
  file: BackupFile,
  { identities = [], signal }: ReadBackupOptions,
  visit: (chunk: Buffer) => void | Promise<void>,
): Promise<FileReading> {
  const source = await open(store, name, file, signal)
  if (source === undefined) return missing
  const lying = new Sum()
  if (file.age !== null && identities.length === 0) return await locked(source, lying, file, signal)
  const [gzip, text] = [new Sum(), new Sum()]
  const content = summed(source, lying)
  const packed = file.age === null ? content : summed(decrypted(content, identities), gzip)
  let failure: InflateFailure | undefined
  try {
    failure = await inflate(packed, BigInt(file.text.bytes), (chunk) => {
      signal?.throwIfAborted()
      text.add(chunk)
      return visit(chunk)
    })
  } catch (error) {
    if (!(error instanceof AgeFailure)) throw error
    const again = await open(store, name, file, signal)
    if (again === undefined) return missing
    if (error.why === "identity") {
      const whole = await locked(again, new Sum(), file, signal)
      return { ...whole, locked: `${whole.locked}, and no key that was given opens it` }
    }
    const whole = await locked(again, new Sum(), file, signal)
    const problem = "cannot be decrypted: it was altered or cut off"
    return { ...whole, locked: undefined, problems: [...whole.problems, problem] }
  }
  const is = lying.finish()
  const problems = differences(is, stored(file))
  if (failure !== undefined) problems.push(failures[failure])
  const held = text.finish()
  const isHeld = held.sha256 === file.text.sha256 && held.bytes === file.text.bytes
  if (failure === undefined && problems.length === 0) {
    if (file.age !== null && gzip.finish().sha256 !== file.gzip.sha256)
      problems.push("is encrypted, and what is in it does not have the sha256 of the manifest")
    if (!isHeld) problems.push("holds something else than the manifest says: size or sha256 differ")
  }
  const isRead = isHeld && (failure === undefined || failure === "trailing")
  return { isRead, problems, locked: undefined, lying: is }
}

const missing: FileReading = { isRead: false, problems: ["is missing"], locked: undefined, lying: undefined }

async function open(
  store: Store,
  name: string,
  file: BackupFile,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const key = `${name}/${file.name}`
  try {
    return isKey(key) ? await store.get(key, { signal }) : undefined
  } catch (error) {
    if (error instanceof TrailError && error.code === "not-found") return undefined
    throw error
  }
}

/** What cannot be looked into is summed up all the same. */
async function locked(
  source: AsyncIterable<Uint8Array>,
  sum: Sum,
  file: BackupFile,
  signal: AbortSignal | undefined,
): Promise<FileReading> {
  for await (const _ of summed(source, sum)) signal?.throwIfAborted()
  const lying = sum.finish()
  const to = file.age?.recipients.join(", ") ?? ""
  return {
    isRead: false,
    problems: differences(lying, stored(file)),
    locked: `was not looked into: it is encrypted to ${to}`,
    lying,
  }
}

export function differences(is: Sized, said: Sized): string[] {
  if (is.bytes !== said.bytes) return [`has ${is.bytes} bytes, and ${said.bytes} by the manifest`]
  return is.sha256 === said.sha256 ? [] : ["has another sha256 than by the manifest: it was altered"]
}
