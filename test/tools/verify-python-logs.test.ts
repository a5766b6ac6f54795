// The second verifier on logs of its own: real events, odd values, any order, many lanes, none at all, and tampering that only it is about.
import { existsSync, readdirSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { TestDatabase } from "../database.js"
import { type ComparedLog, comparedLog } from "./compared-log.js"
import { runSecond, verifySecond } from "./second-verifier.js"

const all: TestDatabase[] = []
const newLog = () => comparedLog(all)
afterAll(async () => {
  for (const db of all) await db.drop()
})

test("every encoding of the test vectors is made from FORMAT.md alone", async () => {
  const { stdout } = await runSecond(["--vectors", join(import.meta.dirname, "../vectors/format.json")])
  expect(JSON.parse(stdout)).toMatchObject({ verdict: "intact", wrong: [] })
  expect(JSON.parse(stdout).checked).toBeGreaterThan(200)
})

test("verify.py is short and imports nothing but the standard library and what lies beside it", async () => {
  const read = (name: string) => readFile(join(import.meta.dirname, "../../scripts", name), "utf8")
  const [script, archives, backup, controls, lifecycle, records, redactions] = await Promise.all(
    [
      "verify.py",
      "archives.py",
      "backup.py",
      "controls.py",
      "lifecycle.py",
      "records.py",
      "redactions.py",
    ].map(read),
  )
  for (const text of [script, archives, backup, controls, lifecycle, records, redactions])
    expect(text?.split("\n").length).toBeLessThanOrEqual(300)
  const imports = (text = "") =>
    [...text.matchAll(/^(?:import (.*)|from (\S+) import)/gm)].flatMap(
      ([, names, from]) => names?.split(", ") ?? [from],
    )
  const standard =
    "argparse base64 collections contextlib datetime gzip hashlib ipaddress itertools json os re struct sys zlib".split(
      " ",
    )
  expect(imports(records).filter((name) => !standard.includes(name ?? ""))).toEqual([])
  expect(imports(controls).filter((name) => !standard.includes(name ?? ""))).toEqual(["records"])
  expect(imports(lifecycle).filter((name) => !standard.includes(name ?? ""))).toEqual(["records"])
  expect(imports(archives).filter((name) => !standard.includes(name ?? ""))).toEqual([
    "lifecycle",
    "redactions",
    "records",
  ])
  expect(imports(redactions).filter((name) => !standard.includes(name ?? ""))).toEqual(["records"])
  expect(imports(backup).filter((name) => !standard.includes(name ?? ""))).toEqual(["records"])
  expect(imports(script).filter((name) => !standard.includes(name ?? ""))).toEqual([
    "archives",
    "backup",
    "controls",
    "lifecycle",
    "redactions",
    "records",
  ])
})

test("an empty log is incomplete", async () => {
  expect(await (await newLog()).expectSame()).toEqual(["incomplete"])
})

const cloudTrail = join(import.meta.dirname, "../../../shared/data/cloudtrail")
test("real CloudTrail events are intact, and one of them altered is found", async () => {
  const log = await newLog()
  if (existsSync(cloudTrail)) {
    for (const file of readdirSync(cloudTrail).filter((name) => name.endsWith(".json"))) {
      await log.trail.importFile(join(cloudTrail, file), { format: "cloudtrail" })
    }
  } else {
    await log.db.query(
      "insert into pgtrail.event (organization_id, event_type, details) select 'c', 'x', jsonb_build_object('i', i) from generate_series(1, 2000) i",
    )
  }
  expect(await log.expectSame()).toEqual(["intact"])
  await log.tamper("update pgtrail.event set details = coalesce(details, '{}') || '{\"x\": 1}' where seq = 5")
  expect((await log.expectSame())[0]).toBe("tampered")
})

test("odd values: backslashes, tabs, line ends, years BC, infinite times, arrays with bounds, networks, long numbers", async () => {
  const log = await newLog()
  await log.db.query(
    String.raw`insert into pgtrail.event (organization_id, event_type, occurred_at, actor_id, ip_address, details, tags, description)
    values
      (e'a\\b\tc', 'x', '0044-03-15 12:00:00.5+00 BC', e'\\N', '10.1.2.3/8', '{"a": 1.10, "\\": "\u00e9\n"}', '[-1:0][3:3]={{a},{NULL}}', e'\r\n\b\f\v'),
      ('é€𝒳', 'x', '9999-12-31 23:59:59.999999+00', 'NULL', '::ffff:1.2.3.4/127', '123456789012345678901234567890.10', '{}', ''),
      ('"', 'x', '4000-02-29 00:00:00+00', '', 'fe80::1', 'null', '{"NULL",NULL,"a,\"b\\"," "}', null)`,
  )
  expect(await log.expectSame()).toEqual(["intact"])
  await log.tamper("update pgtrail.event set hash = sha256(hash)")
  expect(await log.expectSame()).toEqual(["tampered", "altered 1", "altered 1", "altered 1"])
})

test("many organizations and lanes, also of writers with old snapshots, stored in random order", async () => {
  const log = await newLog()
  const clients = await Promise.all([log.db.client(), log.db.client(), log.db.client(), log.db.client()])
  for (const isolation of ["read committed", "repeatable read"]) {
    for (const client of clients) await client.query(`begin isolation level ${isolation}`)
    for (const client of clients) {
      await client.query(
        `insert into pgtrail.event (organization_id, event_type, occurred_at)
         select 'organization ' || i % 7, 'x', now() - i * interval '3 days' from generate_series(1, 140) i`,
      )
    }
    for (const client of clients) await client.query("commit")
  }
  const [lanes] = await log.db.query("select count(distinct lane) as n, max(lane) as last from pgtrail.event")
  expect(Number(lanes?.n)).toBeGreaterThan(4)
  expect(Number(lanes?.last)).toBeGreaterThanOrEqual(1000)
  await log.tamper(
    `create table public.shuffled as select * from pgtrail.event order by random();
     truncate pgtrail.event; insert into pgtrail.event select * from public.shuffled`,
  )
  expect(await log.expectSame()).toEqual(["intact"])
  await log.tamper(
    "delete from pgtrail.event where seq = 3; update pgtrail.event set actor_id = 'x' where seq = 9",
  )
  expect((await log.expectSame()).slice(1).every((found) => /^(missing 3|altered 9)$/.test(found))).toBe(true)
})

describe("rows that stand at one place, or at none", () => {
  let log: ComparedLog
  beforeAll(async () => {
    log = await newLog()
    await log.db.query(
      "insert into pgtrail.event (organization_id, event_type) select 'o', 'x' from generate_series(1, 9)",
    )
    await log.db.query(
      "alter table pgtrail.event alter previous_hash drop not null, alter hash drop not null, alter hash_version drop not null",
    )
    await log.db.query(
      "create table public.kept as select * from pgtrail.event; create table public.heads as select * from pgtrail.chain_head",
    )
  })

  const copy = (columns: string) =>
    `create table public.one as select * from pgtrail.event where seq = 5; update public.one set occurred_at = occurred_at + interval '1 second', ${columns};
     insert into pgtrail.event select * from public.one; drop table public.one`
  test.each([
    copy("seq = 0"),
    copy("seq = -1"),
    copy("seq = 20"),
    copy("seq = 10, hash_version = 2"),
    copy("actor_id = 'y'"),
    copy("hash_version = 2"),
    copy("organization_id = 'other'"),
    copy("lane = -3"),
    copy("lane = 1001, seq = 1"),
    copy("hash_version = null"),
    copy("previous_hash = null"),
    copy("previous_hash = '\\x00'"),
    copy("seq = 9223372036854775807"),
    "update pgtrail.event set hash = null where seq = 4",
    "update pgtrail.event set hash = '\\x' where seq = 4",
    "update pgtrail.event set identity_digest = '\\x00' where seq = 4",
    "update pgtrail.event set content_digest = sha256('x') where seq = 9",
    "update pgtrail.event set seq = seq + 100; update pgtrail.event set seq = 110 - seq",
    "update pgtrail.event set seq = seq + 100; update pgtrail.event set seq = seq - 99",
    "update pgtrail.event set hash_version = 2 where seq in (1, 9)",
    "delete from pgtrail.event where seq = 2; update pgtrail.event set seq = 2 where seq = 3",
    "update pgtrail.event set previous_hash = sha256('x') where seq in (3, 4, 9)",
    "update pgtrail.chain_head set hash = sha256('x') where seq = 9",
    "update pgtrail.chain_head set seq = seq + 100 where seq > 0",
    "delete from pgtrail.chain_head",
    "truncate pgtrail.event; update pgtrail.chain_head set seq = -1 where seq = 0; delete from pgtrail.chain_head where seq > 0",
    "truncate pgtrail.event; update pgtrail.chain_head set seq = -seq",
    "update pgtrail.chain_head set seq = -seq",
    "insert into pgtrail.chain_head values ('other', 3, -5, sha256('x'))",
  ])("%s", async (sql) => {
    await log.tamper(sql)
    expect((await log.expectSame())[0]).toMatch(/tampered|incomplete/)
  })
  afterEach(() =>
    log.tamper(
      `truncate pgtrail.event; insert into pgtrail.event select * from public.kept;
       truncate pgtrail.chain_head; insert into pgtrail.chain_head select * from public.heads`,
    ),
  )
})

test("an event beyond the lowest bound of its partition is out of bounds", async () => {
  const log = await newLog()
  await log.db.query(
    "create table pgtrail.event_old partition of pgtrail.event for values from (minvalue) to ('2001-01-01')",
  )
  await log.db.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('o', 'x', '2000-01-01')",
  )
  await log.tamper(
    `update pg_class set relispartition = false where oid = 'pgtrail.event_old'::regclass;
     update pgtrail.event_old set occurred_at = '2001-06-01';
     update pg_class set relispartition = true where oid = 'pgtrail.event_old'::regclass`,
  )
  expect(await log.expectSame()).toContain("out_of_bounds 1")
})

test("a folder that cannot be read, and a checkpoint that is none, are no verdict", async () => {
  const run = (...argv: string[]) =>
    runSecond(argv).then(
      () => 0,
      (error: { code?: unknown }) => error.code,
    )
  expect(await run("/nonexistent")).toBe(3)
  const log = await newLog()
  await expect(
    verifySecond(log.db.url, ["--checkpoint", join(import.meta.dirname, "../vectors/format.json")]),
  ).rejects.toThrow()
})
