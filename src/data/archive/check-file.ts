// Reads one file of an archive once: what lies there, what it holds, and the events in it.
import { TrailError } from "../errors.js"
import { isKey, type Store } from "../store/store.js"
import { AgeFailure, decrypted } from "./age.js"
import type { CheckArchiveOptions } from "./check.js"
import type { CheckedEvents } from "./check-events.js"
import { type InflateFailure, inflate, Sum, summed } from "./compress.js"
import { CopyRows } from "./copy-rows.js"
import { BadLine } from "./field-forms.js"
import type { ArchiveFindings } from "./findings.js"
import { type ArchiveFile, stored } from "./manifest.js"

const failures: Readonly<Record<InflateFailure, string>> = {
  cut: "it ends in the middle: it was cut off",
  broken: "it cannot be uncompressed: it was altered, or something follows its end",
  longer: "it holds more than the manifest says: the rest was not read",
  trailing: "something follows its end",
}

/** Whether its events were read to the end. */
export async function checkFile(
  store: Store,
  name: string,
  file: ArchiveFile,
  events: CheckedEvents,
  findings: ArchiveFindings,
  options: CheckArchiveOptions,
): Promise<boolean> {
  const { identities = [], quick = false, signal } = options
  const add = (message: string, line?: number): void =>
    findings.add("file", message, { file: file.name, line })
  const key = `${name}/${file.name}`
  const source = isKey(key) ? await open(store, key, signal) : undefined
  if (source === undefined) {
    add("it is missing")
    return false
  }
  const lying = new Sum()
  const isLocked = file.age !== null && identities.length === 0
  let isRead = false
  let gzip: Sum | undefined
  let text: Sum | undefined
  if (quick || isLocked) {
    for await (const _ of summed(source, lying)) signal?.throwIfAborted()
    if (isLocked && !quick) findings.add("encrypted", encryptedTo(file), { file: file.name })
  } else {
    gzip = new Sum()
    text = new Sum()
    const content = summed(source, lying)
    const packed = file.age === null ? content : summed(decrypted(content, identities), gzip)
    try {
      isRead = await readEvents(packed, file, text, events, add, options)
    } catch (error) {
      if (!(error instanceof AgeFailure)) throw error
      if (error.why === "broken") add("it cannot be decrypted: it was altered or cut off")
      else
        findings.add("encrypted", `${encryptedTo(file)}, and no key that was given opens it`, {
          file: file.name,
        })
      text = undefined
      // What an identity cannot open is summed up all the same.
      const again = new Sum()
      const rest = await open(store, key, signal)
      if (rest !== undefined) for await (const _ of summed(rest, again)) signal?.throwIfAborted()
      compareStored(file, again, findings)
      return false
    }
  }
  const isSame = compareStored(file, lying, findings)
  if (!isRead || text === undefined || !isSame) return isRead
  const inner = file.age === null || gzip === undefined ? undefined : gzip.finish()
  if (inner !== undefined && inner.sha256 !== file.gzip.sha256)
    add("what is encrypted in it does not have the sha256 of the manifest")
  const found = text.finish()
  if (found.sha256 !== file.text.sha256 || found.bytes !== file.text.bytes)
    add("what it holds does not have the size and the sha256 of the manifest")
  return isRead
}

const encryptedTo = ({ age }: ArchiveFile): string =>
  `its events were not read: it is encrypted to ${age?.recipients.join(", ") ?? ""}`

async function open(
  store: Store,
  key: string,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  try {
    return await store.get(key, { signal })
  } catch (error) {
    if (error instanceof TrailError && error.code === "not-found") return undefined
    throw error
  }
}

async function readEvents(
  packed: AsyncIterable<Uint8Array>,
  file: ArchiveFile,
  text: Sum,
  events: CheckedEvents,
  add: (message: string, line?: number) => void,
  { signal, progress }: CheckArchiveOptions,
): Promise<boolean> {
  events.file = file.name
  const reader = new CopyRows(events)
  let isLost = false
  const failure = await inflate(packed, BigInt(file.text.bytes), (chunk) => {
    signal?.throwIfAborted()
    text.add(chunk)
    if (isLost) return
    try {
      reader.push(chunk)
    } catch (error) {
      if (!(error instanceof BadLine)) throw error
      events.bad(reader.lines + 1, error.message)
      isLost = true
    }
    progress?.(events.count)
  })
  if (isLost) return false
  if (failure !== undefined) add(failures[failure], failure === "trailing" ? undefined : reader.lines + 1)
  else if (reader.isOpen) add(failures.cut, reader.lines + 1)
  const isRead = (failure === undefined || failure === "trailing") && !reader.isOpen
  if (isRead && String(reader.lines) !== file.rows)
    add(`it has ${reader.lines} events, and ${file.rows} by the manifest`)
  return isRead
}

function compareStored(file: ArchiveFile, sum: Sum, findings: ArchiveFindings): boolean {
  const { bytes, sha256 } = sum.finish()
  const said = stored(file)
  findings.files.push({ name: file.name, bytes, sha256 })
  if (sha256 === said.sha256 && bytes === said.bytes) return true
  const message =
    bytes === said.bytes
      ? "its sha256 is not that of the manifest: it was altered"
      : `it has ${bytes} bytes, and ${said.bytes} by the manifest`
  findings.add("file", message, { file: file.name })
  return false
}
