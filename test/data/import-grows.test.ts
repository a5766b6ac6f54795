// A named source that grows: half a line waits, another file under the name is refused, and nothing is lost or comes in twice.
import { Readable } from "node:stream"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type ImportOptions, TrailError } from "../../src/data/index.js"
import type { Trail } from "../../src/data/trail.js"
import { type TestDatabase, testDatabase } from "../database.js"

let database: TestDatabase
let trail: Trail
beforeAll(async () => {
  database = await testDatabase()
  trail = await database.trail()
})
afterAll(() => database.drop())

const line = (type: string, n: number) => `{"event_type":"${type}","external_number":${n}}`
const lines = (type: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `${line(type, from + n)}\n`).join("")
const numbers = async (type: string) =>
  (
    await database.query(
      "select external_number as n from pgtrail.event where event_type = $1 order by external_number, seq",
      [type],
    )
  ).map(({ n }) => Number(n))
const take = (text: string, source: string | undefined, options: ImportOptions = {}) =>
  trail.importFile(Readable.from([Buffer.from(text)]), { source, ...options })
const refusal = (text: string, source: string, options: ImportOptions = {}): Promise<unknown> =>
  take(text, source, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )

describe("half a line at the end", () => {
  test("is left for the next time, neither counted nor rejected, and then comes in whole", async () => {
    const text = lines("half", 3)
    for (const cut of [text.length - 10, text.length - 2]) {
      const rejected: unknown[] = []
      const first = await take(text.slice(0, cut), `half ${cut}`, {
        maxErrors: 5,
        onRejected: (record) => rejected.push(record),
      })
      expect(first).toMatchObject({ records: 2, added: 2, rejected: 0, skipped: 0 })
      expect(rejected).toEqual([])
      expect(await take(text, `half ${cut}`)).toMatchObject({ records: 3, added: 1, skipped: 2 })
    }
    expect(await numbers("half")).toEqual([0, 0, 1, 1, 2, 2])
  })

  test("cut in the middle of a character, or the only line, also waits", async () => {
    const text = `${line("whole", 1)}\n{"event_type":"é`
    const bytes = Buffer.from(text).subarray(0, -1)
    expect(await trail.importFile(Readable.from([bytes]), { source: "character" })).toMatchObject({
      records: 1,
    })
    expect(await take("{", "only")).toMatchObject({ records: 0, added: 0 })
    expect(await take(lines("only", 2), "only")).toMatchObject({ added: 2 })
  })

  test("that is whole JSON is imported, and its line end adds nothing", async () => {
    const text = lines("no.end", 2)
    expect(await take(text.trimEnd(), "no end")).toMatchObject({ added: 2 })
    expect(await take(text + lines("no.end", 1, 2), "no end")).toMatchObject({ added: 1, skipped: 2 })
    expect(await numbers("no.end")).toEqual([0, 1, 2])
  })

  test("that is finished and bad is rejected, and so is half a line of a source without a name", async () => {
    expect(await take(`${lines("bad", 1)}{"event\n`, "finished", { maxErrors: 1 })).toMatchObject({
      records: 2,
      rejected: 1,
    })
    expect(await take(`${lines("bad", 1)}{"event`, undefined, { maxErrors: 1 })).toMatchObject({
      records: 2,
      rejected: 1,
    })
  })

  test("of a stream of JSON that is no line waits too", async () => {
    const record = (n: number) =>
      `{"eventName":"n${n}","eventSource":"half.trail","eventTime":"2026-11-21T00:00:00Z"}`
    const options = { format: "cloudtrail", maxErrors: 1 } as const
    const text = `${record(1)}\n${record(2)}`
    expect(await take(text.slice(0, -9), "trail", options)).toMatchObject({ records: 1, rejected: 0 })
    expect(await take(text, "trail", options)).toMatchObject({ records: 2, added: 1, rejected: 0 })
  })
})

describe("another file under the same name", () => {
  test("with as many records or more is refused, and nothing of it is skipped silently", async () => {
    await take(lines("first", 5), "rotated", { batchSize: 2 })
    for (const count of [5, 9]) {
      const error = await refusal(lines("second", count), "rotated")
      expect(error).toBeInstanceOf(TrailError)
      expect(error).toMatchObject({
        code: "config",
        message: "record 5 of rotated is not the one that was imported as its last: it is another file",
        hint: "give it another name with --source; each file of a rotated log has its own, or none",
      })
    }
    expect(await numbers("second")).toEqual([])
    expect(await take(lines("second", 9), "rotated 2")).toMatchObject({ added: 9 })
    expect(await take(lines("first", 6), "rotated")).toMatchObject({ added: 1, skipped: 5 })
  })

  test("is known also where the last record was a rejected one", async () => {
    await take(`${lines("reject", 1)}bad\n`, "rejected", { maxErrors: 1 })
    expect(await take(`${lines("reject", 1)}bad\n${lines("reject", 1, 1)}`, "rejected")).toMatchObject({
      added: 1,
      skipped: 2,
    })
    expect(await refusal(`${lines("reject", 2)}${lines("reject", 5)}`, "rejected")).toMatchObject({
      code: "config",
    })
  })
})

test("a name of more than 200 characters, or of none, is refused before anything is read", async () => {
  for (const name of ["", "n".repeat(201)]) {
    expect(await refusal(lines("long", 1), name)).toMatchObject({ code: "usage" })
  }
  expect(await take(lines("long", 1), "€".repeat(200))).toMatchObject({ added: 1 })
})

describe("a spool file", () => {
  const batch = "0b7e7a34-6f0c-4f6e-8d54-5f1f0c5f7a01"
  const spooled = (type: string, n: number, id = batch) =>
    `{"append_batch":"${id}","event_type":"${type}","external_number":${n}}\n`

  test("of one batch with a bad line loses nothing when the line is corrected and the file imported again", async () => {
    const good = [1, 2, 3, 4].map((n) => spooled("spool", n))
    const bad = good.map((text, n) => (n === 2 ? `{"append_batch":"${batch}","event_typ\n` : text))
    const failed = await take(bad.join(""), undefined, { batchSize: 2 }).catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({ code: "incomplete" })
    expect(await numbers("spool")).toEqual([1, 2])
    expect(await take(good.join(""), undefined, { batchSize: 2 })).toMatchObject({ rejected: 0 })
    expect(new Set(await numbers("spool"))).toEqual(new Set([1, 2, 3, 4]))
  })

  test("whose bad line went to the rejects gets it from the corrected rejects, and nothing twice", async () => {
    const id = "0b7e7a34-6f0c-4f6e-8d54-5f1f0c5f7a02"
    const text = [1, 2, 4].map((n) => spooled("rejects", n, id)).join("")
    expect(await take(`${text}{"append_batch":"${id}","event\n`, undefined, { maxErrors: 1 })).toMatchObject({
      added: 3,
      rejected: 1,
    })
    expect(await take(spooled("rejects", 3, id), undefined)).toMatchObject({ added: 1 })
    expect(await numbers("rejects")).toEqual([1, 2, 3, 4])
  })

  test("brings nothing that append itself has committed", async () => {
    const id = "0b7e7a34-6f0c-4f6e-8d54-5f1f0c5f7a03"
    await trail.append({ event_type: "committed", external_number: 1 }, { batchId: id })
    expect(await take(spooled("committed", 1, id), undefined)).toMatchObject({ added: 0, skipped: 1 })
    expect(await numbers("committed")).toEqual([1])
  })
})

test("the chain is intact after all of this", async () => {
  expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
})
