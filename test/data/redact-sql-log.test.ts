// What the server could write into its log of a subject's identifiers.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("where auto_explain would log the parameters of statements within functions, nothing is looked for", async () => {
  const client = await db.client()
  const loaded = await client.query("load 'auto_explain'").then(
    () => true,
    () => false,
  )
  // Not every server has it.
  if (loaded) {
    await client.query("set auto_explain.log_nested_statements = on")
    await client.query("select pgtrail.subject_stage()")
    await client.query("set auto_explain.log_min_duration = 0")
    await expect(client.query("select pgtrail.subject_stage()")).rejects.toMatchObject({
      code: "55000",
      hint: expect.stringContaining("alter role"),
    })
    await client.query("set auto_explain.log_nested_statements = off")
    await client.query("select pgtrail.subject_stage()")
  }
  await client.end()
})
