// An archive is removed when its time is over, or by somebody who says why; never while a hold may be on one of its events.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { TestDatabase } from "../database.js"
import { archiveLog, everything, type MadeArchive, makeArchive, restore } from "./archive-sql-fixture.js"
import { bringBack, keepLog } from "./kept-log.js"

let db: TestDatabase
let archive: MadeArchive
beforeAll(async () => {
  db = await archiveLog()
  archive = await makeArchive(db, "event_2020_01", { organization: "acme" })
  await keepLog(db)
})
afterEach(() => bringBack(db))
afterAll(() => db.drop())

const remove = (expired = false, name = archive.name) =>
  db.query("select pgtrail.remove_archive($1, 'no longer needed', 'who', $2) as seq", [name, expired])
const removed = () =>
  db.query("select removed_seq is not null as gone from pgtrail.archive where name = $1", [archive.name])

test("whoever says why removes it, once, by an act", async () => {
  const [act] = await remove()
  expect(
    await db.query("select kind, parameters - 'at' as parameters from pgtrail.act where seq = $1", [
      act?.seq,
    ]),
  ).toEqual([
    {
      kind: "remove_archive",
      parameters: expect.stringContaining(`"archive": "${archive.name}"`),
    },
  ])
  expect(await removed()).toEqual([{ gone: "t" }])
  const before = await everything(db)
  await expect(remove()).rejects.toMatchObject({
    code: "TR011",
    message: `${archive.name} was removed by act ${act?.seq}`,
  })
  await expect(remove(false, "none")).rejects.toMatchObject({ code: "42704" })
  await expect(db.query("select pgtrail.remove_archive($1, ' ')", [archive.name])).rejects.toMatchObject({
    code: "TR009",
  })
  expect(await everything(db)).toEqual(before)
})

const holds: readonly [what: string, sql: string, holds: boolean][] = [
  ["its organization", "'acme'", true],
  ["another organization", "'globex'", false],
  ["an actor, who may be in it", "'acme', actor => 'nobody'", true],
  ["a resource, which may be in it", "null, resource_type => 'x', resource_id => 'y'", true],
  ["a correlation, which may be in it", "null, correlation => 'z'", true],
  ["its type", "null, event_type => 'data.read'", true],
  ["the beginning of its type", "null, event_type => 'data'", true],
  ["a type that only begins like it", "null, event_type => 'dat'", false],
  ["a type below its own", "null, event_type => 'data.read.more'", false],
  ["a time after it", "null, since => '2020-02-01Z'", false],
  ["a time before it", "null, until => '2020-01-01Z'", false],
  ["a time that begins in it", "null, since => '2020-01-04Z'", true],
  ["a time that ends in it", "null, until => '2020-01-02T02:00:00.000001Z'", true],
]
test.each(holds)("a hold on %s", async (_, sql, isHeld) => {
  await db.query(`select pgtrail.add_hold('C9', 'a claim', ${sql})`)
  const before = await everything(db)
  if (isHeld) {
    for (const expired of [false, true]) {
      await expect(remove(expired)).rejects.toMatchObject({
        code: "TR016",
        message: `${archive.name} may have events under a legal hold: case C9`,
      })
    }
    expect(await everything(db)).toEqual(before)
    await db.query("select pgtrail.release_hold('C9', 'settled')")
  }
  await remove()
  expect(await removed()).toEqual([{ gone: "t" }])
})

test("a hold keeps files whose events came back too: purged again, they have no other copy", async () => {
  await restore(await db.client(), archive)
  const again = await makeArchive(db, "event_2020_01", { organization: "acme" })
  expect(again.events).toBe(archive.events)
  await remove(false, again.name)
  await db.query("select pgtrail.add_hold('C9', 'a claim', 'acme')")
  for (const expired of [false, true]) await expect(remove(expired)).rejects.toMatchObject({ code: "TR016" })
  expect(await removed()).toEqual([{ gone: "f" }])
})

test("the act has the digest of the holds in force, as the act of a purge has", async () => {
  const digest = "select encode(pgtrail.holds_in_force(clock_timestamp()), 'hex') as digest"
  await db.query("select pgtrail.add_hold('C9', 'a claim', 'globex')")
  const [inForce] = await db.query(digest)
  const [act] = await remove()
  expect(
    await db.query("select parameters->>'holds' as digest from pgtrail.act where seq = $1", [act?.seq]),
  ).toEqual([inForce])
})

test("a hold that is placed at the same moment comes before the removal or after it, never between", async () => {
  const other = await db.client()
  await other.query("begin; select pgtrail.add_hold('C9', 'a claim', 'acme')")
  const removing = remove().then(
    () => "removed",
    (error: { code?: string }) => error.code,
  )
  await other.query("commit")
  expect(await removing).toBe("TR016")
})

describe("when its time is over", () => {
  const until = async () =>
    (await db.query("select pgtrail.archive_until(act_seq) as until from pgtrail.archive"))[0]?.until
  const policy = (days: number, more = "") =>
    db.query(`select pgtrail.set_retention('policy', 'standard', ${days}${more})`)

  test("it is removed without more, and the act says by which rules", async () => {
    await policy(36500)
    // So many days after 2020-01-04T12:00Z.
    expect(await until()).toBe("2119-12-11 12:00:00+00")
    await expect(remove(true)).rejects.toMatchObject({
      code: "TR013",
      message: `${archive.name} is kept until 2119-12-11T12:00:00.000000Z`,
    })
    expect(await removed()).toEqual([{ gone: "f" }])
    await policy(100)
    const [act] = await remove(true)
    const [row] = await db.query("select parameters from pgtrail.act where seq = $1", [act?.seq])
    expect(JSON.parse(row?.parameters ?? "")).toMatchObject({
      expired: true,
      grace: "0d",
      policies: [{ policy: "standard", floor: null, keep: 100, events: 30 }],
    })
  })

  test("the kind of event that is kept longest keeps all of it", async () => {
    await policy(100)
    await db.query("select pgtrail.set_retention('floor', 'pci', 9000, compliance_tag => 'PCI')")
    await expect(remove(true)).rejects.toMatchObject({ code: "TR013" })
    await db.query("select pgtrail.set_retention('floor', 'pci', null)")
    await db.query("select pgtrail.set_retention('policy', 'phi', 9000, classification => 'PHI')")
    await expect(remove(true)).rejects.toMatchObject({ code: "TR013" })
    await db.query("select pgtrail.set_retention('policy', 'phi', 120, classification => 'PHI')")
    await remove(true)
    expect(await removed()).toEqual([{ gone: "t" }])
  })

  test("a shortened period counts after the grace, and nothing goes before it was in the log for that", async () => {
    await db.query("select pgtrail.set_setting('retention-grace', '7d')")
    await policy(100)
    await expect(remove(true)).rejects.toMatchObject({ code: "TR013" })
    await policy(101, ", confirmed => true")
    // Its events were recorded today.
    await expect(remove(true)).rejects.toMatchObject({ code: "TR013" })
    await db.query("select pgtrail.set_setting('retention-grace', '0d')")
    await remove(true)
    expect(await removed()).toEqual([{ gone: "t" }])
  })

  test("one at the end of time is kept for ever, and one before all time is over", async () => {
    for (const [at, shown] of [
      ["infinity", "infinity"],
      ["294276-12-31T23:59:59Z", "infinity"],
    ] as const) {
      const [row] = await db.query(
        `insert into pgtrail.archive_kind values ($1, 99, 'x', null, 'x', 'standard', null, 1, $2, $2)
         returning pgtrail.archive_until($1) is null`,
        [archive.act, at],
      )
      expect(row).toBeDefined()
      expect(await until()).toBe(shown)
      await expect(remove(true)).rejects.toMatchObject({
        code: "TR013",
        message: `${archive.name} is kept for ever`,
      })
      await db.query(
        "set session_replication_role = replica; delete from pgtrail.archive_kind where kind = 99; reset session_replication_role",
      )
    }
    expect(await db.query("select pgtrail.archive_until(99999) as until")).toEqual([{ until: null }])
  })
})

test("nothing but its acts changes what the log says of an archive", async () => {
  for (const sql of [
    "update pgtrail.archive set location = 's3://other'",
    "delete from pgtrail.archive",
    "truncate pgtrail.archive",
    "update pgtrail.archive_kind set events = 1",
    "delete from pgtrail.archive_kind",
    "update pgtrail.purge set restored_seq = 1",
  ]) {
    await expect(db.query(sql), sql).rejects.toMatchObject({ code: "TR002" })
  }
})
