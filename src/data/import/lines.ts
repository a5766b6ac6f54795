// Cuts a stream into its lines: NDJSON, one record a line; empty lines are none. The line end may be LF or CRLF.
import { longestRecord, type RawRecord, type Splitter, tooLong } from "./json-records.js"

export function lines(): Splitter {
  let line = 1
  let parts: Buffer[] = []
  let size = 0

  function take(raw: Buffer): RawRecord[] {
    const text = raw.at(-1) === 0x0d ? raw.subarray(0, -1) : raw
    return isBlank(text) ? [] : [{ line, raw: text }]
  }

  return {
    push(chunk) {
      const records: RawRecord[] = []
      let start = 0
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
        const rest = chunk.subarray(start, end)
        records.push(...take(parts.length === 0 ? rest : Buffer.concat([...parts, rest])))
        parts = []
        size = 0
        line += 1
        start = end + 1
      }
      if (start < chunk.length) {
        parts.push(chunk.subarray(start))
        size += chunk.length - start
        if (size > longestRecord) throw tooLong(line)
      }
      return records
    },
    end: () => take(Buffer.concat(parts)).map((record) => ({ ...record, isOpen: true })),
  }
}

function isBlank(raw: Buffer): boolean {
  for (const byte of raw) {
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
  }
  return true
}
