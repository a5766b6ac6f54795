// How text from a database and counts are written for people.

/** 1,234,567. */
export function grouped(count: number | bigint | string): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",")
}

/** Control characters, line separators, marks that make text run backwards, and others that nobody sees; but for those that join letters. */
const control =
  /(?![\u200c\u200d])(?:[\p{Cc}\u2028\u2029\ufff9-\ufffb]|(?=\p{Cf})\p{Default_Ignorable_Code_Point})/gu
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** Text from a database can hold terminal escapes: an event must not be able to repaint an auditor's screen. */
export function visible(text: string): string {
  return text.replace(control, escaped)
}

/** The same for a text of several lines. */
export function visibleLines(text: string): string {
  return text.replace(control, (found) => (found === "\n" ? found : escaped(found)))
}

/** The same for JSON text, which has them only inside strings, where \uXXXX means the same. */
export function visibleJson(text: string): string {
  // In runs: most text is ASCII, and to look at each of its characters for what it is takes long.
  return text.replace(/[\x7f-\uffff]+/g, (run) =>
    run.replace(control, (found) => found.split("").map(unit).join("")),
  )
}

const unit = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`

function escaped(found: string): string {
  const code = (found.codePointAt(0) ?? 0).toString(16)
  if (code.length > 4) return `\\u{${code}}`
  return short[found] ?? (code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`)
}

export const plural = (count: string | number, noun: string): string =>
  `${grouped(count)} ${noun}${String(count) === "1" ? "" : "s"}`

/** For a table: the day where a time is its beginning in UTC, else to the minute. The whole is in every other form. */
export function shortTime(time: string | null): string | null {
  const [, day, minute] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(time ?? "") ?? []
  if (time === null || day === undefined) return time
  return /T00:00:00(\.0+)?Z$/.test(time) ? day : `${day} ${minute}`
}

const longest = 200

/** A value as it stands between quotes, cut where it is long; JSON has the whole. */
export function quoted(value: string | null): string {
  if (value === null) return "null"
  const characters = [...value]
  if (characters.length <= longest) return `"${visible(value)}"`
  return `"${visible(characters.slice(0, longest).join(""))}" (cut: ${grouped(characters.length)} characters)`
}
