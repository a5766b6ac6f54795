// What verify says of a log of which some was purged: nothing, where it was purged with a record; all that does not fit else. One log for all of it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type PurgedLog, purgedLog } from "./purge-fixture.js"
import { places } from "./verify-fixture.js"

let log: PurgedLog
beforeAll(async () => {
  log = await purgedLog()
})
afterAll(() => log.drop())
afterEach(() => log.restore())

const found = async () => places((await log.check()).findings)

describe("a log of which some was purged is intact", () => {
  test("and says how much is purged", async () => {
    const report = await log.check()
    expect(report).toMatchObject({ verdict: "intact", findings: [] })
    expect(report.covered).toMatchObject({ chains: "4", events: "87", purged: "93" })
    expect((await log.check({ jobs: 3 })).covered).toEqual(report.covered)
  })

  test("against checkpoints of before and after", async () => {
    const report = await log.check({ checkpoints: [log.before, log.after] })
    expect(report).toMatchObject({ verdict: "intact", findings: [] })
  })

  test.each(["acme", "globex", "initech"])(
    "for %s alone, whole, in pieces, and of a time",
    async (organization) => {
      const whole = await log.check({ organization })
      expect(whole).toMatchObject({ verdict: "intact", findings: [] })
      const inOrder = await log.check({ organization, maxSeconds: 60 })
      expect(inOrder).toMatchObject({ verdict: "intact", covered: whole.covered })
      const { events, purged } = whole.covered
      const ofTime = await log.check({ organization, since: "2000-01-01" })
      expect(ofTime).toMatchObject({ verdict: "intact", covered: { events, purged } })
    },
  )

  test("from every place of a lane on, purged ones too", async () => {
    for (const seq of [1, 5, 7, 9, 10, 20, 59, 61]) {
      const from = { organization: "globex", lane: "0", seq: String(seq) }
      expect((await log.check({ organization: "globex", from })).findings).toEqual([])
    }
  })

  test("since an anchor whose heads were purged since, with events that came after them", async () => {
    await log.append("initech", 3)
    await log.append("acme", 2)
    for (const checkpoints of [[], [log.before], [log.after]]) {
      const report = await log.check({ incremental: true, checkpoints })
      expect(report).toMatchObject({ verdict: "intact", findings: [] })
      expect(report.covered).toMatchObject({ events: "5", purged: "0" })
    }
    expect(await log.check()).toMatchObject({ verdict: "intact", covered: { events: "92", purged: "93" } })
  })

  test("since an anchor in the middle of what was purged then", async () => {
    await log.append("globex", 5)
    await log.append("newcomer", 5)
    const middle = await log.checkpoint("middle.checkpoint")
    await log.append("globex", 5)
    await log.append("newcomer", 5)
    await log.db.query("select public.purge_ranges('globex', 0, '{[63,69)}')")
    await log.trail.purgeOrganization("newcomer", { reason: "test", confirm: "newcomer" })
    for (const publish of [0, 2]) {
      if (publish > 0) await log.append("newcomer", publish)
      const report = await log.check({ incremental: true, checkpoints: [middle] })
      expect(report).toMatchObject({ verdict: "intact", findings: [] })
      expect(report.covered).toMatchObject({ events: String(2 + publish), purged: "8" })
      expect(await log.check({ checkpoints: [middle, log.before] })).toMatchObject({ verdict: "intact" })
    }
  })

  test("when all of its events are gone", async () => {
    for (const organization of ["acme", "globex"])
      await log.trail.purgeOrganization(organization, { reason: "test", confirm: organization })
    expect(await log.check({ checkpoints: [log.before] })).toMatchObject({
      verdict: "intact",
      covered: { chains: "4", events: "0", purged: "180" },
    })
  })
})

const gaps = ["missing globex/0/20", "missing globex/0/5", "truncated globex/0/59"]
/** A purge of globex 30 to 34, with hashes made up of those that were there and others. */
const forge = (before: string, hash: string) =>
  `select public.purge_ranges('globex', 0, '{[30,35)}', ${before} || ${hash})`
const was = (column: string, seq: number) =>
  `(select ${column} from public.event_before where organization_id = 'globex' and lane = 0 and seq = ${seq})`

type Tampering = readonly [what: string, sql: string, findings: readonly string[]]

describe("verify finds", () => {
  /** Each in a lane or at places of its own, so that none hides another: one verification for all of a group. */
  const groups: readonly (readonly Tampering[])[] = [
    [
      [
        "a record that is gone",
        "delete from pgtrail.purge where organization_id = 'globex'",
        ["control_altered -/-/-", ...gaps],
      ],
      [
        "a record that was moved to another lane",
        "update pgtrail.purge set lane = 16 where organization_id = 'acme'",
        ["control_altered -/-/-", "missing acme/0/1"],
      ],
    ],
    [
      [
        "all records that are gone, and lanes that vanish with them",
        "delete from pgtrail.purge",
        [
          ...Array.from({ length: 5 }, () => "control_altered -/-/-"),
          "missing acme/0/1",
          ...gaps,
          "vanished initech/0/-",
        ],
      ],
    ],
    [
      [
        "ranges that were altered",
        "update pgtrail.purge set ranges = '{[5,10),[20,22),[59,61)}' where organization_id = 'globex'",
        ["control_altered -/-/-", ...gaps],
      ],
      [
        "hashes that were altered",
        "update pgtrail.purge set hashes = hashes || hashes where organization_id = 'acme'",
        ["control_altered -/-/-", "missing acme/0/1"],
      ],
      [
        "times that were altered",
        "update pgtrail.purge set newest_recorded_at = now() where organization_id = 'initech' and lower(ranges) = 1",
        ["control_altered -/-/-", "missing initech/0/1"],
      ],
    ],
    [
      [
        "a record that was moved to another act",
        "update pgtrail.purge set act_seq = (select act_seq from pgtrail.purge where organization_id = 'acme') where organization_id = 'globex'",
        ["control_altered -/-/-", "control_altered -/-/-", "missing acme/0/1", ...gaps],
      ],
    ],
    [
      [
        "events that were taken away under a record without an act",
        `insert into pgtrail.purge select 999, 'acme', 16, '{[4,6)}', sha256('x') || sha256('y'), 2, now(), now(), now(), now();
         delete from pgtrail.event where organization_id = 'acme' and lane = 16 and seq in (4, 5)`,
        ["missing acme/16/4", "unauthorized_purge acme/16/4"],
      ],
      [
        "an act without records",
        "select pgtrail.record_act('purge', '{}', sha256('x'))",
        ["control_altered -/-/-"],
      ],
      [
        "events that came back",
        "insert into pgtrail.event select * from public.event_before where organization_id = 'acme' and lane = 0 and seq in (1, 25)",
        ["inserted acme/0/1", "inserted acme/0/25"],
      ],
      [
        "events that are gone beside what was purged",
        "delete from pgtrail.event where organization_id = 'globex' and seq in (4, 10, 11, 58)",
        ["missing globex/0/10", "missing globex/0/4", "missing globex/0/58"],
      ],
      [
        "a purge whose lane has no head at all",
        "delete from pgtrail.chain_head where organization_id = 'initech'",
        ["unauthorized_purge initech/0/1"],
      ],
    ],
    [
      [
        "a record of an act of another kind",
        `insert into pgtrail.purge select 1, 'acme', 16, '{[20,21)}', sha256('x') || sha256('y'), 1, now(), now(), now(), now();
         delete from pgtrail.event where organization_id = 'acme' and lane = 16 and seq = 20`,
        ["truncated acme/16/20", "unauthorized_purge acme/16/20"],
      ],
      ["an act without a digest", "select pgtrail.record_act('purge', '[1]')", ["control_altered -/-/-"]],
      [
        "a whole lane that came back",
        "insert into pgtrail.event select * from public.event_before where organization_id = 'initech'",
        Array.from({ length: 60 }, (_, at) => `inserted initech/0/${at + 1}`),
      ],
      [
        "a purge that goes beyond the head",
        "delete from pgtrail.chain_head where organization_id = 'globex' and seq >= 59",
        ["unauthorized_purge globex/0/59"],
      ],
    ],
    [
      [
        "a head that is another than the purge's",
        "update pgtrail.chain_head set hash = sha256('x') where organization_id = 'globex' and seq = 60",
        ["unauthorized_purge globex/0/60"],
      ],
      [
        "a purge that does not follow the event before it",
        forge("sha256('x')", was("hash", 34)),
        ["altered globex/0/29"],
      ],
      [
        "a range with half of its hashes",
        "select public.purge_ranges('acme', 16, '{[21,22)}', sha256('x'))",
        ["unauthorized_purge acme/16/21"],
      ],
      [
        "ranges without an end",
        "select public.purge_ranges('initech', 0, '{[61,)}', sha256('x') || sha256('y'))",
        ["unauthorized_purge initech/0/61"],
      ],
      [
        "a purge of an organization that never was",
        "select public.purge_ranges('nobody', 3, '{[1,3)}', sha256('x') || sha256('y'))",
        ["unauthorized_purge nobody/3/1", "unauthorized_purge nobody/3/1"],
      ],
    ],
    [
      [
        "a purge that the event after it does not follow",
        forge(was("previous_hash", 30), "sha256('x')"),
        ["altered globex/0/35"],
      ],
      [
        "a purge that does not begin at the genesis",
        "select public.purge_ranges('acme', 16, '{[1,3)}', sha256('x') || (select hash from pgtrail.event where organization_id = 'acme' and lane = 16 and seq = 2))",
        ["unauthorized_purge acme/16/1"],
      ],
      [
        "ranges before the first place",
        "select public.purge_ranges('initech', 0, '{[0,1)}', sha256('x') || sha256('y'))",
        ["unauthorized_purge initech/0/0"],
      ],
    ],
    [
      [
        "a purge that does not follow the purge before it",
        "select public.purge_ranges('globex', 0, '{[10,12)}', sha256('x') || (select hash from pgtrail.event where organization_id = 'globex' and seq = 11))",
        ["unauthorized_purge globex/0/10"],
      ],
      [
        "a record of nothing",
        "select public.purge_ranges('acme', 16, '{}')",
        ["unauthorized_purge acme/16/-"],
      ],
      [
        "a purge of fewer events than places",
        "select public.purge_ranges('initech', 0, '{[61,3000)}', sha256('x') || sha256('y'))",
        ["unauthorized_purge initech/0/61"],
      ],
    ],
    [
      [
        "a purge of what another had purged",
        "select public.purge_ranges('globex', 0, '{[2,3),[9,11)}', decode(repeat('00', 128), 'hex'))",
        ["missing globex/0/10", "missing globex/0/2", "unauthorized_purge globex/0/2"],
      ],
    ],
  ]

  describe.each(groups)("where other lanes were tampered with, too", (...group) => {
    let all: readonly string[]
    beforeAll(async () => {
      for (const [, sql] of group) await log.tamper(sql)
      all = await found()
    })

    test.each(group)("%s", (_, __, expected) => {
      // No finding that is none of the group's, and of each as many as there are of it.
      expect(all).toEqual(group.flatMap(([, , findings]) => findings).sort())
      expect(all).toEqual(expect.arrayContaining([...expected]))
    })
  })

  test("in every way of reading the same, with the same ids", async () => {
    await log.tamper(`delete from pgtrail.purge where organization_id = 'initech';
      insert into pgtrail.purge select 999, 'acme', 16, '{[4,6)}', sha256('x') || sha256('y'), 2, now(), now(), now(), now();
      delete from pgtrail.event where organization_id = 'globex' and seq in (4, 10, 11, 58);
      insert into pgtrail.event select * from public.event_before where organization_id = 'acme' and lane = 0 and seq in (1, 25);
      ${forge("sha256('x')", was("hash", 34))}`)
    const whole = await log.check()
    expect(places(whole.findings)).toEqual(
      [
        "control_altered -/-/-",
        "control_altered -/-/-",
        "control_altered -/-/-",
        "altered globex/0/29",
        "inserted acme/0/1",
        "inserted acme/0/25",
        "missing globex/0/10",
        "missing globex/0/4",
        "missing globex/0/58",
        "unauthorized_purge acme/16/4",
        "vanished initech/0/-",
      ].sort(),
    )
    for (const options of [{ maxSeconds: 60 }, { since: "2000-01-01" }, { jobs: 2 }]) {
      const { findings, covered } = await log.check(options)
      expect(findings.map(({ id }) => id).sort()).toEqual(whole.findings.map(({ id }) => id).sort())
      expect(covered.events).toBe(whole.covered.events)
    }
  })

  test.each([
    ["a purge without an end", "select public.purge_ranges('acme', 16, '{[10,)}')", "unauthorized_purge"],
    [
      "a purge of more places than anybody can count",
      "select public.purge_ranges('acme', 16, '{[10,9007199254740000)}')",
      "unauthorized_purge",
    ],
    [
      "a head farther than anybody can count",
      "insert into pgtrail.chain_head values ('globex', 0, 9007199254740000, sha256('x'))",
      "truncated",
    ],
  ])("of a time, with %s", async (_, sql, kind) => {
    await log.tamper(sql)
    const { verdict, findings } = await log.check({ since: "2000-01-01" })
    expect(verdict).toBe("tampered")
    expect(findings.map((finding) => finding.kind)).toContain(kind)
    expect(places((await log.check()).findings)).toEqual(places(findings))
  })

  test("of a time, a purge of it that does not fit, where no event of it is left", async () => {
    await log.tamper(`select public.purge_ranges('acme', 16, '{[15,21)}', sha256('x') || h.hash)
      from pgtrail.chain_head h where h.organization_id = 'acme' and h.lane = 16 and h.seq = 20`)
    const whole = await log.check()
    expect(places(whole.findings)).toEqual(["altered acme/16/14"])
    const [row] = await log.db.query(
      "select min(oldest_occurred_at)::text as since from pgtrail.purge where organization_id = 'acme' and lane = 16",
    )
    const { findings } = await log.check({ since: row?.since ?? "" })
    expect(findings.map(({ id }) => id)).toEqual(whole.findings.map(({ id }) => id))
  })

  test("what a checkpoint knew at the end of what was purged, or at its start", async () => {
    await log.tamper(
      `delete from pgtrail.event where organization_id = 'acme' and lane = 16 and seq > 0;
       select public.purge_ranges('acme', 16, '{[1,21)}', (select hash from pgtrail.chain_head where organization_id = 'acme' and lane = 16 and seq = 0) || sha256('x'));
       update pgtrail.chain_head set hash = sha256('x') where organization_id = 'acme' and lane = 16 and seq = 20`,
    )
    for (const incremental of [false, true]) {
      const report = await log.check({ checkpoints: [log.before], incremental })
      // Where it starts there, its head is another already.
      expect(places(report.findings)).toContain(
        `${incremental ? "altered" : "unauthorized_purge"} acme/16/20`,
      )
      expect(report.verdict).toBe("tampered")
    }
  })

  test("a log that was set back, where what a checkpoint knew was purged with other hashes since", async () => {
    await log.tamper(
      "delete from pgtrail.act where kind in ('purge', 'checkpoint'); delete from pgtrail.purge",
    )
    await log.tamper(
      "insert into pgtrail.event select * from public.event_before e where not exists (select from pgtrail.event p where (p.organization_id, p.lane, p.seq) = (e.organization_id, e.lane, e.seq))",
    )
    await log.tamper(
      `delete from pgtrail.act a where exists (select from pgtrail.act v where v.kind = 'verify' and v.seq < a.seq)`,
    )
    await log.tamper(
      "update pgtrail.chain_head set hash = sha256('x') where organization_id = 'initech' and seq = 60; select public.purge_ranges('initech', 0, '{[60,61)}', (select hash from pgtrail.event where organization_id = 'initech' and seq = 59) || sha256('x'))",
    )
    const report = await log.check({ checkpoints: [log.after] })
    expect(places(report.findings)).toContain("rolled_back initech/0/60")
  })
})

test("a purge that the owner forges whole passes for one, unless purges must be signed", async () => {
  await log.tamper("select public.purge_ranges('acme', 16, '{[2,4)}')")
  expect(await found()).toEqual([])
  await log.restore()
  await log.trail.setSetting("require-signed-acts", "on")
  await log.tamper("select public.purge_ranges('acme', 16, '{[2,4)}')")
  const [newest] = await log.db.query("select max(seq) as seq from pgtrail.act")
  expect(await found()).toEqual([`unsigned_act -/-/${newest?.seq}`])
})

test("a finding that was accepted keeps its id when what is beside it is purged", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq in (12, 13)")
  const [before] = (await log.trail.verify({ jobs: 1 })).findings
  await log.trail.acceptFinding(before?.id ?? "", { reason: "known" })
  await log.db.query("select public.purge_ranges('globex', 0, '{[10,12),[14,20)}')")
  const report = await log.check()
  expect(report).toMatchObject({ verdict: "intact", accepted: [{ id: before?.id, kind: "missing" }] })
})

test("the explanation of a gap ends where events were purged, and that of a place says that it was", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq in (17, 18, 19)")
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq in (25, 26)")
  await log.trail.verify({ jobs: 1 })
  await log.tamper("select public.purge_ranges('globex', 0, '{[25,27)}', sha256('x') || sha256('y'))")
  const { findings } = await log.trail.verification()
  expect(findings.map(({ seq, explanation }) => [seq, explanation?.says[0]])).toEqual([
    ["17", "events 17 to 19 are gone (3)"],
    ["25", expect.stringMatching(/^it was purged with a record: pgtrail act show \d+$/)],
  ])
})

test("an incarnation that is opened from an older checkpoint does not record as lost what was purged since", async () => {
  await log.append("initech", 300)
  await log.trail.purgeOrganization("initech", { reason: "test", confirm: "initech", maxRows: 100 })
  const opened = await log.trail.openIncarnation({
    reason: "restore",
    checkpoint: log.before,
    publicKeys: [log.publicKey],
    dryRun: true,
  })
  expect(opened).toMatchObject({ lanes_lost: "0", events_lost: "0" })
})
