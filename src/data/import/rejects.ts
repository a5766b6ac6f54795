// The file of rejected records: each as it stood in its source, on a line of its own, on disk before its batch commits.
import { type FileHandle, open } from "node:fs/promises"
import { fileError } from "./input.js"

export interface Rejects {
  write(records: readonly Buffer[]): Promise<void>
  /** Takes the last write back: its batch was not committed. */
  undo(): Promise<void>
  close(): Promise<void>
}

export async function openRejects(path: string | undefined): Promise<Rejects | undefined> {
  if (path === undefined) return undefined
  let file: FileHandle
  try {
    file = await open(path, "a+", 0o600)
  } catch (error) {
    throw fileError(error, path)
  }
  let before: number | undefined
  return {
    async write(records) {
      before = undefined
      if (records.length === 0) return
      try {
        before = (await file.stat()).size
        await file.appendFile(Buffer.concat(records.flatMap((raw) => [oneLine(raw), Buffer.from("\n")])))
        await file.datasync()
      } catch (error) {
        throw fileError(error, path)
      }
    },
    async undo() {
      if (before !== undefined) await file.truncate(before)
      before = undefined
    },
    close: () => file.close(),
  }
}

/** A record of a CloudTrail file may go over several lines; between the tokens of JSON a space says the same. */
function oneLine(raw: Buffer): Buffer {
  if (!raw.includes(0x0a) && !raw.includes(0x0d)) return raw
  return Buffer.from(raw.toString("latin1").replace(/[\r\n]+/g, " "), "latin1")
}
