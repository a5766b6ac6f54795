// What the removal of a profile says and leaves, and what an installation takes up again; also where its schema is gone.
import { afterAll, beforeAll, expect, test } from "vitest"
import { describeRemoval } from "../../src/cli/profile.js"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("create schema old_m0; create schema gone")
})
afterAll(() => db.drop())

test("a removed profile says how it is installed again, and without --org has the events that it had", async () => {
  await trail.installProfile("mem0", { schema: "old_m0", organization: "old_m0" })
  const removed = await trail.removeProfile("mem0", { schema: "old_m0" })
  expect(removed.again).toBe("pgtrail profile install mem0 --org old_m0 --schema old_m0")
  expect(describeRemoval(removed).split("\n").at(-1)).toBe(`to install it again: ${removed.again}`)
  expect((await trail.installProfile("mem0", { schema: "old_m0" })).organization).toBe("old_m0")
  await trail.removeProfile("mem0", { schema: "old_m0" })
  expect((await trail.installProfile("mem0", { schema: "old_m0", organization: "other" })).organization).toBe(
    "other",
  )
})

test("a profile whose schema is gone is removed by an act, and is in nobody's way", async () => {
  await trail.installProfile("audit-db", { schema: "gone" })
  await db.query("drop schema gone cascade")
  const states = (await trail.profile("audit-db", "gone")).installed[0]?.objects ?? []
  expect(new Set(states.map(({ state }) => state))).toEqual(new Set(["missing"]))
  const removed = await trail.removeProfile("audit-db", { schema: "gone", tables: true })
  expect(removed).toMatchObject({ dropped: [], kept: [], act: expect.stringMatching(/^\d+$/) })
  expect(describeRemoval(removed)).toContain("nothing of it was there any more")
  expect((await trail.profile("audit-db", "gone")).installed).toEqual([])
  await expect(trail.removeProfile("audit-db", { schema: "gone" })).rejects.toMatchObject({
    code: "not-found",
  })
})

test("a removal says what stays in force, with the command that ends it, and nothing that another profile needs", async () => {
  const own = await testDatabase()
  const other = await own.trail()
  const app = await own.role()
  await own.query("create schema fire; create schema mine")
  await other.installProfile("ai-firewall", { schema: "fire", organization: "it's", writers: [app.name] })
  await other.installProfile("mem0", { schema: "mine", writers: [app.name] })
  await own.query(
    "insert into fire.firewall_configs (organization_id, updated_by, log_retention_days) values ('it''s', 'me', 60)",
  )
  const usage = `${app.name} may still use the schema: revoke usage on schema fire from ${app.name}`
  const { left } = await other.removeProfile("ai-firewall", { schema: "fire" })
  expect(left).toEqual([
    `the policy "ai-firewall it's" stays in force: pgtrail retention policy remove 'ai-firewall it'\\''s'`,
    usage,
  ])
  expect((await other.removeProfile("mem0", { schema: "mine" })).left).toEqual([
    `${app.name} keeps UTC in this database: alter role ${app.name} in database ${own.name} reset timezone`,
    usage.replace("fire", "mine"),
  ])
  await other.installProfile("audit-db", { schema: "mine" })
  await own.query("insert into mine.audit_retention_policy (policy_name, retention_days) values ('phi', 365)")
  const audit = await other.removeProfile("audit-db", { schema: "mine", tables: true, confirm: "mine" })
  expect(audit.left).toEqual(['the policy "phi" stays in force: pgtrail retention policy remove phi'])
  await other.installProfile("ai-firewall", { schema: "fire" })
  await own.query("drop schema fire cascade")
  await other.removeProfile("ai-firewall", { schema: "fire" })
  await expect(other.uninstall({ dryRun: true })).resolves.toBeDefined()
  await own.drop()
})
