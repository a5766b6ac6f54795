// A random life of a log in which people are erased and pseudonymized, step by step against a model, among purges, holds, archives and
// partitions that come and go. Seeded: a failure tells its steps.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { archiveSteps } from "./lifecycle-archive-steps.js"
import { generator, Model } from "./lifecycle-model.js"
import { type Pick, type Step, steps } from "./lifecycle-steps.js"
import { checkRedactions } from "./redact-checker.js"
import { expectHidden, rightsSteps } from "./redact-model-rights.js"
import { People, peopleSteps } from "./redact-model-steps.js"

const usualSeed = 7
const seed = Number(process.env.PGTRAIL_TEST_SEED ?? usualSeed)

let db: TestDatabase
let trail: Trail
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-people-"))
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
})
afterAll(async () => {
  await db.drop()
  await rm(folder, { recursive: true, force: true })
  await rm(`${folder}-register`, { force: true })
})

async function check(model: Model, people: People, done: readonly string[], isLast = false): Promise<void> {
  // Each archive is read whole then.
  const isDeep = done.length % 10 === 0 || isLast
  const report = await trail.verify({ jobs: 1, record: done.length % 3 === 0 })
  expect({ done, findings: report.findings }).toEqual({ done, findings: [] })
  const { events, archived, purged, redacted_identity: identity, redacted_content: content } = report.covered
  const expected = people.redacted(model)
  expect({ done, events, archived, purged, identity, content }).toEqual({
    done,
    events: String(model.live.size),
    archived: String(model.archived),
    purged: String(model.purged),
    identity: String(expected.identity),
    content: String(expected.content),
  })
  const own = await checkRedactions(db)
  expect({ done, breaks: own.breaks }).toEqual({ done, breaks: [] })
  expect({ done, identity: own.identity, content: own.content }).toEqual({ done, ...expected })
  if (!isDeep) return
  const deep = await trail.verify({ jobs: 1, record: false, archives: ["recorded"] })
  expect({ done, findings: deep.findings }).toEqual({ done, findings: [] })
}

const entry = "(organization_id, lane, seq, group_name, number)"
/** By hand, past every guard; each is taken back by the copy of the table. `present` has the entries of events that are there. */
const present = `(select r.* from pgtrail.redaction_entry r join pgtrail.event e using (organization_id, lane, seq)) present`
const tamperings: Readonly<Record<string, readonly [table: string, sql: string]>> = {
  "a redacted event altered": [
    "event",
    "update pgtrail.event set user_agent = 'x' where ctid = (select min(ctid) from pgtrail.event where identity_digest is not null)",
  ],
  "a redaction by hand": [
    "event",
    `update pgtrail.event e set identity_digest = sha256(record_send(row('pgtrail identity'::text, e.identity_salt, e.actor_id, e.actor_name, e.actor_email,
       e.ip_address, e.user_agent, e.session_id, e.device_id))), identity_salt = gen_random_uuid(), actor_id = null
     where ctid = (select min(ctid) from pgtrail.event where identity_digest is null)`,
  ],
  "values brought back": [
    "event",
    "update pgtrail.event set identity_digest = null where ctid = (select min(ctid) from pgtrail.event where identity_digest is not null)",
  ],
  "an entry taken away": [
    "redaction_entry",
    `delete from pgtrail.redaction_entry where ${entry} = (select ${entry.slice(1, -1)} from ${present} order by 1, 2, 3, 4, 5 limit 1)`,
  ],
  "an entry of an event that was never redacted": [
    "redaction_entry",
    "insert into pgtrail.redaction_entry select organization_id, lane, seq, 'identity', 1, '{actor_id}', sha256('a'), sha256('b') from pgtrail.event where identity_digest is null limit 1",
  ],
  "fields of an entry changed": [
    "redaction_entry",
    `update pgtrail.redaction_entry set fields = fields || '{device_id}' where ${entry} = (select ${entry.slice(1, -1)} from ${present} order by 1, 2, 3, 4, 5 limit 1)`,
  ],
  "a block changed": [
    "redaction",
    "update pgtrail.redaction set digest = sha256('x') where ctid = (select min(ctid) from pgtrail.redaction)",
  ],
  "a block taken away": [
    "redaction",
    "delete from pgtrail.redaction where ctid = (select min(ctid) from pgtrail.redaction)",
  ],
}

async function expectTamperingIsFound(done: readonly string[]): Promise<void> {
  const client = await db.client()
  await client.query("set session_replication_role = replica")
  for (const [what, [table, sql]] of Object.entries(tamperings)) {
    await client.query(`create table public.copy as select * from pgtrail.${table}`)
    const { rowCount } = await client.query(sql)
    // Another life than the usual one may have no such row.
    const isThere = rowCount !== 0 || seed !== usualSeed
    expect({ done, what, isThere }).toMatchObject({ isThere: true })
    const { verdict } = await trail.verify({ jobs: 1, record: false })
    expect({ done, what, verdict }).toMatchObject({ verdict: rowCount === 0 ? "intact" : "tampered" })
    await client.query(
      `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.copy; drop table public.copy`,
    )
  }
  const { findings } = await trail.verify({ jobs: 1, record: false })
  expect({ done, findings }).toMatchObject({ findings: [] })
}

/** Each kind of step once or more, in any order; those that take back what others did come in the second half. */
function lifeOf(people: People, restricted: Set<string>, pick: Pick): Step[] {
  const [append, , , , redaction] = peopleSteps(people)
  const [hold, release, policy, , floor, retention, , maintain, , detach, attach, drop] = steps.slice(3)
  const [due, , , explicit, , restore, , remove] = archiveSteps(trail, pathToFileURL(folder).href)
  const register = `${folder}-register`
  const { rewrite, rectify, restrict, unrestrict, physical, reapply, reapplyPseudonym } = rightsSteps(
    trail,
    people,
    restricted,
    register,
  )
  const halves = [
    [
      append,
      append,
      redaction,
      redaction,
      hold,
      policy,
      floor,
      maintain,
      due,
      explicit,
      detach,
      rectify,
      restrict,
      rewrite,
    ],
    [
      ...[append, append, redaction, redaction, redaction, retention, maintain, explicit],
      ...[release, attach, drop, restore, remove, rewrite, rectify, restrict, unrestrict, reapply],
    ],
  ]
  const life = halves.flatMap((half) =>
    half
      .map((step) => ({ step, at: pick(1_000_000) }))
      .sort((a, b) => a.at - b.at)
      .map(({ step }) => step),
  )
  // Archives that are written anew, and come back so.
  const end = [
    redaction,
    explicit,
    rewrite,
    restore,
    rewrite,
    reapply,
    append,
    reapplyPseudonym,
    append,
    redaction,
    physical,
    redaction,
  ]
  return [append, ...life, ...end].filter((step) => step !== undefined)
}

test("after every step of a random life with erasures the log is intact, and what was redacted, archived and purged is counted right; tampering is found", async () => {
  const pick = generator(seed)
  const model = new Model()
  const people = new People()
  const done: string[] = [`seed ${seed}`]
  const restricted = new Set<string>()
  for (const step of lifeOf(people, restricted, pick)) {
    done.push(await step(db, model, pick))
    // What was decided by two steps one after the other is checked after the second.
    if (pick(2) === 0) await check(model, people, done)
  }
  await check(model, people, done, true)
  await expectHidden(db, restricted)
  await expectTamperingIsFound(done)
}, 300_000)
