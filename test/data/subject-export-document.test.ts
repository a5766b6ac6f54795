// The short way through a document, as bytes, withholds what the way through its text withholds.
import fc from "fast-check"
import { expect, test } from "vitest"
import { csvField } from "../../src/data/export/csv.js"
import { DocumentMask } from "../../src/data/subject/export-document.js"
import { FieldBuffer, fieldText } from "../../src/data/subject/export-field.js"
import { OtherNames } from "../../src/data/subject/export-others.js"
import { OwnNames } from "../../src/data/subject/export-own.js"
import { ValueMask } from "../../src/data/subject/export-values.js"
import { hostile } from "./export-fixture.js"

const decomposed = "zo\u0065\u0301"
const own = new OwnNames(
  [
    { kind: "id", value: 'ann "a" \\ b' },
    { kind: "email", value: "Ann@Example.org" },
    { kind: "name", value: decomposed },
    { kind: "resource", value: "user/7" },
  ],
  new Set(),
)
const others = new OtherNames(own)
const text = fc.oneof(
  fc.constantFrom(
    "",
    "[erased]",
    "[other person]",
    "[for review]",
    "ANN@example.ORG",
    "zo\u00e9",
    decomposed,
  ),
  fc.constantFrom('ann "a" \\ b', "7", "8", '"', "\\", '\\"', '"\\', '","', ...hostile),
  fc.string({ unit: "binary" }),
)
const document = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, 1.5, 7, -0.25),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
})).value

test.each([false, true])(
  "bytes and text of a document say the same, of the most hostile values too (text given out: %s)",
  (includeText) => {
    const values = new ValueMask(own, others, { arrays: "array", includeText })
    const mask = new DocumentMask(own, includeText)
    const into = new FieldBuffer()
    const before = Buffer.from("a field before")
    fc.assert(
      fc.property(document, fc.constantFrom(undefined, 1), (value, indent) => {
        // Without any blanks, and with more than PostgreSQL writes.
        const json = JSON.stringify(value, undefined, indent).replace(/\n */g, " ")
        const setting = { isOwn: false, isMixed: false, paths: undefined, masked: false, waits: 0 }
        const now = values.judged(json, { column: "details", at: 0, search: "document" }, setting)
        const field = Buffer.from(csvField(json))
        into.used = 0
        into.makeRoom(before.length)
        into.used = before.copy(into.bytes)
        mask.withhold(
          Buffer.concat([before, field, before]),
          before.length,
          before.length + field.length,
          into,
        )
        const written = into.used === before.length ? json : fieldText(into.bytes, before.length, into.used)
        expect({ now: written, waits: mask.waits, masked: false }).toEqual({
          now,
          waits: setting.waits,
          masked: setting.masked,
        })
        expect(into.bytes.subarray(0, before.length)).toEqual(before)
      }),
      { numRuns: 500 },
    )
  },
)
