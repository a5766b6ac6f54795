// How an export follows lanes: in any order of events, with little memory, and never saying that a chain is whole which is not.
import { createHash } from "node:crypto"
import fc from "fast-check"
import { expect, test } from "vitest"
import { RowCutter } from "../../src/data/export/csv.js"
import { Lanes } from "../../src/data/export/lanes.js"

const hash = (lane: string, seq: number) => createHash("sha256").update(`${lane} ${seq}`).digest("hex")
const nowhere = { file: 0, line: 0 }

/** Places of two lanes in some order, some of them missing; one event may have been replaced. */
const events = fc.record({
  places: fc.uniqueArray(fc.tuple(fc.constantFrom("0", "1"), fc.integer({ min: 1, max: 40 })), {
    minLength: 1,
    maxLength: 80,
    selector: String,
  }),
  broken: fc.option(fc.nat()),
})

test("runs, gaps and whole chains are those that a plain reading finds, with much memory and with little", () => {
  fc.assert(
    fc.property(events, fc.constantFrom(1, 2, 3, 5, 1000), ({ places, broken }, most) => {
      const lanes = new Lanes(true, most)
      const wrong = broken === null ? undefined : places[broken % places.length]
      for (const [lane, seq] of places) {
        const own = wrong?.[0] === lane && wrong[1] === seq ? hash("forged", seq) : hash(lane, seq)
        lanes.add(
          lanes.lane(lane, () => ["acme", lane]),
          seq,
          hash(lane, seq - 1),
          own,
          nowhere,
        )
      }
      for (const found of lanes.finish()) {
        const seqs = places.flatMap(([lane, seq]) => (lane === found.lane ? [seq] : [])).sort((a, b) => a - b)
        expect(found).toMatchObject({ events: seqs.length, first: seqs[0], last: seqs.at(-1) })
        const follows = (seq: number, at: number) =>
          seq === (seqs[at - 1] ?? 0) + 1 && !(wrong?.[0] === found.lane && wrong[1] === seq - 1)
        const starts = seqs.filter((seq, at) => at === 0 || !follows(seq, at))
        // The last event may be anything: nothing follows it, and its hash is compared elsewhere.
        expect(found.closes).toBe(starts.length === 1)
        if (found.runs !== undefined) expect(found.runs.map(({ first }) => first)).toEqual(starts)
        else expect(most).toBeLessThan(1000)
      }
    }),
    { numRuns: 300 },
  )
})

test("events in random order are followed in flat memory", () => {
  const lanes = new Lanes(true, 1000)
  const size = 2 ** 15
  const state = lanes.lane("0", () => ["acme", "0"])
  // A generator of full period: every place once.
  for (let at = 0, seq = 0; at < size; at += 1, seq = (seq * 5 + 3) % size) {
    lanes.add(state, seq + 1, String(seq).padStart(64, "0"), String(seq + 1).padStart(64, "0"), nowhere)
    expect(state.byFirst.size + state.doubled.length).toBeLessThanOrEqual(1000)
  }
  expect(lanes.finish()).toMatchObject([
    { events: size, first: 1, last: size, closes: true, runs: undefined },
  ])
})

test("rows are cut the same however the bytes come", () => {
  const text = 'a,"b\n""c""",\n"x\ry",,\n"",1,"\n\n"\n'
  const whole = ['a,"b\n""c""",', '"x\ry",,', '"",1,"\n\n"']
  for (let size = 1; size <= text.length; size += 1) {
    const rows: [string, number][] = []
    const cutter = new RowCutter((bytes, start, end, line) =>
      rows.push([bytes.toString("utf8", start, end), line]),
    )
    for (let at = 0; at < text.length; at += size) cutter.push(Buffer.from(text.slice(at, at + size)))
    expect(rows).toEqual(whole.map((row, at) => [row, [1, 3, 4][at]]))
    expect(cutter.isOpen).toBe(false)
  }
})
