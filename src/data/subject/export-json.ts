// Walks a document as PostgreSQL writes jsonb, and replaces values in it: the text of all others stays byte for byte.

/** Steps below the column: names of members, numbers of elements, * for all; what lies below a path's end belongs to it. */
export type JsonPath = readonly string[]

/**
 * What a value is replaced by, as JSON; undefined: it stays. `raw`: as JSON. `member`: the name of the member that it is, or is an element
 * of, as JSON writes it between its quotes.
 */
export type JudgeValue = (raw: string, isRuled: boolean, member: string) => string | undefined

/** What the name of a member is replaced by, as JSON; undefined: it stays. `raw`: as JSON. */
export type JudgeName = (raw: string) => string | undefined

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const space = 0x20
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** One level of a document: a number is the place in an array, a text the name in an object, as JSON writes it. */
type Level = number | string

/** The same text where nothing was replaced. */
export function replaceValues(
  text: string,
  paths: readonly JsonPath[],
  judge: JudgeValue,
  judgeName?: JudgeName | undefined,
): string {
  const levels: Level[] = []
  let written = ""
  let from = 0
  let at = 0

  const replace = (end: number, now: string | undefined): void => {
    if (now !== undefined) {
      written += text.slice(from, at) + now
      from = end
    }
    at = end
  }
  const value = (end: number): void => {
    const ruled = paths.length > 0 && paths.some((path) => leads(path, levels))
    replace(end, judge(text.slice(at, end), ruled, memberOf(levels)))
  }

  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const end = stringEnd(text, at)
      if (text.charCodeAt(end) === colon) {
        levels[levels.length - 1] = text.slice(at + 1, end - 1)
        replace(end, judgeName?.(text.slice(at, end)))
        at += 1
      } else value(end)
      continue
    }
    if (code === openBrace) levels.push("")
    else if (code === openBracket) levels.push(0)
    else if (code === closeBrace || code === closeBracket) levels.pop()
    else if (code === comma) {
      const last = levels.at(-1)
      if (typeof last === "number") levels[levels.length - 1] = last + 1
    } else if (code !== space) {
      value(scalarEnd(text, at))
      continue
    }
    at += 1
  }
  return from === 0 ? text : written + text.slice(from)
}

function memberOf(levels: readonly Level[]): string {
  for (let depth = levels.length - 1; depth >= 0; depth--) {
    const level = levels[depth]
    if (typeof level === "string") return level
  }
  return ""
}

function leads(path: JsonPath, levels: readonly Level[]): boolean {
  return (
    path.length <= levels.length &&
    path.every((step, depth) => {
      const level = levels[depth]
      return (
        step === "*" || (typeof level === "number" ? step === String(level) : step === plain(level ?? ""))
      )
    })
  )
}

/** The name of a member: not a value of an event, and never written. */
const plain = (raw: string): string => (raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw)

/** Behind the closing quote: one that an odd number of backslashes stands before is part of the text. */
function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes += 1
    if (slashes % 2 === 0) return at + 1
  }
  return text.length
}

function scalarEnd(text: string, start: number): number {
  let at = start
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === comma || code === closeBrace || code === closeBracket) break
  }
  return at
}

/** A string or a number of a document as text, to be compared. */
export function textOf(raw: string): string {
  if (raw.charCodeAt(0) !== quote) return raw
  return raw.includes("\\") ? String(JSON.parse(raw)) : raw.slice(1, -1)
}

export const asJson = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : JSON.stringify(text)
