// Streams the wanted events out of a file: plain or compressed, whatever its size.
import { stat } from "node:fs/promises"
import type { ReadBackupOptions } from "../backup/open.js"
import { TrailError } from "../errors.js"
import { openInput } from "../import/input.js"
import { type Form, formOf, type IsWanted, type Row } from "./file-forms.js"
import { rowsOfBackup } from "./other-backup.js"

/** Bytes; an event has at most 1 GiB by its setting, and nobody stores one near that. */
const longestLine = 256 * 1024 * 1024

export async function* rowsOfFile(
  path: string,
  name: string,
  isWanted: IsWanted,
  options: ReadBackupOptions = {},
): AsyncGenerator<Row> {
  const { signal } = options
  try {
    if ((await stat(path)).isDirectory()) {
      yield* rowsOfBackup(path, isWanted, options)
      return
    }
    const input = await openInput(path, { name, source: name, signal })
    let form: Form | undefined
    const decoder = new TextDecoder("utf-8")
    try {
      for await (const lines of cut(input.content())) {
        signal?.throwIfAborted()
        for (const line of lines) {
          if (form === undefined && line.length === 0) continue
          const text = decoder.decode(line)
          form ??= formOf(text, isWanted)
          const row = form.line(text)
          if (row !== undefined) yield row
        }
      }
    } finally {
      await input.close()
    }
    if (form === undefined) throw new TrailError("file", "it is empty")
    form.end()
  } catch (error) {
    throw named(error, name)
  }
}

function named(error: unknown, name: string): unknown {
  if (!(error instanceof TrailError)) return missing(error, name)
  if (error.code !== "file" || error.message.startsWith(name)) return error
  return new TrailError("file", `${name}: ${error.message}`, { hint: error.hint, cause: error })
}

function missing(error: unknown, name: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") return error
  return new TrailError("file", `${name}: there is no such file`, {
    hint: "nothing was compared; name a file, or the URL of a database",
    cause: error,
  })
}

/** Lines without their ends, as many at once as a chunk has. */
async function* cut(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    const lines: Buffer[] = []
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const rest = chunk.subarray(start, end)
      lines.push(withoutReturn(parts.length === 0 ? rest : Buffer.concat([...parts, rest])))
      parts = []
      size = 0
      start = end + 1
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start))
      size += chunk.length - start
      if (size > longestLine) throw new TrailError("file", "it has a line that no event is as long as")
    }
    if (lines.length > 0) yield lines
  }
  if (size > 0) yield [withoutReturn(Buffer.concat(parts))]
}

/** In COPY text and in JSON a carriage return is written as an escape, so this one belongs to the line's end. */
const withoutReturn = (line: Buffer): Buffer => (line.at(-1) === 0x0d ? line.subarray(0, -1) : line)
