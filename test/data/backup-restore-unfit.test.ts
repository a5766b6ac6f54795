// What a restore is asked for that its backup does not bear out: refused before the database is touched.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { RestoreBackupOptions } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Backups, backups, type Empty, leftovers } from "./backup-restore-fixture.js"
import { failureOf } from "./failure.js"

let log: TestDatabase
let place: Backups
let backup: string
let empty: Empty
beforeAll(async () => {
  log = await testDatabase()
  place = await backups()
  await log.query("insert into pgtrail.event (organization_id, event_type) values ('acme', 'x')")
  backup = await place.of(await log.trail())
  empty = await place.empty()
  await writeFile(join(place.folder, "no.jsonl"), "this is none\n{}\n")
})
afterAll(async () => {
  await place.remove()
  await log.drop()
})

const schema = "beside"
const refused: readonly (readonly [string, () => RestoreBackupOptions, object])[] = [
  ["a register that is not there", () => ({ register: "/nowhere/r.jsonl" }), { code: "file" }],
  ["a register that is none", () => ({ register: join(place.folder, "no.jsonl") }), { code: "broken" }],
  [
    "an organization that the backup does not have",
    () => ({ schema, organization: "nope" }),
    { code: "not-found", message: expect.stringMatching(/has no organization "nope"$/) },
  ],
  ["--confirm with --schema", () => ({ schema, confirm: "x" }), { code: "usage" }],
  ["--checkpoint with --schema", () => ({ schema, checkpoint: "/nowhere" }), { code: "usage" }],
  [
    "--register with --schema, which would put erased values back",
    () => ({ schema, register: "/nowhere" }),
    {
      code: "usage",
      hint: expect.stringMatching(/what was erased after the backup would stand in beside again/),
    },
  ],
  ["--no-roles with --schema", () => ({ schema, roles: false }), { code: "usage" }],
  ["--reason with --schema", () => ({ schema, reason: "copy" }), { code: "usage" }],
]
test.each(refused)("%s: nothing is restored", async (_what, options, error) => {
  const failure = await failureOf(empty.restore(backup, options()))
  expect(failure).toMatchObject({ ...error, hint: expect.stringMatching(/nothing was restored/) })
  expect(await leftovers(empty.db)).toEqual([])
  expect(
    await empty.db.query("select from pg_namespace where nspname in ('beside', 'pgtrail_restore')"),
  ).toEqual([])
})

test("an organization that it has is restored beside, and what is to be confirmed is quoted as it must be typed", async () => {
  expect(await empty.restore(backup, { schema, organization: "acme" })).toMatchObject({ events: "1" })
  await empty.restore(backup, { verify: false })
  const path = decodeURIComponent(backup.slice("file://".length))
  expect((await failureOf(empty.restore(backup))).hint).toBe(
    `nothing was restored; restore into an empty database, or: pgtrail backup restore ${path} --confirm ${empty.db.name}`,
  )
})
