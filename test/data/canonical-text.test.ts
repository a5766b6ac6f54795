// FORMAT.md is true: its tables are the lists that are hashed, and its example has the hashes that it names.
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { oids } from "../../src/data/binary.js"
import {
  actFields,
  contentFields,
  frameFields,
  identityFields,
  placeFields,
} from "../../src/data/canonical.js"

const format = readFileSync(new URL("../../FORMAT.md", import.meta.url), "utf8")
const cells = (table: string): string[][] =>
  table
    .trim()
    .split("\n")
    .map((line) => line.split("|").slice(1, -1))
    .map((row) => row.map((cell) => cell.trim()))

test("the types have their OIDs", () => {
  const [, table = ""] = /\| type \| OID \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(format) ?? []
  const listed = cells(table).map(([type, oid]) => [type, Number(oid)])
  expect(Object.fromEntries(listed)).toEqual(oids)
})

test.each([
  ["pgtrail identity", [["identity_salt", "uuid"], ...identityFields]],
  ["pgtrail content", [["content_salt", "uuid"], ...contentFields]],
  [
    "pgtrail event",
    [...placeFields, ["identity_digest", "bytea"], ["content_digest", "bytea"], ...frameFields],
  ],
  ["pgtrail act", actFields],
])("the record %s has the fields that are hashed, in their order", (tag, fields) => {
  const [, text = ""] = format.split(`### Record \`${tag}\`\n`)
  const [, table = ""] = /^\n\| field \| type \|\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(text) ?? []
  expect(cells(table)).toEqual([[`tag \`${tag}\``, "text"], ...fields])
})

test("the records of the example have the hashes that stand beside them", () => {
  const [, example = ""] = format.split(/## \d+\. An example/)
  const blocks = example.match(/(?:^ {4}[0-9a-f]{8}.*\n)+/gm) ?? []
  expect(blocks.length).toBe(2)
  for (const block of blocks) {
    const hex = block
      .split("\n")
      .map((line) => /^ {4}((?:[0-9a-f]+ )*[0-9a-f]+)(?: {2,}|$)/.exec(line)?.[1] ?? "")
    const bytes = Buffer.from(hex.join("").replaceAll(" ", ""), "hex")
    expect(format).toContain(`\`${createHash("sha256").update(bytes).digest("hex")}\``)
  }
})
