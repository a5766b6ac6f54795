// Says where the JSON of a file goes wrong, by line and column, and which key stands there twice: JSON.parse says neither.
import { TrailError } from "../../data/errors.js"

/** `shown` names the file. Throws TrailError `config`. */
export function readJson(text: string, shown: string): unknown {
  const wrong = (at: number, what: string): never => {
    const before = text.slice(0, at).split("\n")
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw new TrailError("config", `${shown} is not valid JSON: ${place}: ${what}`, {
      hint: "correct it there; keys and texts stand in double quotes, and nothing follows the last comma",
    })
  }
  check(text, wrong)
  return JSON.parse(text)
}

const blank = /[ \t\n\r]*/y
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in texts
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
/** Far deeper than any configuration. */
const deepest = 100

function check(text: string, wrong: (at: number, what: string) => never): void {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  const found = (): string =>
    at >= text.length ? "the file ends here" : `unexpected ${JSON.stringify([...text.slice(at, at + 2)][0])}`
  const expect = (wanted: string, closing: string): string => {
    take(blank)
    const next = text[at] ?? ""
    if (next !== wanted && next !== closing) wrong(at, `${found()}, where ${wanted} or ${closing} must stand`)
    at += 1
    return next
  }
  const value = (depth: number): void => {
    if (depth > deepest) wrong(at, "nested too deeply")
    take(blank)
    const opening = text[at]
    if (opening !== "{" && opening !== "[") {
      if (take(opening === '"' ? string : scalar) === undefined) wrong(at, found())
      return
    }
    const closing = opening === "{" ? "}" : "]"
    at += 1
    take(blank)
    if (text[at] === closing) {
      at += 1
      return
    }
    const keys = new Set<string>()
    do {
      take(blank)
      if (opening === "{") {
        const start = at
        const key = take(string) ?? wrong(at, `${found()}, where a key in double quotes must stand`)
        if (keys.has(JSON.parse(key))) wrong(start, `the key ${key} stands here a second time`)
        keys.add(JSON.parse(key))
        take(blank)
        if (text[at] !== ":") wrong(at, `${found()}, where : must stand`)
        at += 1
      }
      value(depth + 1)
    } while (expect(",", closing) === ",")
  }
  value(0)
  take(blank)
  if (at < text.length) wrong(at, `${found()} after the end of the configuration`)
}
