// Lines of COPY text as rows: what a file of a backup says of a control table.
import { TrailError } from "../errors.js"

const lineFeed = 0x0a
/** Bytes; the records of one purge of one lane may have megabytes. */
export const longestLine = 64 * 1024 * 1024

/** Whole lines, without their ends; `file` is for the words. The last one must have an end. */
export async function* linesOf(source: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      const rest = chunk.subarray(start, end)
      yield size === 0 ? rest : Buffer.concat([...parts, rest])
      if (size > 0) [parts, size] = [[], 0]
      start = end + 1
    }
    if (start === chunk.length) continue
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > longestLine) throw unlike(file, "a line of it is longer than any of a log")
  }
  if (size > 0) throw unlike(file, "its last line has no end")
}

/** The values of a line as PostgreSQL prints them; null for NULL. */
export function valuesOf(line: Buffer): (string | null)[] {
  return line
    .toString("utf8")
    .split("\t")
    .map((field) => (field === "\\N" ? null : field.includes("\\") ? unescaped(field) : field))
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }
const unescaped = (field: string): string =>
  field.replace(/\\([\s\S])/g, (_, escaped: string) => escapes[escaped] ?? escaped)

export const unlike = (file: string, why: string): TrailError =>
  new TrailError("broken", `${file} is no file of a backup: ${why}`, {
    hint: "it was altered; compare it with another copy of the backup",
  })
