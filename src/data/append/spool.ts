// The file to which a writer puts what it cannot append: NDJSON that `pgtrail import file` takes.
import { open } from "node:fs/promises"
import { fileError } from "../import/input.js"

/**
 * Each line says which batch it was in: where the connection was lost nobody knows whether the batch was appended, and the import
 * leaves out what was. It can tell for as long as pgtrail.append remembers batches, 24 hours. What another import has brought it does
 * not leave out, lest it lose a part that was bad then: a spool file that grows between imports is imported with --source.
 */
export function spoolLines(texts: readonly string[], batchId: string): string {
  return texts.map((text) => `{"append_batch":"${batchId}",${text.slice(1)}\n`).join("")
}

/** On disk when it returns. The file belongs to this user alone. */
export async function spool(path: string, lines: string): Promise<void> {
  try {
    const file = await open(path, "a+", 0o600)
    try {
      const { size } = await file.stat()
      const last = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1))
      // A process that was killed may have left half a line.
      const isWhole = size === 0 || last.buffer[0] === 0x0a
      try {
        await file.appendFile(isWhole ? lines : `\n${lines}`)
        await file.datasync()
      } catch (error) {
        // The writer keeps these events and tries again: a part of them must not stay.
        await file.truncate(size).catch(() => undefined)
        throw error
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileError(error, path)
  }
}
