// Cuts a stream of JSON into its records without parsing them, so that each keeps its very text and its line number.
// Records are the elements of a top-level array, of the array under one key of a top-level object (CloudTrail's "Records"), or
// else the top-level values themselves, one after the other.
import { TrailError } from "../errors.js"

export interface RawRecord {
  /** Line of the file where it begins, from 1. */
  readonly line: number
  readonly raw: Buffer
  /** What is wrong with it already before anybody has read it. */
  readonly problem?: string
  /** Nothing ends it but the end of the file: in one that grows, the rest of it may be still to come. */
  readonly isOpen?: boolean
}

export interface Splitter {
  push(chunk: Buffer): RawRecord[]
  end(): RawRecord[]
}

/** Bytes. An event has at most 1 MiB by default; this bounds the memory that a file without an end can take. */
export const longestRecord = 64 * 1024 * 1024

const [quote, backslash, comma, newline] = [0x22, 0x5c, 0x2c, 0x0a]
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

export function tooLong(line: number): TrailError {
  return new TrailError("bad-event", `the record in line ${line} has more than ${longestRecord} bytes`, {
    hint: "look whether the file is what --from says",
  })
}

export function jsonRecords(envelope?: string): Splitter {
  let line = 1
  let depth = 0
  // The depth at which records stand; -1 in what follows an envelope's array.
  let level = 0
  let inString = false
  let isEscaped = false
  // The last text at depth 1 of a top-level object: the key before an array.
  let word = ""
  let firstLine = 0
  let start = -1
  let parts: Buffer[] = []
  let size = 0

  function push(chunk: Buffer): RawRecord[] {
    const records: RawRecord[] = []
    const begin = (at: number) => {
      start = at
      firstLine = line
    }
    const finish = (end: number) => {
      records.push({ line: firstLine, raw: Buffer.concat([...parts, chunk.subarray(start, end)]) })
      forget()
    }
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      if (byte === newline) line += 1
      if (inString) {
        if (isEscaped) isEscaped = false
        else if (byte === backslash) isEscaped = true
        else if (byte === quote) inString = false
        if (inString && depth === 1 && level === 0 && word.length < 64) word += String.fromCharCode(byte ?? 0)
        continue
      }
      switch (byte) {
        case quote:
          inString = true
          word = ""
          if (depth === level && start < 0) begin(at)
          break
        case openObject:
        case openArray:
          if (byte === openArray && depth === 0 && level === 0 && start < 0) {
            level = 1
          } else if (byte === openArray && depth === 1 && level === 0 && word === envelope) {
            level = 2
            forget()
          } else if (depth === level && start < 0) {
            begin(at)
          }
          depth += 1
          break
        case closeObject:
        case closeArray:
          if (depth === 0) {
            // Closes nothing: garbage, which becomes a record to be refused.
            if (start < 0) begin(at)
            break
          }
          if (depth === level && start >= 0) finish(at)
          depth -= 1
          if (depth === level && start >= 0) finish(at + 1)
          else if (depth < level) level = depth === 0 ? 0 : -1
          else if (depth === 0) level = 0
          break
        default:
          if (depth !== level) break
          // Between records, and behind one that is neither object nor array.
          if (byte === comma || byte === newline || byte === 0x20 || byte === 0x09 || byte === 0x0d) {
            if (start >= 0) finish(at)
          } else if (start < 0) {
            begin(at)
          }
      }
    }
    if (start >= 0) {
      parts.push(chunk.subarray(start))
      size += chunk.length - start
      start = 0
      if (size > longestRecord) throw tooLong(firstLine)
    }
    return records
  }

  function forget(): void {
    start = -1
    parts = []
    size = 0
  }

  function end(): RawRecord[] {
    const isUnfinished = depth > 0 || inString
    if (start < 0 && !isUnfinished) return []
    const raw = Buffer.concat(parts)
    const record = { line: start < 0 ? line : firstLine, raw, isOpen: true }
    return [isUnfinished ? { ...record, problem: "the file ends before its JSON does" } : record]
  }

  return { push, end }
}
