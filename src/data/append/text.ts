// Finds text that PostgreSQL cannot store, NUL and half surrogate pairs, and says where in an event it stands.

/** A JSON text that may hold such text, as an escape; most hold none and need not be looked at. */
const suspicious = /\\u(?:0000|[dD][89a-fA-F])/

/** What is wrong with the text of one JSON value, in words that name the field, or undefined. */
export function textProblem(json: string, isFine?: (text: string) => boolean): string | undefined {
  let value: unknown
  try {
    if (!suspicious.test(json)) return undefined
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  return find(value, "", isFine)
}

function find(value: unknown, path: string, isFine?: (text: string) => boolean): string | undefined {
  if (typeof value === "string") return isFine?.(value) ? undefined : wrong(value, path === "" ? "it" : path)
  if (typeof value !== "object" || value === null) return undefined
  for (const [key, item] of Object.entries(value)) {
    const inKey = wrong(key, path === "" ? "a key" : `a key of ${path}`)
    if (inKey !== undefined) return inKey
    const inItem = find(
      item,
      Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`,
      isFine,
    )
    if (inItem !== undefined) return inItem
  }
  return undefined
}

function wrong(text: string, where: string): string | undefined {
  if (text.includes("\0")) return `${where} has the character NUL (\\u0000), which PostgreSQL cannot store`
  // With the flag u, only a surrogate without its other half matches.
  if (/\p{Surrogate}/u.test(text)) return `${where} has half of a surrogate pair, which is no character`
  return undefined
}
