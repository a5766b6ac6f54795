// What an incident report needs of a verification: what is still proven, traces in the catalog, visible text; on hundreds of findings too.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { describeVerification } from "../../src/data/verification/describe.js"
import { type Incident, incidentLog } from "./verification-fixture.js"

let log: Incident
beforeAll(async () => {
  log = await incidentLog()
})
afterEach(() => log.restore())
afterAll(() => log.db.drop())

const id = (number: number) => number.toString(16).padStart(16, "0")

describe("an incident", () => {
  test("tells what an incident report needs: first, last, what is still proven, when it was whole", async () => {
    await log.trail.verify({ jobs: 1 })
    const { incident } = await log.after(
      `update pgtrail.event set actor_email = 'x' where organization_id = 'globex' and seq = 30;
       update pgtrail.event set severity = 'critical' where organization_id = 'initech' and seq = 10;
       delete from pgtrail.event where organization_id = 'globex' and seq in (40, 41)`,
    )
    const [times] = await log.db.query(
      `select min(recorded_at) filter (where organization_id = 'globex' and seq = 30) as first,
         min(recorded_at) filter (where organization_id = 'initech') as last from pgtrail.event`,
    )
    expect(times?.first).not.toBe(times?.last)
    expect(incident).toMatchObject({
      first: { place: "globex/0/30", occurred_at: expect.stringMatching(/Z$/), recorded_after: null },
      last: { place: "initech/0/10" },
      organizations: ["globex", "initech"],
      unproven: null,
      last_intact: { act: "2", verdict: "intact" },
    })
    expect(incident.lanes).toMatchObject([
      {
        organization_id: "globex",
        lane: "0",
        first: "30",
        last: "41",
        head: "60",
        proven: [
          { first: "1", last: "29", by: "genesis" },
          { first: "42", last: "60", by: "head" },
        ],
      },
      {
        organization_id: "initech",
        proven: [
          { first: "1", last: "9", by: "original" },
          { first: "11", last: "60", by: "head" },
        ],
      },
    ])
  })

  test("vouches for what is before only where every original after it is known", async () => {
    const { incident } = await log.after(
      `update pgtrail.event set severity = 'critical' where organization_id = 'globex' and seq = 10;
       update pgtrail.event set actor_email = 'x' where organization_id = 'globex' and seq = 12`,
    )
    expect(incident.lanes[0]?.proven).toEqual([
      { first: "1", last: "9", by: "genesis" },
      { first: "13", last: "60", by: "head" },
    ])
  })

  test("calls nothing proven in a chain that was rewritten up to its head", async () => {
    const event = { organization_id: "globex", lane: "0", seq: "30", group: "head", message: "rewritten" }
    const act = await log.record([{ ...event, id: id(1) }])
    const { incident, findings } = await log.trail.verification({ act })
    expect(findings[0]?.explanation).toMatchObject({ still: true, found_by: null })
    expect(incident.lanes[0]?.proven).toEqual([{ first: "1", last: "29", by: "genesis" }])
  })

  test("claims nothing where not all findings are recorded, or not all was read", async () => {
    await log.tamper("update pgtrail.event set action = 'x' where organization_id = 'globex' and seq = 30")
    const event = { organization_id: "globex", lane: "0", seq: "30", message: "x", id: id(1) }
    for (const more of [
      { findings_total: "2000" },
      { requested: { since: "2026-01-01" } },
      { requested: { incremental: true } },
      { next: "acme/0/7" },
    ]) {
      const { incident } = await log.trail.verification({ act: await log.record([event], more) })
      expect(incident.unproven, JSON.stringify(more)).toMatch(
        /^(only the first 1 of 2000|the verification did not read)/,
      )
      expect(incident.lanes).toMatchObject([{ first: "30", proven: [] }])
    }
  })

  test("says of events that are gone between which they were, and when they are there again", async () => {
    const gone = "delete from pgtrail.event where organization_id = 'globex' and seq in (6, 7)"
    const finding = await log.only(gone)
    expect(finding.explanation).toMatchObject({
      still: true,
      gaps: [{ organization_id: "globex", lane: "0", first: "6", last: "7" }],
      recorded_after: expect.stringMatching(/Z$/),
    })
    expect(finding.explanation.says[0]).toBe("events 6 to 7 are gone (2)")
    const act = await log.record([{ ...finding, kind: "missing" }])
    await log.tamper(
      "insert into pgtrail.event select * from public.event_copy where organization_id = 'globex' and seq in (6, 7)",
    )
    const { findings, incident } = await log.trail.verification({ act })
    expect(findings[0]?.explanation).toMatchObject({ still: false, says: ["an event stands there again"] })
    expect(incident).toMatchObject({ first: null, last: null, lanes: [] })
  })

  test("says of a lane that has vanished how many events it had", async () => {
    const { findings } = await log.after(
      "delete from pgtrail.event where organization_id in ('globex', 'acme')",
    )
    expect(findings.map(({ explanation }) => explanation.says)).toEqual(
      expect.arrayContaining([["lane 0: events 1 to 60 are gone (60)"]]),
    )
  })

  test("says of a second event at a place which of them the log vouches for", async () => {
    const finding = await log.only(
      `insert into pgtrail.event select (e).* from (select jsonb_populate_record(e, '{"action": "forged", "occurred_at": "2026-11-20"}') as e
         from pgtrail.event e where organization_id = 'globex' and seq = 30) f`,
    )
    expect(finding.kind).toBe("inserted")
    expect(finding.explanation.says[0]).toBe("2 events stand at globex/0/30")
    expect(finding.explanation.says[1]).toMatch(/^the one at .* is the one that event 31 vouches for$/)
    expect(finding.explanation.rows).toHaveLength(2)
  })

  test("names transaction and place of each row, and which was written later than its neighbour", async () => {
    const finding = await log.only(
      "update pgtrail.event set actor_email = 'x' where organization_id = 'globex' and seq = 30",
    )
    const [row] = await log.db.query(
      "select tableoid::regclass as partition, ctid, xmin from pgtrail.event where organization_id = 'globex' and seq = 30",
    )
    expect(finding.explanation.rows).toEqual([
      { place: "globex/0/30", ...row, commit_time: null, written_later: true },
    ])
  })
})

describe("traces in the catalog", () => {
  test("a trigger that was switched off and on again has a later transaction than its siblings", async () => {
    await log.db.query("alter table pgtrail.event disable trigger pgtrail_seal")
    const shown = await log.after("select 1")
    await log.db.query("alter table pgtrail.event enable trigger pgtrail_seal")
    expect(shown.findings.length).toBeGreaterThan(0)
    const odd = shown.catalog.filter((trace) => trace.odd)
    expect(odd).toContainEqual(
      expect.objectContaining({ catalog: "pg_trigger", object: "table event", name: "pgtrail_seal" }),
    )
    expect(describeVerification(shown)).toMatch(
      /table event, pgtrail_seal: pg_trigger \d+, .* it was touched later/,
    )
  })

  test("a function that was replaced stands out among the others", async () => {
    // A superuser's session would call nothing of such a log, and so not record what it found.
    const auditor = await log.db.role({ memberOf: ["pgtrail_auditor"] })
    await log.db.query("alter function pgtrail.guard() set work_mem = '64kB'")
    const { act } = await (await log.db.trail({ url: auditor.url })).verify({ jobs: 1 })
    const shown = await log.trail.verification({ act: act ?? "0" })
    await log.db.query("alter function pgtrail.guard() reset work_mem")
    expect(
      shown.catalog.filter((trace) => trace.catalog === "pg_proc" && trace.odd).map(({ object }) => object),
    ).toEqual(["function guard()"])
  })

  test("a rule that was dropped leaves its mark", async () => {
    await log.db.query("create rule quiet as on delete to pgtrail.act do instead nothing")
    await log.db.query("drop rule quiet on pgtrail.act")
    const shown = await log.after("select 1")
    expect(shown.ghost_rules).toMatchObject([{ object: "table act" }])
    expect(describeVerification(shown)).toContain("table act: pg_class")
    await log.db.query("vacuum pgtrail.act")
    expect((await log.trail.verification()).ghost_rules).toEqual([])
  })
})

test("values that would steer a terminal are made visible, and no event value stands in the text but a difference", async () => {
  await log.db.query(
    `insert into pgtrail.event (organization_id, event_type, actor_name, description)
     values (E'evil\\x1b[2J', 'a', 'secret-name', null), (E'evil\\x1b[2J', 'a', 'secret-name', null)`,
  )
  const shown = await log.after(
    `update pgtrail.event set description = E'\\x1b]0;owned\\x07 \\u202e \\u0085 ' || repeat('long', 100) where organization_id like 'evil%' and seq = 1`,
  )
  const text = describeVerification(shown)
  expect(text).toContain('description  null → "\\x1b]0;owned\\x07 \\u202e \\x85 long')
  expect(text).toContain("evil\\x1b[2J/0/1")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f\u202e]/)
  expect(text).not.toContain("secret-name")
  expect(text).toMatch(/\(cut: \d+ characters\)/)
})

test("four hundred findings are explained in flat batches, and people are shown the first", async () => {
  await log.db.query("create table public.many (n int)")
  await log.db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'many', 'a' from generate_series(1, 400)",
  )
  await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'many' and seq % 2 = 0")
  await log.tamper("delete from pgtrail.event where organization_id = 'many' and seq % 2 = 1 and seq < 399")
  const findings = Array.from({ length: 400 }, (_, index) => ({
    id: id(index + 1),
    kind: (index + 1) % 2 === 0 || index === 398 ? ("altered" as const) : ("missing" as const),
    organization_id: "many",
    lane: "0",
    seq: String(index + 1),
    message: "x",
  }))
  const act = await log.record(findings)
  const shown = await log.trail.verification({ act, against: undefined })
  expect(shown.findings).toHaveLength(400)
  const found = shown.findings.filter(({ explanation }) => explanation.still === true)
  expect(found.length).toBeGreaterThanOrEqual(399)
  const [named] = shown.findings.slice(-1)
  expect(named?.explanation.differences).toMatchObject([{ column: "actor_id", original: null, present: "x" }])
  expect(shown.incident.lanes).toMatchObject([{ first: "1", last: "400" }])
  const text = describeVerification(shown)
  expect(text.split("\n").length).toBeLessThan(500)
  expect(text).toContain("and 350 more; --json has all that are recorded, --finding ID shows one")
})
