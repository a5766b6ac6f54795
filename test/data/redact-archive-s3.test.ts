// Archives in a bucket that takes nothing new, or gives nothing up; and what whoever may redact cannot record.
import type { Client } from "pg"
import { afterEach, beforeEach, expect, test } from "vitest"
import { redactArchives } from "../../src/data/subject/archives.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { isPut, type S3Server, startS3 } from "./s3-server.js"

let log: ArchiveLog
let server: S3Server
let name: string
const context = () => ({ s3: { ...server.settings, patience: { attempts: 2, pause: 1, silence: 2000 } } })
beforeEach(async () => {
  log = await archiveLog()
  server = await startS3()
  await log.append(30)
  const to = `s3://${server.bucket}/archives`
  const { partitions } = await log.create({ partition: "event_2020_01", to, store: context() })
  name = partitions[0]?.archive ?? ""
})
afterEach(async () => {
  await log.remove()
  await server.close()
})

async function redactAll() {
  const found = []
  const archives = redactArchives({ connectionString: log.db.url }, [{ kind: "id", value: "u3" }], {
    strategy: "erase",
    reason: "asked for it",
    store: context(),
  })
  for await (const archive of archives) found.push(archive)
  return found
}
const acts = () => log.db.query("select count(*) as n from pgtrail.act where kind = 'redact'")
const names = () => log.db.query("select name from pgtrail.archive")
const entries = () => log.db.query("select count(*) as n from pgtrail.redaction_entry")

test.each(["events", "manifest"])(
  "a bucket that takes no new %s leaves the old archive in force, and no act, entry or file of the new one",
  async (what) => {
    server.fate = (seen) =>
      isPut(seen) && seen.url.includes(what) ? { answer: 403, code: "AccessDenied" } : undefined
    expect(await redactAll()).toMatchObject([
      {
        archive: name,
        new_name: null,
        act: null,
        events: "0",
        why: expect.any(String),
        until: expect.stringMatching(/^20/),
      },
    ])
    server.quiet()
    expect([await acts(), await entries(), await names()]).toEqual([[{ n: "0" }], [{ n: "0" }], [{ name }]])
    const [done] = await redactAll()
    expect(done).toMatchObject({ archive: name, why: null, events: "3" })
    expect(await names()).toEqual([{ name: done?.new_name }])
    expect(await log.whole()).toMatchObject({ archived: 30 })
  },
)

test("a bucket that gives nothing up has the new archive in force, says that the old values lie there, and by which command they go", async () => {
  server.fate = ({ method }) => (method === "DELETE" ? { answer: 403, code: "AccessDenied" } : undefined)
  const [done] = await redactAll()
  const why = expect.stringMatching(
    new RegExp(`could not be taken away.*pgtrail archive remove ${name} --confirm ${name} --at s3:`),
  )
  expect(done).toMatchObject({
    archive: name,
    new_name: expect.any(String),
    events: "3",
    act: expect.any(String),
    why,
  })
  expect(await redactAll()).toMatchObject([{ archive: done?.new_name, new_name: null, why }])
  server.quiet()
  expect(await redactAll()).toEqual([])
  expect(await names()).toEqual([{ name: done?.new_name }])
  expect(await log.whole()).toMatchObject({ archived: 30 })
})

test("rows that never were in the archive are not recorded as redacted, whoever may redact", async () => {
  const role = await log.db.role({ memberOf: ["pgtrail_privacy"] })
  const client = await role.client()
  const record = `select pgtrail.record_redaction('erase', 'r', archive => jsonb_build_object('archive', '${name}', 'name',
    'event_2020_01-20261121T190000Z-abcdef', 'location', (select a.location from pgtrail.archive a), 'manifest', repeat('ab', 32), 'bytes', 1))`
  const live = "select * from pgtrail.event where actor_id = 'u3'"
  await log.append(30, { at: "2020-02-02" })
  await client.query("begin; select pgtrail.subject_stage(); select pgtrail.restore_stage()")
  await client.query(
    `insert into pg_temp.pgtrail_subject values ('id', 'u3'); insert into pg_temp.pgtrail_restored ${live}`,
  )
  await client.query(`select pgtrail.redact_begin(); select pgtrail.find_subject('archive ${name}')`)
  await client.query(`select pgtrail.redact_partition('archive ${name}', 'erase')`)
  await expect(client.query(record)).rejects.toMatchObject({ code: "TR017" })
  await client.query("rollback")
  await client.end()
  expect(await entries()).toEqual([{ n: "0" }])
})

const recordIn = (client: Client, location: string) =>
  client.query(
    `select pgtrail.record_redaction('erase', 'r', archive => jsonb_build_object('archive', $1::text, 'name',
      'event_2020_01-20261121T190000Z-abcdef', 'location', $2::text, 'manifest', repeat('ab', 32), 'bytes', 1))`,
    [name, location],
  )

test("whoever may redact cannot record an archive in another place, nor one of which nothing was redacted since it was written", async () => {
  const location = `s3://${server.bucket}/archives`
  const role = await log.db.role({ memberOf: ["pgtrail_privacy"] })
  const client = await role.client()
  await client.query("begin; select pgtrail.subject_stage(); select pgtrail.redact_begin()")
  await expect(recordIn(client, "file:///nowhere")).rejects.toMatchObject({ code: "TR009" })
  await client.query("rollback")
  await log.trail.restoreArchive(name, { reason: "why", store: context() })
  const [before] = await log.db.query("select a.* from pgtrail.archive a")
  const stage = "begin; select pgtrail.subject_stage(); select pgtrail.restore_stage()"
  await client.query(stage)
  await client.query("insert into pg_temp.pgtrail_restored select e.* from pgtrail.event e")
  await client.query("select pgtrail.redact_begin()")
  await expect(recordIn(client, location)).rejects.toMatchObject({
    code: "TR009",
    message: expect.stringContaining("was redacted since"),
  })
  await client.query("rollback")
  await client.end()
  expect(await log.db.query("select a.* from pgtrail.archive a")).toEqual([before])
  expect(await entries()).toEqual([{ n: "0" }])
})

test("an archive in the database itself is recorded anew with the manifest that lies there alone", async () => {
  await log.append(30, { at: "2020-02-02" })
  const table = (await log.create({ partition: "event_2020_02", to: "table:" })).partitions[0]?.archive ?? ""
  const client = await log.db.client()
  await client.query("begin; select pgtrail.subject_stage(); select pgtrail.redact_begin()")
  await expect(
    client.query(
      `select pgtrail.record_redaction('erase', 'r', archive => jsonb_build_object('archive', $1::text, 'name',
        'event_2020_02-20261121T190000Z-abcdef', 'location', 'table:', 'manifest', repeat('ab', 32), 'bytes', 1))`,
      [table],
    ),
  ).rejects.toMatchObject({
    code: "TR009",
    message: expect.stringMatching(/no archive .* with this manifest/),
  })
  await client.query("rollback")
  await client.end()
})
