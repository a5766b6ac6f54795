// The fields of a row that the events of a subject are read by, as COPY wrote them, and those that are written anew in their place.

const quote = 0x22

/** Before the columns: as_actor, as_subject, mentioned. */
export const flags = 3

/** A field as COPY wrote it, as text; null where it is null. */
export function fieldText(bytes: Buffer, start: number, end: number): string | null {
  if (start === end) return null
  if (bytes[start] !== quote) return bytes.toString("utf8", start, end)
  const text = bytes.toString("utf8", start + 1, end - 1)
  return text.includes('"') ? text.replaceAll('""', '"') : text
}

export function isSame(text: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = 0; at < text.length; at++) if (text[at] !== bytes[start + at]) return false
  return true
}

/** Where the fields of one row are written that are other than they were, one behind the other. */
export class FieldBuffer {
  bytes: Buffer = Buffer.allocUnsafe(8192)
  used = 0

  /** For so many bytes more, which the caller writes from `used` on. What stands before stays. */
  makeRoom(size: number): void {
    if (this.used + size <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.used + size, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.used)
    this.bytes = larger
  }

  /** As it is. */
  text(text: string): void {
    // Three bytes a code unit are the most that UTF-8 takes.
    this.makeRoom(text.length * 3)
    this.used += this.bytes.write(text, this.used)
  }
}
