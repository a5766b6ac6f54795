// What another place has is called the original only when the log vouches for it, and never because it looks right.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { recompute } from "../../src/data/canonical.js"
import type { Against } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { copyEvents, copyToFile, type Incident, incidentLog } from "./verification-fixture.js"

let log: Incident
let other: TestDatabase
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-other-"))
  log = await incidentLog()
  other = await testDatabase()
  await copyEvents(log.db, other)
})
afterEach(() => log.restore())
afterAll(async () => {
  await other.drop()
  await log.db.drop()
  await rm(folder, { recursive: true, force: true })
})

const file = (name: string): Against => ({ name, file: join(folder, name) })
const database = (): Against => ({ name: "the copy", database: { connectionString: other.url } })
const globex = "organization_id = 'globex' and seq = 30"
const mail = `update pgtrail.event set actor_email = 'mallory@example.org' where ${globex}`

describe("what is in the other place is not called the original", () => {
  const inOther = async (sql: string, work: () => Promise<void>) => {
    await other.query("create table public.kept as select * from pgtrail.event")
    await other.query("set session_replication_role = replica")
    try {
      await other.query(sql)
      await work()
    } finally {
      await other.query("truncate pgtrail.event")
      await other.query("insert into pgtrail.event select * from public.kept")
      await other.query("drop table public.kept")
      await other.query("set session_replication_role = origin")
    }
  }
  const tampered = {
    mail,
    gone: "delete from pgtrail.event where organization_id = 'globex' and seq between 6 and 9",
  }
  /** The acts of verifications that found them, which stay: what is explained is asked anew each time. */
  const acts = { mail: "", gone: "" }
  beforeAll(async () => {
    for (const name of ["mail", "gone"] as const) {
      await log.tamper(tampered[name])
      acts[name] = (await log.trail.verify({ jobs: 1 })).act ?? ""
      await log.db.query("truncate public.act_copy; insert into public.act_copy select * from pgtrail.act")
      await log.restore()
    }
  })
  const explained = async (name: "mail" | "gone") => {
    const { findings } = await log.trail.verification({ act: acts[name], against: database() })
    expect(findings).toHaveLength(1)
    return findings[0]?.explanation
  }
  const state = async () => {
    await log.tamper(mail)
    return explained("mail")
  }

  test("when it was altered there too", async () => {
    for (const forged of ["actor_name = 'forged'", "actor_email = null, details = null"]) {
      await inOther(`update pgtrail.event set ${forged} where ${globex}`, async () => {
        expect(await state(), forged).toMatchObject({
          found_by: null,
          differences: [],
          against: { state: "altered" },
        })
      })
      await log.restore()
    }
  })

  test("when its hash fits it, and it is not the hash that the log vouches for", async () => {
    const [row] = await other.query(`select * from pgtrail.event where ${globex}`)
    const forged = { ...row, actor_name: "forged" }
    await inOther(
      `update pgtrail.event set actor_name = 'forged', hash = '\\x${recompute(forged).hash}' where ${globex}`,
      async () => {
        expect(await state()).toMatchObject({ found_by: null, against: { state: "another" } })
        // Not even when the log's own event was given that hash: the next event knows better.
        await log.tamper(`update pgtrail.event set hash = '\\x${recompute(forged).hash}' where ${globex}`)
        const { findings } = await log.after("select 1", { against: database() })
        expect(findings.map(({ explanation }) => explanation.against)).toEqual([{ state: "another" }])
      },
    )
  })

  test("when a digest was laid over values that may be anything", async () => {
    const [row] = await other.query(`select * from pgtrail.event where ${globex}`)
    const { identity } = recompute(row ?? {})
    await inOther(
      `update pgtrail.event set actor_name = 'forged', identity_digest = '\\x${identity}' where ${globex}`,
      async () => {
        expect(await state()).toMatchObject({
          found_by: null,
          differences: [],
          against: { state: "redacted" },
        })
      },
    )
  })

  test("when it is not there, or has no place", async () => {
    await inOther(`delete from pgtrail.event where ${globex}`, async () => {
      expect(await state()).toMatchObject({ found_by: null, against: { state: "absent" } })
    })
  })

  test("when events that are gone do not link there, or do not fit", async () => {
    await log.tamper(tampered.gone)
    for (const [sql, expected] of [
      [
        "update pgtrail.event set action = 'x' where organization_id = 'globex' and seq = 7",
        { there: "4", fitting: "3" },
      ],
      [
        "update pgtrail.event set hash = sha256('x') where organization_id = 'globex' and seq = 7",
        { linked: false },
      ],
      [
        "delete from pgtrail.event where organization_id = 'globex' and seq = 7",
        { there: "3", linked: false },
      ],
      [
        "update pgtrail.event set previous_hash = sha256('x') where organization_id = 'globex' and seq = 6",
        { joins_before: false },
      ],
      [
        "update pgtrail.event set hash = sha256('x') where organization_id = 'globex' and seq = 9",
        { joins_after: false },
      ],
    ] as const) {
      await inOther(sql, async () => {
        const explanation = await explained("gone")
        expect(explanation?.against, sql).toMatchObject([{ state: "doubtful", ...expected }])
      })
    }
  })
})

test("a place that has a part of what is gone says which part, and that nothing vouches for it", async () => {
  await log.tamper("delete from pgtrail.event where organization_id = 'globex' and seq > 50")
  await copyToFile(other, "select * from pgtrail.event where seq <= 55", join(folder, "part.copy"))
  const { findings } = await log.after("select 1", { against: file("part.copy") })
  expect(findings.map(({ kind }) => kind)).toEqual(["truncated"])
  expect(findings[0]?.explanation).toMatchObject({
    gaps: [{ first: "51", last: "60" }],
    against: [
      { state: "part", wanted: "10", there: "5", first: "51", last: "55", linked: true, joins_before: true },
    ],
  })
})

test("an organization that has vanished with its heads is found in the other place, lane by lane", async () => {
  await log.tamper(
    `delete from pgtrail.event where organization_id = 'acme'; delete from pgtrail.chain_head where organization_id = 'acme'`,
  )
  const act = await log.record([{ id: "00000000000000ab", kind: "vanished", organization_id: "acme" }])
  const { findings } = await log.trail.verification({ act, against: database() })
  expect(findings[0]?.explanation.says).toEqual([
    "its heads are gone as well: how many events it had, the log alone cannot tell",
  ])
  const lanes = await other.query(
    "select lane, count(*) as n from pgtrail.event where organization_id = 'acme' group by lane order by lane",
  )
  const found = findings[0]?.explanation.against
  expect(found).toMatchObject(
    lanes.map(({ n }) => ({
      state: "whole",
      wanted: null,
      there: n,
      fitting: n,
      linked: true,
      joins_before: true,
    })),
  )
})

test("nothing is written in the other database, by whatever it may be asked", async () => {
  const before = await other.query("select pg_current_xact_id_if_assigned(), count(*) from pgtrail.event")
  await log.only(mail, { against: database() })
  expect(await other.query("select pg_current_xact_id_if_assigned(), count(*) from pgtrail.event")).toEqual(
    before,
  )
})
