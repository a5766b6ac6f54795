// Cuts one JSON object into its members, or an array into its elements, without reading their values: a number keeps its digits, a nested document its text.

export interface Member {
  /** As it stands in the line. */
  readonly raw: string
  /** What a string says; of anything else the same as `raw`. */
  readonly text: string
}

const tokens = (): RegExp => /\s*("[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+)/y

/** Undefined where the line is no JSON object. */
export function members(line: string): Map<string, Member> | undefined {
  const token = tokens()
  const next = (): string | undefined => token.exec(line)?.[1]
  const found = new Map<string, Member>()
  try {
    if (next() !== "{") return undefined
    for (let key = next(); key !== "}"; key = next()) {
      if (key === ",") continue
      if (key === undefined || !key.startsWith('"') || next() !== ":") return undefined
      const value = readValue(line, token, next)
      if (value === undefined) return undefined
      // A name and a string are decoded; that changes nothing of a text that PostgreSQL stored.
      const text = value.startsWith('"') ? String(JSON.parse(value)) : value
      found.set(String(JSON.parse(key)), { raw: value, text })
    }
  } catch {
    return undefined
  }
  return found
}

/** The elements of an array as they stand in the text. Undefined where it is none. */
export function elements(line: string): string[] | undefined {
  const token = tokens()
  const next = (): string | undefined => token.exec(line)?.[1]
  const found: string[] = []
  if (next() !== "[") return undefined
  for (let before = token.lastIndex, part = next(); part !== "]"; before = token.lastIndex, part = next()) {
    if (part === ",") continue
    token.lastIndex = before
    const value = readValue(line, token, next)
    if (value === undefined) return undefined
    found.push(value)
  }
  return found
}

function readValue(line: string, token: RegExp, next: () => string | undefined): string | undefined {
  const first = next()
  if (first !== "{" && first !== "[") return first
  const start = token.lastIndex - 1
  for (let depth = 1; depth > 0; ) {
    const part = next()
    if (part === undefined) return undefined
    if (part === "{" || part === "[") depth += 1
    if (part === "}" || part === "]") depth -= 1
  }
  return line.slice(start, token.lastIndex)
}
