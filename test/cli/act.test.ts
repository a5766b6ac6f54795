// Acts and settings on the command line, word by word, each transcript on a database of its own.
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { testKey } from "../data/signing.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

const key = testKey("operator.example")
const databases: TestDatabase[] = []
afterAll(async () => {
  for (const database of databases) await database.drop()
})

test.each(["act", "setting"])("%s.txt", async (name) => {
  const database = await testDatabase()
  databases.push(database)
  await expectTranscript(join(import.meta.dirname, `${name}.txt`), {
    url: database.url,
    cwd: "/nowhere",
    env: { OPERATOR_KEY: key.text, NO_KEY_AT_ALL: "sesame" },
    sql: (text) => database.query(text),
  })
})

test("an act is shown whole, to people and programs, with its signature and what does not fit", async () => {
  const database = await testDatabase()
  databases.push(database)
  const env = { PGTRAIL_URL: database.url, OPERATOR_KEY: key.text }
  await runInProcess(["setting", "set", "event-size-limit", "70000", "--key", "env:OPERATOR_KEY"], { env })
  const forPeople = await runInProcess(["act", "show", "2"], { env })
  expect(forPeople).toMatchObject({ exit: 0, stderr: "" })
  expect(forPeople.stdout).toMatch(
    /^act 2\n\nrecorded_at +\S+Z\nkind +setting\n(?:.*\n)*signature +\u2014 operator\.example \S+\n\nverifies +yes\n$/,
  )
  await database.query(
    "set session_replication_role = replica; update pgtrail.act set kind = 'import' where seq = 2",
  )
  const forPrograms = await runInProcess(["act", "show", "2", "--json"], { env })
  expect(forPrograms.exit).toBe(1)
  expect(JSON.parse(forPrograms.stdout)).toMatchObject({
    schema: "pgtrail.act_show/1",
    act: {
      seq: "2",
      kind: "import",
      signed: true,
      parameters: { name: "event-size-limit", value: "70000", before: "1048576" },
      client_address: null,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
    signature: expect.stringMatching(/^\u2014 operator\.example \S+\n$/),
    verifies: false,
    problems: ["its hash does not belong to what it says: it was altered"],
  })
})

test("a key that is not one is not told to anybody", async () => {
  const database = await testDatabase()
  databases.push(database)
  const env = { PGTRAIL_URL: database.url, WRONG: `${key.text.trim()}x` }
  const ran = await runInProcess(
    ["setting", "set", "event-size-limit", "70000", "--key", "env:WRONG", "--verbose"],
    {
      env,
    },
  )
  expect(ran.exit).toBe(2)
  expect(ran.both).not.toContain(key.text.trim().slice(-20))
  expect(await database.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "1" }])
})
