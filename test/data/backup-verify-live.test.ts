// What `backup verify` finds in a backup is what `verify` finds in the log that it was taken of: verdict, findings and their ids.
import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBackup, isGood } from "../../src/data/backup/list.js"
import { readResults } from "../../src/data/backup/results.js"
import { openFolder } from "../../src/data/store/folder.js"
import { type Looks, looks } from "./backup-verify-fixture.js"
import { type Log, sampleLog } from "./verify-fixture.js"

let log: Log
let look: Looks
beforeAll(async () => {
  log = await sampleLog()
  look = await looks(log.trail)
})
afterAll(async () => {
  await log.db.drop()
  await look.remove()
})

test("a sound log: intact, and everything is covered that verify covers", async () => {
  const { live, report } = await look.alike()
  expect(live.findings).toEqual([])
  expect(report).toMatchObject({
    verdict: "intact",
    unread: [],
    not_covered: [expect.stringMatching(/^the catalog/)],
  })
})

test("a quick look that finds an event missing says so of the log: the backup is a true copy, and counts as one", async () => {
  await log.tamper(
    "begin; create table public.gone as select * from pgtrail.event where organization_id = 'acme' and lane = 0 and seq = 9; delete from pgtrail.event where organization_id = 'acme' and lane = 0 and seq = 9; commit",
  )
  const name = await look.backUp()
  await log.tamper(
    "begin; insert into pgtrail.event select * from public.gone; drop table public.gone; commit",
  )
  const keep = { by: "auditor", at: "2026-11-22T01:00:00.000000Z" }
  const quick = await look.verify(name, { quick: true, keep })
  expect(quick).toMatchObject({ verdict: "tampered", not_kept: null })
  expect(quick.findings.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^runs\.copy\.gz says that lane 0 of "acme" does not lead/),
  ])
  const store = openFolder(look.to)
  expect(await readResults(store, name)).toMatchObject([{ verdict: "tampered", damaged: false }])
  expect(isGood(await findBackup(store, name))).toBe(true)
  await rm(join(look.folder, name), { recursive: true })
})

const acme = "organization_id = 'acme' and lane = 0"
/** Each state of the log is looked at once: what does not get in each other's way is done together. */
const attacks: Readonly<Record<string, readonly string[]>> = {
  "events of a lane that were altered in every way": [
    `update pgtrail.event set identity_digest = sha256('x'), actor_name = null where ${acme} and seq = 4`,
    `update pgtrail.event set actor_name = 'Eve' where ${acme} and seq = 7`,
    `delete from pgtrail.event where ${acme} and seq = 9`,
    `update pgtrail.event set seq = case seq when 12 then 13 else 12 end where ${acme} and seq in (12, 13)`,
    `update pgtrail.event set hash = sha256('x') where ${acme} and seq = 16`,
    `update pgtrail.event set previous_hash = sha256('x') where ${acme} and seq = 19`,
    `update pgtrail.event set hash = '\\x00' where ${acme} and seq = 22`,
    `update pgtrail.event set previous_hash = '\\x00' where ${acme} and seq = 25`,
    `update pgtrail.event set hash_version = 9 where ${acme} and seq = 28`,
    `insert into pgtrail.event select (jsonb_populate_record(e, jsonb_build_object('occurred_at', e.occurred_at + interval '1 second'))).*
       from pgtrail.event e where ${acme} and seq = 31`,
    `insert into pgtrail.event select (jsonb_populate_record(e, '{"seq": 900}')).* from pgtrail.event e where ${acme} and seq = 2`,
    "update pgtrail.event set outcome = 'failure' where organization_id = 'globex' and seq between 3 and 9",
  ],
  "lanes without end, beginning, heads or events": [
    `delete from pgtrail.event where ${acme} and seq > 30`,
    "update pgtrail.chain_head set hash = sha256('x') where organization_id = 'acme' and lane <> 0 and seq = 0",
    "delete from pgtrail.event where organization_id = 'globex'",
    "delete from pgtrail.chain_head where organization_id = 'initech'",
  ],
  "an organization that is gone with all its lanes, and heads that were set back": [
    "delete from pgtrail.event where organization_id = 'acme'",
    "delete from pgtrail.chain_head where organization_id = 'globex' and seq > 30",
  ],
  "acts and control tables that were altered": [
    "update pgtrail.act set parameters = '{}' where seq = 1",
    "insert into pgtrail.setting (name, value) values ('zzz', 'on')",
    "update pgtrail.setting set value = 'on' where name = 'require-signed-acts'",
    "insert into pgtrail.incarnation (number, log_id, reason, opened_at) select 7, log_id, 'copy', opened_at from pgtrail.incarnation",
    `insert into pgtrail.purge (act_seq, organization_id, lane, ranges, hashes, events, oldest_occurred_at,
       newest_occurred_at, oldest_recorded_at, newest_recorded_at)
       values (1, 'acme', 0, '{[3,4)}', sha256('a') || sha256('b'), 1, now(), now(), now(), now())`,
    "insert into pgtrail.act_signature (organization_id, seq, signature) values ('pgtrail', 900, 'x')",
  ],
  "an act that is gone": ["delete from pgtrail.act where seq = 1"],
  "an act of another organization": ["update pgtrail.act set organization_id = 'acme' where seq = 1"],
  "another log id": ["update pgtrail.log set log_id = gen_random_uuid()"],
}

for (const [what, statements] of Object.entries(attacks)) {
  test(`${what}: the findings of verify, with their ids`, async () => {
    try {
      for (const sql of statements) await log.tamper(sql)
      // Read again in windows of a few events, what is found must be the same.
      expect(await look.same({ windowBytes: 20_000 })).toBeGreaterThanOrEqual(statements.length)
    } finally {
      await log.restore()
    }
  })
}

test("an event that differs is named with its file and line", async () => {
  try {
    await log.tamper(`update pgtrail.event set actor_name = 'Eve' where ${acme} and seq = 7`)
    const name = await look.backUp()
    const { findings } = await look.verify(name)
    expect(findings).toMatchObject([
      { seq: "7", file: expect.stringMatching(/^event_/), line: expect.stringMatching(/^\d+$/) },
    ])
    const [found] = findings
    const text = gunzipSync(await readFile(join(look.folder, name, found?.file ?? ""))).toString("utf8")
    expect(text.split("\n")[Number(found?.line) - 1]).toContain("Eve")
  } finally {
    await log.restore()
  }
})
