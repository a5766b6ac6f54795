// The fields of a row that the events of a subject are read by, as COPY wrote them.

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
