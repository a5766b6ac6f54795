// Events as XML 1.0: an element a column, none where the value is null. What cannot be seen is written by its number, so that an
// event stays on its line, a parser changes no line end, and a terminal obeys nothing.

/** What a document begins with. `fields` tells of the columns that no event has a value in. */
export function xmlOpening(schema: string, columns: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<events schema="${xmlText(schema)}" fields="${columns.map(xmlText).join(" ")}">\n`
}

export const xmlClosing = "</events>\n"

/** Writes an event as one line. */
export function xmlWriter(columns: readonly string[]): (row: Readonly<Record<string, unknown>>) => string {
  return (row) => {
    let text = "<event>"
    for (const column of columns) text += xmlElement(column, row[column])
    return `${text}</event>\n`
  }
}

/** Nothing for null; an empty element for the empty text. */
export function xmlElement(name: string, value: unknown): string {
  if (value === null || value === undefined) return ""
  const text = String(value)
  return forbidden.test(text)
    ? `<${name} encoding="json">${xmlText(jsonString(text))}</${name}>`
    : `<${name}>${xmlText(text)}</${name}>`
}

/** What XML 1.0 has no way to write, not even by its number. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/u

const markup = /[&<>"\p{Cc}\p{Cf}\u2028\u2029]/gu
const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  // So that "]]>" cannot be.
  ">": "&gt;",
  '"': "&quot;",
}

/** Text as it may stand in an element or in an attribute. */
export function xmlText(text: string): string {
  return text.replace(markup, (found) => entities[found] ?? `&#${found.codePointAt(0)};`)
}

function jsonString(text: string): string {
  return JSON.stringify(text).replace(/[\ufffe\uffff]/g, (found) =>
    found === "\ufffe" ? "\\ufffe" : "\\uffff",
  )
}
