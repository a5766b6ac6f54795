// Legal holds block every path by which events leave the log, until they are released or expire; who may place them, and two at once.
import { beforeEach, describe, expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { heldLogs } from "./hold-fixture.js"
import { testKey } from "./signing.js"
import { sqlstate, withClients } from "./writers.js"

const log = heldLogs()

test("a hold that has expired holds nothing, and is told as expired", async () => {
  const { trail, heldBy, hold } = log()
  await hold({ actor: "u1", expires: "2999-01-01T00:00:00Z" })
  expect(await heldBy()).toEqual([1, 4])
  await expire()
  expect(await heldBy()).toEqual([])
  expect(await trail.holds()).toEqual([])
  expect(await trail.holds({ all: true })).toMatchObject([{ state: "expired", released_act: null }])
  expect((await trail.hold("C")).held).toMatchObject({ events: "0" })
  expect((await trail.purgeOrganization("acme", { reason: "r", confirm: "acme" })).events).toBe("3")
  expect(await trail.releaseHold("C", { reason: "over" })).toMatchObject({
    held: { events: "0" },
    free: { events: "0" },
  })
})

const expire = () =>
  log().db.query(`set session_replication_role = replica; update pgtrail.hold set expires_at = now() - interval '1 s'
    where expires_at is not null; set session_replication_role = origin`)

describe("while a hold is on one event of it", () => {
  const refusal = { code: "TR016", message: "1 event of event_2026_01 is under a legal hold: C" }
  beforeEach(async () => {
    const { db, hold } = log()
    await db.query(
      "select pgtrail.split_default(array['event_2026_01'], array['2026-01-01Z']::timestamptz[], array['2026-02-01Z']::timestamptz[])",
    )
    await hold({ organization: "acme", actor: "u2" })
  })

  test.each([
    [
      "a partition is not dropped",
      "select pgtrail.purge_partition('event_2026_01', 'r', everything => true)",
    ],
    ["a partition is not detached", "select pgtrail.detach_partition('event_2026_01', 'r')"],
  ])("%s", async (_, statement) => {
    const { db, trail, left } = log()
    await expect(db.query(statement)).rejects.toMatchObject(refusal)
    expect(await left()).toBe(6)
    await trail.releaseHold("C", { reason: "over" })
    await db.query(statement)
  })

  test("an organization is not purged, and another one is", async () => {
    const { db, trail, left } = log()
    const failure = await failureOf(trail.purgeOrganization("acme", { reason: "r", confirm: "acme" }))
    expect(failure).toMatchObject({ code: "held", hint: expect.stringContaining("pgtrail hold list") })
    // Nor where nobody asks before: the function of the database refuses.
    await expect(
      db.query(`select pgtrail.purge_events('acme', array_agg(h.lane), array_agg(1::bigint), array_agg(h.seq), array_agg(null::bytea), null, 'r')
        from pgtrail.newest_heads() h where h.organization_id = 'acme'`),
    ).rejects.toMatchObject(refusal)
    expect(await left()).toBe(6)
    expect((await trail.purgeOrganization("globex", { reason: "r", confirm: "globex" })).events).toBe("3")
    await trail.releaseHold("C", { reason: "over" })
    expect((await trail.purgeOrganization("acme", { reason: "r", confirm: "acme" })).events).toBe("3")
  })

  test.each([["false"], ["true"]])(
    "retention leaves that event and takes the others (rewrite %s)",
    async (rewrite) => {
      const { db, trail, heldBy } = log()
      await db.query("select pgtrail.set_retention('policy', 'standard', 30, confirmed => true)")
      const purge = `select events, held, method from pgtrail.purge_partition('event_2026_01', 'r', rewrite => ${rewrite})`
      expect(await db.query(purge)).toEqual([
        { events: "3", held: "1", method: rewrite === "true" ? "rewrite" : "delete" },
      ])
      expect(await heldBy()).toEqual([2])
      expect((await trail.verify()).findings).toEqual([])
      await trail.releaseHold("C", { reason: "over" })
      expect(await db.query(purge)).toEqual([{ events: "1", held: "0", method: "drop" }])
    },
  )

  test("a partition that was detached before it is not dropped either", async () => {
    const { db, trail, hold } = log()
    await trail.releaseHold("C", { reason: "over" })
    await db.query("select pgtrail.detach_partition('event_2026_01', 'r')")
    await hold({ organization: "acme", actor: "u2" })
    expect((await trail.hold("C")).held).toMatchObject({ events: "1" })
    const drop = "select pgtrail.purge_partition('event_2026_01', 'r', everything => true)"
    await expect(db.query(drop)).rejects.toMatchObject(refusal)
  })
})

test.each([
  [
    "a purge of a whole partition",
    "select pgtrail.purge_partition('event_2026_01', 'r', everything => true)",
  ],
  ["a purge that rewrites", "select pgtrail.purge_partition('event_2026_01', 'r', rewrite => true)"],
  ["a purge that deletes", "select pgtrail.purge_partition('event_2026_01', 'r', most => 2)"],
  ["to detach a partition", "select pgtrail.detach_partition('event_2026_01', 'r')"],
  [
    "a purge of an organization",
    `select pgtrail.purge_events('acme', array_agg(h.lane), array_agg(1::bigint), array_agg(h.seq), array_agg(null::bytea), null, 'r')
     from pgtrail.newest_heads() h where h.organization_id = 'acme'`,
  ],
])("a hold that is placed while %s is under way is not too late", async (_, statement) => {
  const { db, left } = log()
  await db.query(
    "select pgtrail.split_default(array['event_2026_01'], array['2026-01-01Z']::timestamptz[], array['2026-02-01Z']::timestamptz[])",
  )
  await db.query("select pgtrail.set_retention('policy', 'standard', 30, confirmed => true)")
  const [holder, remover] = [await db.client(), await db.client()]
  await holder.query("begin; select pg_advisory_xact_lock(1885828210, -1)")
  const { rows } = await remover.query("select pg_backend_pid() as pid")
  const end = remover.query(statement).then(() => "removed", sqlstate)
  // It has read what there is, and waits for the act that is under way.
  for (let waits = false; !waits; ) {
    const [seen] = await db.query(
      "select wait_event in ('advisory', 'PgSleep') as waits from pg_stat_activity where pid = $1",
      [rows[0].pid],
    )
    waits = seen?.waits === "t"
  }
  await holder.query("select pgtrail.add_hold('C', 'r', 'acme'); commit")
  expect(await end).toMatch(/^(40001|TR016)$/)
  expect(await left()).toBe(6)
})

test("an operator holds and releases, an auditor reads, a reader and a writer see nothing of holds", async () => {
  const { db } = log()
  const as = async (group: string) => db.trail({ url: (await db.role({ memberOf: [group] })).url })
  const operator = await as("pgtrail_operator")
  expect((await operator.addHold({ case: "C", reason: "r", actor: "u1" })).held?.events).toBe("2")
  expect(await operator.holds()).toMatchObject([{ actor_id: "u1" }])
  const auditor = await as("pgtrail_auditor")
  expect((await auditor.hold("C")).held?.events).toBe("2")
  // pgtrail_privacy reads them too: a hold is why something is not erased.
  for (const group of ["pgtrail_reader", "pgtrail_writer"]) {
    const other = await as(group)
    for (const look of [() => other.holds(), () => other.hold("C")]) {
      expect(await failureOf(look)).toMatchObject({
        code: "privilege",
        hint: expect.stringContaining("auditor"),
      })
    }
    const calls = ["held_events('event_default', '{2}')", "holds_on('acme', 0, 1, '2026-01-01Z')"]
    for (const call of calls) {
      const client = await (await db.role({ memberOf: [group] })).client()
      await expect(client.query(`select pgtrail.${call}`), call).rejects.toMatchObject({ code: "42501" })
    }
  }
  for (const other of [auditor, await as("pgtrail_reader"), await as("pgtrail_writer")]) {
    const add = () => other.addHold({ case: "D", reason: "r", actor: "u1" })
    const release = () => other.releaseHold("C", { reason: "r" })
    for (const work of [add, release]) {
      expect(await failureOf(work)).toMatchObject({
        code: "privilege",
        hint: expect.stringContaining("operator"),
      })
    }
  }
  expect((await operator.releaseHold("C", { reason: "over" })).free?.events).toBe("2")
})

test("an old snapshot holds, releases, detaches and purges nothing past what was decided since", async () => {
  const { db, trail, hold, left } = log()
  await db.query(
    "select pgtrail.split_default(array['event_2026_01'], array['2026-01-01Z']::timestamptz[], array['2026-02-01Z']::timestamptz[])",
  )
  for (const statement of [
    "select pgtrail.add_hold('D', 'r', 'acme')",
    "select pgtrail.release_hold('C', 'r')",
    "select pgtrail.detach_partition('event_2026_01', 'r')",
    "select pgtrail.set_retention('policy', 'p', 30)",
    "select pgtrail.set_retention('policy', 'p', null)",
  ]) {
    const old = await db.client()
    await old.query("begin isolation level repeatable read; select count(*) from pgtrail.hold")
    await hold({ organization: "acme" })
    await expect(old.query(statement), statement).rejects.toMatchObject({
      code: statement.includes("detach") ? expect.stringMatching(/0A000|40001|TR016/) : "40001",
    })
    await old.query("rollback")
    await trail.releaseHold("C", { reason: "r" })
  }
  expect(await left()).toBe(6)
})

test("of two operators who release at once one does it, and no hold that is placed meanwhile is lost", async () => {
  const { db, trail, hold } = log()
  await hold({ actor: "u1" })
  const answers: (string | null)[] = []
  await withClients(db, 6, async (client, n) => {
    const call = n % 2 === 0 ? "release_hold('C', 'r')" : `add_hold('N', 'r', actor => 'n${n}')`
    const { rows } = await client.query(`select pgtrail.${call} as act`)
    if (n % 2 === 0) answers.push(rows[0].act)
  })
  expect(answers.filter((act) => act !== null)).toHaveLength(1)
  expect((await trail.holds()).map(({ actor_id }) => actor_id).sort()).toEqual(["n1", "n3", "n5"])
})

test("where acts are signed a release takes a key, and a hold does not", async () => {
  const { trail, heldBy, hold } = log()
  const key = testKey("operator")
  await trail.setSetting("require-signed-acts", "on", key.text)
  await hold({ actor: "u1" })
  expect(await failureOf(trail.releaseHold("C", { reason: "r" }))).toMatchObject({ code: "config" })
  expect(await heldBy()).toEqual([1, 4])
  expect((await trail.releaseHold("C", { reason: "r", key: key.text })).holds).toHaveLength(1)
})
