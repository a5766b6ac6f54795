// Values of documents are replaced where they stand, and every other byte stays as PostgreSQL wrote it.
import fc from "fast-check"
import { expect, test } from "vitest"
import { replaceValues } from "../../src/data/subject/export-json.js"

/** As PostgreSQL writes jsonb. */
function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([name, one]) => `${JSON.stringify(name)}: ${written(one)}`)
      .join(", ")}}`
  }
  return JSON.stringify(value)
}

/** Strings as they should be after: all but the names of members. */
function marked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(marked)
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, marked(one)]))
  }
  return typeof value === "string" ? "x" : value
}

const documents = fc.jsonValue({ maxDepth: 5, noUnicodeString: false })

test("where nothing is replaced the text is the same, whatever the document", () => {
  fc.assert(
    fc.property(documents, (document) => {
      const text = written(document)
      expect(replaceValues(text, [["*"]], () => undefined)).toBe(text)
    }),
  )
})

test("every string that is a value is judged, and no name of a member", () => {
  fc.assert(
    fc.property(documents, (document) => {
      const text = written(document)
      const now = replaceValues(text, [], (raw) => (raw.startsWith('"') ? '"x"' : undefined))
      expect(JSON.parse(now)).toEqual(marked(JSON.parse(text)))
    }),
  )
})

const judged = (text: string, ...paths: readonly (readonly string[])[]): string[] => {
  const found: string[] = []
  replaceValues(text, paths, (raw, isRuled) => {
    if (isRuled) found.push(raw)
    return undefined
  })
  return found
}

test("a path leads through members and elements, and all below its end belongs to it", () => {
  const text = '{"a": [{"b": "one", "c": 2}, {"b": "two"}], "b": "three", "d\\"e": {"f": [true, null]}}'
  expect(judged(text, ["a", "*", "b"])).toEqual(['"one"', '"two"'])
  expect(judged(text, ["a", "1"])).toEqual(['"two"'])
  expect(judged(text, ['d"e'])).toEqual(["true", "null"])
  expect(judged(text, ["b"])).toEqual(['"three"'])
  expect(judged(text, ["a", "0", "c"], ["b"])).toEqual(["2", '"three"'])
  expect(judged(text, ["*", "b"], ["a", "2"], ["f"])).toEqual([])
  expect(judged('"all"', [])).toEqual(['"all"'])
})

test("the member is the one that the value is of, or an element of", () => {
  const members: string[] = []
  replaceValues('{"hash": "a", "list": ["b", ["c"], {"in": "d"}], "last": "e"}', [], (_, __, member) => {
    members.push(member)
    return undefined
  })
  expect(members).toEqual(["hash", "list", "list", "in", "last"])
})
