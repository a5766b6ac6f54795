// FORMAT.md says what is hashed: every field in its order and with its type, the OIDs, the findings, and an example whose digests are right.
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { oids } from "../../src/data/binary.js"
import {
  actFields,
  contentFields,
  type FieldList,
  frameFields,
  identityFields,
  placeFields,
} from "../../src/data/canonical.js"

const text = readFileSync(join(import.meta.dirname, "..", "..", "FORMAT.md"), "utf8")

function table(heading: string): string[] {
  const section = text.split(`### Record \`${heading}\`\n`)[1] ?? ""
  const rows = /\n((?:\|.*\n)+)/.exec(section)?.[1] ?? ""
  return rows.split("\n").slice(2, -1)
}
const rows = (fields: FieldList) => fields.map(([column, type]) => `| ${column} | ${type} |`)

test("the tables of the records have every hashed field in its order and with its type", () => {
  expect(table("pgtrail identity")).toEqual([
    "| tag `pgtrail identity` | text |",
    "| identity_salt | uuid |",
    ...rows(identityFields),
  ])
  expect(table("pgtrail content")).toEqual([
    "| tag `pgtrail content` | text |",
    "| content_salt | uuid |",
    ...rows(contentFields),
  ])
  const digests = ["| identity_digest | bytea |", "| content_digest | bytea |"]
  expect(table("pgtrail event")).toEqual([
    "| tag `pgtrail event` | text |",
    ...rows(placeFields),
    ...digests,
    ...rows(frameFields),
  ])
  expect(table("pgtrail act")).toEqual(["| tag `pgtrail act` | text |", ...rows(actFields)])
})

test("the table of types has every type and its OID", () => {
  for (const [type, oid] of Object.entries(oids)) expect(text).toContain(`| ${type} | ${oid} |`)
})

test("the records of the example have the digests that are printed", () => {
  const blocks = [...text.matchAll(/(?:^ {4}[0-9a-f]{8}.*\n)+/gm)].map((match) => match[0])
  const digests = blocks.map((block) => {
    const hex = block.replace(/ {4,}[a-z].*$/gm, "").replace(/[^0-9a-f]/g, "")
    return createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex")
  })
  expect(digests.length).toBe(2)
  for (const digest of digests) expect(text).toContain(digest)
})
