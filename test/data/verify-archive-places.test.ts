// verify --archive where archives are encrypted, or in the table of the log, or have places that somebody knew.
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { describeReport } from "../../src/data/verify/describe.js"
import { archiveInto } from "./archived-log.js"
import { until } from "./cluster.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

const base = mkdtempSync(join(tmpdir(), "pgtrail-verify-"))
let mine: LifecycleLog
beforeAll(async () => {
  mine = await lifecycleLog()
})
afterEach(async () => {
  await mine.restore()
  // Where nothing of it was held its archive took the partition as well.
  await mine.db.query(
    `select pgtrail.split_default(array['event_2020_02'], array['2020-02-01Z'::timestamptz], array['2020-03-01Z'::timestamptz])
     where to_regclass('pgtrail.event_2020_02') is null`,
  )
  await mine.restore()
  await mine.tamper(
    "delete from pgtrail.archive; delete from pgtrail.archive_kind; delete from pgtrail.verified_head; drop table if exists public.known, public.head",
  )
})
afterAll(async () => {
  await mine.db.drop()
  rmSync(base, { recursive: true, force: true })
})
const url = (folder: string) => pathToFileURL(join(base, folder)).href

describe("a place within an archive that somebody knew", () => {
  const [right, wrong] = ["k.hash", "sha256('x')"]
  test.each([
    ["with another hash is found by who reads the archive", wrong, ["altered"]],
    ["with that hash is as it must be", right, []],
  ])("%s", async (_, hash, found) => {
    await mine.db.query(
      "create table public.known as select organization_id, lane, seq, hash from pgtrail.event_2020_02 order by seq limit 4",
    )
    const name = await archiveInto(mine, join(base, `known-${found.length}`), "event_2020_02")
    await mine.db.query(`create table public.head as select k.organization_id, k.lane, k.seq, ${hash} as hash
        from public.known k join pgtrail.archive a on a.name = '${name}'
        join pgtrail.purge p on p.act_seq = a.act_seq and p.organization_id = k.organization_id and p.lane = k.lane
          and p.ranges @> k.seq and p.ranges @> k.seq + 1
        limit 1`)
    await mine.tamper(
      `insert into pgtrail.verified_head (organization_id, lane, seq, hash) select * from public.head;
         select pgtrail.record_act('verify', '{"remembered": true}', sha256(record_send(row('pgtrail head'::text, h.organization_id, h.lane, h.seq, h.hash))))
         from public.head h`,
    )
    expect(await mine.verify()).toMatchObject({ verdict: "intact", findings: [] })
    const { findings } = await mine.verify({ archives: ["recorded"] })
    expect(findings.map(({ kind }) => kind)).toEqual(found)
    if (found.length > 0) expect(findings[0]?.message).toContain(`in the archive "${name}"`)
    const place = pathToFileURL(join(base, `known-${found.length}`)).href
    expect((await mine.verify({ archives: [place] })).findings).toEqual(findings)
  })
})

test("an encrypted archive is read with its key, and named without", async () => {
  const identity = await generateIdentity()
  const folder = join(base, "sealed")
  const name = await archiveInto(mine, folder, "event_2020_02", [await identityToRecipient(identity)])
  const place = pathToFileURL(folder).href
  expect(await mine.verify({ archives: [place], identities: [identity] })).toMatchObject({
    verdict: "intact",
    archives: { read: "1" },
  })
  expect(await mine.verify({ archives: [place] })).toMatchObject({
    verdict: "incomplete",
    findings: [],
    archives: { missing: [{ name }] },
  })
  const another = await mine.verify({ archives: [place], identities: [await generateIdentity()] })
  expect(another).toMatchObject({ verdict: "incomplete", findings: [] })
  const [file = ""] = readdirSync(join(folder, name)).filter((one) => one.endsWith(".age"))
  appendFileSync(join(folder, name, file), "x")
  for (const options of [{}, { identities: [identity] }]) {
    expect(await mine.verify({ archives: [place], ...options })).toMatchObject({
      verdict: "tampered",
      findings: [{ kind: "archive_altered" }],
    })
  }
})

test("an archive in the table of the log is read where it is", async () => {
  await mine.trail.createArchives({ to: "table:", partition: "event_2020_02", reason: "cold" })
  for (const options of [
    { archives: ["recorded"] },
    { archives: ["recorded"], jobs: 2 },
    { archives: ["table:"] },
    { archives: [url("nowhere"), "table:"] },
  ]) {
    expect(await mine.verify(options)).toMatchObject({
      verdict: "intact",
      archives: { read: "1" },
    })
  }
  await mine.tamper(
    "update pgtrail.archive_storage_part set data = set_byte(data, 50, get_byte(data, 50) # 1) where id like '%events%'",
  )
  expect(await mine.verify({ archives: ["recorded"] })).toMatchObject({
    verdict: "tampered",
    findings: [{ kind: "archive_altered" }],
  })
})

test("an archive whose files are gone before its removal is committed is not missing, and one whose removal is taken back is", async () => {
  for (const [end, verdict, inForce] of [
    ["rollback", "incomplete", "1"],
    ["commit", "intact", "0"],
  ] as const) {
    const folder = join(base, "goes")
    const name =
      (await mine.db.query("select name from pgtrail.archive"))[0]?.name ??
      (await archiveInto(mine, folder, "event_2020_02"))
    const client = await mine.db.client()
    await client.query("begin")
    await client.query("select pgtrail.remove_archive($1, 'over')", [name])
    rmSync(join(folder, name), { recursive: true, force: true })
    const verifying = mine.verify({ archives: ["recorded"] })
    await until("the verification waits for the act", async () => {
      const waiting = await mine.db.query(
        "select 1 from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and not granted and database = (select oid from pg_database where datname = current_database())",
      )
      return waiting.length > 0
    })
    await client.query(end)
    await client.end()
    expect(await verifying).toMatchObject({ verdict, findings: [], archives: { in_force: inForce } })
  }
})

test("a place that is not there is refused where no archive is in force, before anything is read; one that is there is not", async () => {
  for (const place of [url("nowhere"), "s3://bucket-of-nobody/x"]) {
    const failed = mine.verify({
      archives: ["recorded", "table:", pathToFileURL(base).href, place],
      stores: {
        s3: {
          accessKeyId: "a",
          secretAccessKey: "b",
          region: "x",
          endpoint: "http://127.0.0.1:9",
          patience,
        },
      },
      progress: () => {
        throw new Error("it was read")
      },
    })
    await expect(failed).rejects.toMatchObject({
      message: expect.stringContaining(`there is nothing at --archive ${place}: `),
      hint: expect.stringContaining("nothing was verified"),
    })
  }
  const report = await mine.verify({ archives: ["recorded", "table:", pathToFileURL(base).href] })
  expect(report).toMatchObject({ verdict: "intact", archives: { in_force: "0" } })
  expect(describeReport(report)).toContain("\narchived: no archive is in force")
})

const patience = { attempts: 1, pause: 1, silence: 1000 }
