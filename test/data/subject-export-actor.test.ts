// A ruled value in an event that its subject only did: whose it is nobody knows.
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder } from "./checkpoint-fixture.js"

const { path, remove } = folder()
let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(async () => {
  await remove()
  await db.drop()
})

test("a value at a ruled path is given to whoever acted only where it is an identifier of his", async () => {
  await db.query("select pgtrail.add_subject_rule('path', null, null, array['details', 'user', 'email'])")
  await db.query(`insert into pgtrail.event (organization_id, event_type, actor_id, resource_type, resource_id, details) values
    ('acme', 'x', 'carol', 'record', '7', '{"user": {"email": "ada@x.example"}}'),
    ('acme', 'x', 'carol', 'record', '8', '{"user": {"email": "carol@x.example"}}')`)
  const subject = [
    { kind: "id", value: "carol" },
    { kind: "email", value: "carol@x.example" },
  ] as const
  await (await db.trail()).exportSubject(subject, { out: path("carol.json"), includeText: true })
  const text = readFileSync(path("carol.json"), "utf8")
  expect(text).not.toContain("ada@x.example")
  expect(text).toContain("[other person]")
  expect(text).toContain("carol@x.example")
})
