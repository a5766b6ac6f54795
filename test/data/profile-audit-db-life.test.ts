// Profile audit-db (seed 003): what audit_log shows of events that were in an archive, and of values that were erased.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.trail.installProfile("audit-db")
})
afterAll(() => log.remove())

test("an event that came back from an archive has the time when it went there", async () => {
  await log.db.query(`insert into audit_log (timestamp, organization_id, action, status, archived_at)
    values ('2020-01-05', 'org-1', 'x', 'success', null), ('2020-01-06', 'org-1', 'x', 'success', '2020-03-01T00:00:00Z')`)
  const made = await log.create({ partition: "event_2020_01" })
  expect(await log.db.query("select id from audit_log")).toEqual([])
  await log.trail.restoreArchive(made.partitions[0]?.archive ?? "", { reason: "why" })
  const rows =
    await log.db.query(`select l.id, l.archived_at = (select recorded_at from pgtrail.act where kind = 'purge') as by_purge,
    l.archived_at = '2020-03-01T00:00:00Z' as given from audit_log l order by l.id`)
  expect(rows).toEqual([
    { id: "1", by_purge: "t", given: "f" },
    { id: "2", by_purge: "f", given: "t" },
  ])
})

test("what was erased is read as its marker, and the view stays readable", async () => {
  await log.db.query(`insert into audit_log (id, timestamp, principal_id, organization_id, action, status, ttl, archived_at, outcome_description, details)
    values (11, now(), 'eve', 'org-2', 'x', 'success', 'eve', '2020-03-01T00:00:00Z', 'eve', '{"who": "eve"}'), (12, now(), 'eve', 'org-2', 'x', 'success', null, null, null, '["eve"]')`)
  await log.trail.addSubjectRule({ kind: "path", path: ["details", "who"] })
  await log.trail.addSubjectRule({ kind: "path", path: ["details", "ttl"] })
  await log.trail.eraseSubject([{ kind: "id", value: "eve" }], {
    reason: "request",
    requestedBy: "DPO",
    confirm: "eve",
  })
  const rows = await log.db.query("select * from audit_log where organization_id = 'org-2' order by id")
  expect(rows).toMatchObject([
    {
      id: "11",
      action: "x",
      ttl: "[erased]",
      principal_id: null,
      outcome_description: "[erased]",
      details: '{"who": "[erased]"}',
    },
    { id: "12", action: "x" },
  ])
  expect(Object.values(rows[0] ?? {})).not.toContain("eve")
  const { verdict } = await log.trail.verify({ record: false })
  expect(verdict).toBe("intact")
})

test("it works in a schema of any name", async () => {
  await log.trail.removeProfile("audit-db")
  await log.db.query(`create schema "it's ""odd"""`)
  await log.trail.installProfile("audit-db", { schema: `it's "odd"`, organization: "o'org" })
  await log.db.query(`set search_path = "it's ""odd"""`)
  await log.db.query(
    "insert into audit_preset (name, organization_id, action, required_fields) values ('p', 'o''org', 'y', '[\"principal_id\"]')",
  )
  await log.db.query("insert into audit_retention_policy (policy_name, retention_days) values ('odd', 30)")
  await log.db.query("insert into error_log (id, aggregation_key) values ('1', 'k')")
  await log.db.query("insert into audit_log (action, status, principal_id) values ('y', 'success', 'p')")
  await expect(
    log.db.query("insert into audit_log (action, status) values ('y', 'success')"),
  ).rejects.toMatchObject({ code: "23514" })
  expect(await log.db.query("select organization_id from audit_log where action = 'y'")).toEqual([
    { organization_id: "o'org" },
  ])
  expect(await log.db.query("select * from organization_role_permissions('o', 'r')")).toEqual([])
  await log.db.query("reset search_path")
})
