// pgtrail backup restore: its words and exit codes.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Backups, backups, type Empty } from "../data/backup-restore-fixture.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"

let log: TestDatabase
let place: Backups
let empty: Empty
let name: string
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  empty = await place.empty()
  await log.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, 40)",
  )
  name = (await place.of(await log.trail())).split("/").at(-1) ?? ""
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

const restore = async (...more: string[]) => {
  const words = ["backup", "restore", `${place.folder}/${name}`, ...more]
  const { exit, stdout, stderr } = await runInProcess(words, { env: { PGTRAIL_URL: empty.db.url } })
  const plain = (text: string): string =>
    text
      .replaceAll(name, "NAME")
      .replaceAll(place.to, "PLACE")
      .replaceAll(place.folder, "PLACE")
      .replaceAll(empty.db.name, "DATABASE")
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "LOG")
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replace(/pgtrail_replaced_[\d_]+/g, "KEPT")
      .replace(/[\d,]+ bytes/g, "N bytes")
      .replace(/\d+\.\d s/g, "N s")
  return { exit, out: plain(stdout), error: plain(stderr) }
}

test("a dry run says what would be restored, a run what was, and each what comes next", async () => {
  expect(await restore("--dry-run")).toMatchInlineSnapshot(`
    {
      "error": "pgtrail: warning: values that were erased after TIME would be back
    pgtrail: warning: holds, purges, retention rules and grants made after TIME are not in the backup
    ",
      "exit": 0,
      "out": "would restore NAME into database DATABASE: 40 events in 3 partitions, and 37 tables
    log LOG, as it was at TIME, at migration 8
    ",
    }
  `)
  expect(await restore()).toMatchInlineSnapshot(`
    {
      "error": "pgtrail: warning: values that were erased after TIME are back
    pgtrail: warning: holds, purges, retention rules and grants made after TIME are not in the backup
    pgtrail: next: pgtrail gdpr reapply --register FILE; pgtrail incarnation open --reason restore --checkpoint LAST --public-key FILE
    ",
      "exit": 0,
      "out": "restored NAME into database DATABASE: 40 events in 3 partitions, and 37 tables
    log LOG, as it was at TIME, at migration 8
    N bytes in N s, all in N s
    incarnation 2, act 2
    intact: 40 events in 1 chain, every hash recomputed, every link followed
    recorded as act 3
    ",
    }
  `)
})

test("a database that has the log is refused with what would go: exit 2; by its name it goes", async () => {
  await empty.db.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'late')")
  expect(await restore()).toMatchInlineSnapshot(`
    {
      "error": "pgtrail: error: database DATABASE has this log, which would be replaced: 1 event newer than the backup would be lost; 2 acts newer than the backup would be lost: 1 incarnation, 1 verify
    pgtrail: hint: nothing was restored; restore into an empty database, or: pgtrail backup restore PLACE/NAME --confirm DATABASE
    ",
      "exit": 2,
      "out": "",
    }
  `)
  expect(await restore("--confirm", empty.db.name, "--no-verify", "--no-roles")).toMatchInlineSnapshot(`
    {
      "error": "pgtrail: warning: the restored log was not verified: the log that was replaced is kept, whole, in schema KEPT
    pgtrail: warning: to take it back, as its owner: begin; alter schema pgtrail rename to pgtrail_not_intact; alter schema KEPT rename to pgtrail; comment on schema pgtrail is 'Tamper-evident audit trail'; commit
    pgtrail: warning: to drop it, as its owner, when pgtrail verify finds the restored one intact: drop schema KEPT cascade
    pgtrail: warning: values that were erased after TIME are back
    pgtrail: warning: holds, purges, retention rules and grants made after TIME are not in the backup
    pgtrail: next: pgtrail gdpr reapply --register FILE; pgtrail incarnation open --reason restore --checkpoint LAST --public-key FILE; pgtrail verify
    ",
      "exit": 0,
      "out": "restored NAME into database DATABASE: 40 events in 3 partitions, and 37 tables
    log LOG, as it was at TIME, at migration 8, without roles
    database DATABASE had this log, which was replaced: 1 event newer than the backup is lost; 2 acts newer than the backup are lost: 1 incarnation, 1 verify
    it is still there, in schema KEPT
    N bytes in N s, all in N s
    incarnation 3, act 3
    ",
    }
  `)
})

test("a side schema, and a part without one: exit 2", async () => {
  expect(await restore("--schema", "case_7", "--org", "acme")).toMatchInlineSnapshot(`
    {
      "error": "pgtrail: warning: values that were erased after TIME stand in it again: drop it when it was looked at
    ",
      "exit": 0,
      "out": "restored NAME into schema case_7: 40 events in 3 partitions, and 22 tables
    log LOG, as it was at TIME, at migration 8
    N bytes in N s, all in N s
    ",
    }
  `)
  expect(await restore("--org", "acme")).toMatchInlineSnapshot(`
    {
      "error": "pgtrail: error: a part of a backup is restored into a schema beside the log
    pgtrail: hint: nothing was restored; add --schema NAME, or leave out --partition, --org, --since and --until
    ",
      "exit": 2,
      "out": "",
    }
  `)
})
