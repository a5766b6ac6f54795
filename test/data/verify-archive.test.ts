// What was archived, restored and removed is what the acts say; else it is found. Over 250 lines because each change by hand is a case.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../../src/data/index.js"
import type { TextRow } from "../database.js"
import { type ArchivedLog, archive, archivedLog } from "./archived-log.js"
import { lifecycleLog } from "./lifecycle-fixture.js"
import { replayed } from "./replayed.js"

let log: ArchivedLog
beforeAll(async () => {
  log = await archivedLog()
})
afterAll(() => log.db.drop())
afterEach(() => log.restore())

const sum = ({ events, archived, purged }: Record<"events" | "archived" | "purged", string>) =>
  BigInt(events) + BigInt(archived) + BigInt(purged)

test("a log with an archive in force, a restored and a removed one is intact, in every way of reading", async () => {
  const whole = await log.verify()
  expect(whole).toMatchObject({ verdict: "intact", findings: [], unread: [] })
  expect(sum(whole.covered)).toBe(182n)
  const [kept] = await log.db.query(
    "select events from pgtrail.archive where restored_seq is null and removed_seq is null",
  )
  expect(whole.covered.archived).toBe(kept?.events)
  for (const options of [{ maxSeconds: 60 }, { since: "2000-01-01" }]) {
    expect(await log.verify(options)).toMatchObject({
      verdict: "intact",
      findings: [],
      covered: { archived: kept?.events },
    })
  }
  expect(await log.verify({ organization: "acme" })).toMatchObject({ verdict: "intact", findings: [] })
  const january = await log.verify({ since: "2020-01-01", until: "2020-02-01" })
  expect(january).toMatchObject({ verdict: "intact", findings: [], covered: { archived: "0" } })
  expect(january.covered.events).toBe(
    (await log.db.query("select count(*) as n from pgtrail.event_2020_01"))[0]?.n,
  )
})

test("an incremental verification goes on over a restore and a new archive", async () => {
  await log.verify({ record: true })
  await log.db.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'new')")
  expect(await log.verify({ incremental: true })).toMatchObject({
    verdict: "intact",
    covered: { events: "1" },
  })
})

describe("a change by hand is found", () => {
  const { kept, restored } = {
    kept: "restored_seq is null and removed_seq is null",
    restored: "restored_seq is not null",
  }
  const changes: readonly (readonly [what: string, sql: string, times?: number])[] = [
    ["another location", `update pgtrail.archive set location = 'file:///tmp' where ${kept}`],
    ["another name", `update pgtrail.archive set name = 'x' where ${kept}`, 2],
    ["another manifest", `update pgtrail.archive set manifest = sha256('x') where ${kept}`],
    ["more events", `update pgtrail.archive set events = events + 1 where ${kept}`],
    ["another size", `update pgtrail.archive set bytes = 1 where ${kept}`],
    ["another partition", `update pgtrail.archive set partition_name = 'event_2020_01' where ${kept}`],
    ["other bounds of the partition", `update pgtrail.archive set until = 'infinity' where ${kept}`],
    ["events that are older", `update pgtrail.archive set oldest_occurred_at = '-infinity' where ${kept}`],
    [
      "events that are not so new",
      `update pgtrail.archive set newest_occurred_at = '2001-01-01' where ${kept}`,
    ],
    ["a removal that no act made", `update pgtrail.archive set removed_seq = 1 where ${kept}`],
    ["a removal undone", "update pgtrail.archive set removed_seq = null where removed_seq is not null"],
    ["a restore that no act made", `update pgtrail.archive set restored_seq = 1 where ${kept}`],
    ["a restore undone", `update pgtrail.archive set restored_seq = null where ${restored}`],
    ["an archive that is gone", `delete from pgtrail.archive where ${kept}`],
    [
      "an archive that no act made",
      "insert into pgtrail.archive select 1, 'y', location, partition_name, since, until, 1, 1, 'x', oldest_occurred_at, newest_occurred_at from pgtrail.archive limit 1",
    ],
    [
      "a kind of another organization",
      "update pgtrail.archive_kind set organization_id = 'x' where kind = 1 and act_seq = (select min(act_seq) from pgtrail.archive)",
    ],
    [
      "a kind that is not so new",
      "update pgtrail.archive_kind set newest_occurred_at = '2001-01-01' where kind = 1 and act_seq = (select min(act_seq) from pgtrail.archive)",
    ],
    [
      "kinds that are gone",
      "delete from pgtrail.archive_kind where act_seq = (select min(act_seq) from pgtrail.archive)",
    ],
    [
      "kinds of no archive",
      "insert into pgtrail.archive_kind values (1, 1, 'a', null, 'b', 'c', array['d', null], 1, now(), now())",
    ],
  ]

  test.each(changes.map(([what, sql, times = 1]) => ({ what, sql, times })))(
    "$what",
    async ({ sql, times }) => {
      await log.tamper(sql)
      const { messages } = await replayed(log.trail)
      expect(messages).toEqual(
        Array.from({ length: times }, () => expect.stringMatching(/^control_altered -: /)),
      )
    },
  )

  test.each([
    [
      "records of a restore that no act made",
      "update pgtrail.purge set restored_seq = 1 where restored_seq is null and act_seq = (select max(act_seq) from pgtrail.archive where restored_seq is null)",
    ],
    [
      "records without their restore",
      "update pgtrail.purge set restored_seq = null where restored_seq is not null",
    ],
    [
      "one record without its restore",
      "update pgtrail.purge set restored_seq = null where restored_seq is not null and (organization_id, lane) = (select organization_id, lane from pgtrail.purge where restored_seq is not null limit 1)",
    ],
  ])("%s", async (_, sql) => {
    await log.tamper(sql)
    expect(await log.found()).toEqual(["control_altered -/-/-"])
  })

  // Those of one row would hide each other.
  const together = [
    "another location",
    "a removal undone",
    "a restore undone",
    "an archive that no act made",
    "kinds of no archive",
  ]
  test.each([{}, { maxSeconds: 60 }])(
    "many at once are all found by a verification with %j",
    async (options) => {
      for (const [what, sql] of changes) if (together.includes(what)) await log.tamper(sql)
      const controls = (findings: readonly Finding[]) =>
        findings.filter(({ kind }) => kind === "control_altered").map(({ id }) => id)
      const { verdict, unread, findings } = await log.verify(options)
      expect([verdict, unread]).toEqual(["tampered", []])
      expect(controls(findings)).toHaveLength(together.length)
      expect(controls((await replayed(log.trail)).list)).toEqual(controls(findings))
    },
  )

  test("events of a restored archive that are altered or gone, and of one in force that are there", async () => {
    const restored = await log.db.query(
      "select organization_id, lane, seq from pgtrail.event_2020_01 where actor_id <> 'u4' order by seq",
    )
    const [inside] = await log.db.query(
      `select e.organization_id, e.lane, e.seq from public.event_2020_02_rows e join pgtrail.purge p on p.act_seq = $1
         and p.organization_id = e.organization_id and p.lane = e.lane and p.ranges @> e.seq limit 1`,
      [log.archives.kept.seq],
    )
    const where = (event?: TextRow) =>
      `where (organization_id, lane, seq) = ('${event?.organization_id}', ${event?.lane}, ${event?.seq})`
    const place = (event?: TextRow) => `${event?.organization_id}/${event?.lane}/${event?.seq}`
    const [altered, gone] = [restored[3], restored.at(-4)]
    await log.tamper(
      `update pgtrail.event set actor_id = 'somebody' ${where(altered)}; delete from pgtrail.event ${where(gone)};
       insert into pgtrail.event select * from public.event_2020_02_rows e ${where(inside)}`,
    )
    for (const options of [{}, { maxSeconds: 60 }, { since: "2020-01-01" }]) {
      expect(await log.found(options)).toEqual([
        `altered ${place(altered)}`,
        `inserted ${place(inside)}`,
        `missing ${place(gone)}`,
      ])
    }
  })
})

describe("an act that says what was not so is found", () => {
  const act = (kind: string, parameters: string) =>
    log.tamper(`select pgtrail.record_act('${kind}', ${parameters})`)
  const of = (which: "kept" | "restored" | "removed", more = {}) =>
    `'${JSON.stringify({ archive: log.archives[which].name, purge: Number(log.archives[which].seq), schema: null, expired: false, ...more })}'`
  const newest = async () => (await log.db.query("select max(seq) as seq from pgtrail.act"))[0]?.seq

  const again = async () => {
    const [first] = await log.db.query("select parameters, digest from pgtrail.act where seq = $1", [
      log.archives.kept.seq,
    ])
    await log.tamper(`select pgtrail.record_act('purge', '${first?.parameters}', sha256(''))`)
  }
  const acts: readonly (readonly [what: string, run: () => Promise<unknown>])[] = [
    ["a second restore", () => act("restore", of("restored"))],
    [
      "a restore of what was never archived",
      () => act("restore", `'{"archive": "x", "purge": 1, "schema": null}'`),
    ],
    ["a restore that names another purge", () => act("restore", of("kept", { purge: 1 }))],
    ["a second removal", () => act("remove_archive", of("removed"))],
    ["a removal of what was never archived", () => act("remove_archive", `'{"archive": "x", "purge": 1}'`)],
    ["a purge into an archive that is there already", again],
  ]

  describe("each for itself, where all of them stand in a log:", () => {
    const recorded: string[] = []
    let found: readonly string[]
    beforeAll(async () => {
      for (const [, run] of acts) {
        await run()
        recorded.push(`act_altered -/-/${await newest()}`)
      }
      found = await log.found()
      await log.restore()
    })

    test.each(acts.map(([what], number) => ({ what, number })))("$what", ({ number }) => {
      expect(found).toContain(recorded[number])
    })

    test("and nothing else", () => {
      expect(found).toEqual([...recorded].sort())
    })
  })

  test("a restore that brought back nothing", async () => {
    await act("restore", of("kept"))
    const seq = await newest()
    await log.tamper(
      `update pgtrail.archive set restored_seq = ${seq} where act_seq = ${log.archives.kept.seq}`,
    )
    await log.tamper(
      `update pgtrail.purge set restored_seq = ${seq} where act_seq = ${log.archives.kept.seq}`,
    )
    const found = await log.found()
    expect(found.length).toBeGreaterThan(1)
    expect(found.every((one) => one.startsWith("missing "))).toBe(true)
    for (const options of [{ maxSeconds: 60 }, { since: "2000-01-01" }])
      expect(await log.found(options)).toEqual(found)
  })

  test("a copy in another schema restores nothing", async () => {
    await act("restore", of("kept", { schema: "elsewhere" }))
    expect(await log.verify()).toMatchObject({ verdict: "intact", findings: [] })
  })
})

test("a log whose archives were taken back, then its lifecycle, and all brought again: no archives, their events purged, rules and holds of a new one", async () => {
  const own = await lifecycleLog({ older: true })
  try {
    const { seq } = await archive(own.db, "event_2020_02")
    await own.db.query("select pgtrail.attach_partition('event_2020_03')")
    const { covered } = await own.verify()
    await own.trail.migrateDown({ to: 5, confirm: own.db.name })
    const purged = String(BigInt(covered.archived) + BigInt(covered.purged))
    expect(await own.verify({ maxSeconds: 60 })).toMatchObject({
      verdict: "intact",
      pending_migration: "0006_archive",
      covered: { archived: "0", purged },
    })
    await own.trail.migrateDown({ to: 4, confirm: own.db.name })
    expect(await own.verify({ maxSeconds: 60 })).toMatchObject({
      verdict: "intact",
      pending_migration: "0005_lifecycle",
    })
    await own.trail.install()
    await own.db.query("select pgtrail.set_retention('policy', 'short', 90)")
    expect(await own.verify()).toMatchObject({
      verdict: "intact",
      findings: [],
      pending_migration: null,
      covered: { archived: "0", purged },
    })
    await own.tamper(
      `select pgtrail.record_act('restore', jsonb_build_object('archive', parameters->'archive'->>'name', 'purge', seq, 'schema', null))
       from pgtrail.act where seq = ${seq}`,
    )
    expect((await own.found()).map((one) => one.split(" ")[0])).toEqual(["act_altered"])
  } finally {
    await own.db.drop()
  }
})
