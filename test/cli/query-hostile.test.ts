// Whatever is typed for a filter, the answer is events, none, or a usage error in one line: never a server's error, never a stack.
import { afterAll, beforeAll, expect, test } from "vitest"
import { criterionNames, flagOf } from "../../src/data/query/criteria.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    "insert into pgtrail.event (event_type, actor_id) values ('a', '''; drop table pgtrail.event; --')",
  )
})
afterAll(() => db.drop())

test.each([
  ["SQL", "'; drop table pgtrail.event; --"],
  ["quotes, wildcards, a backslash, an escape and a line end", `"'%_\\\u001b[2J\n--`],
  ["a hundred kilobytes", "x'\\%_".repeat(20_000)],
])("%s, in every flag", async (_, value) => {
  for (const name of criterionNames) {
    for (const given of [
      [flagOf(name), value],
      ["--not", `${flagOf(name).slice(2)}=${value}`],
    ]) {
      const { exit, stderr, stdout } = await runInProcess(["query", ...given, "--count"], {
        env: { PGTRAIL_URL: db.url },
      })
      expect([0, 2], `${name}: ${stderr.slice(0, 300)}`).toContain(exit)
      if (exit === 0) expect(stdout).toMatch(/^[01]\n$/)
      else expect(stderr).toMatch(/^pgtrail: error: --[^\n]*\npgtrail: hint: [^\n]*\n$/)
      expect(stderr.length).toBeLessThan(1500)
      expect(stderr).not.toContain("\u001b")
    }
  }
})

test.each([
  ["--since", "'; drop table pgtrail.event; --"],
  ["--until", "x".repeat(100_000)],
  ["--after", "'; drop table pgtrail.event; --"],
  ["--limit", "1; select 1"],
  ["--sample", "5'"],
  ["--not", "'"],
])("%s refuses what it cannot read", async (flag, value) => {
  const { exit, stderr, stdout } = await runInProcess(["query", flag, value], {
    env: { PGTRAIL_URL: db.url },
  })
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
  expect(stderr).toMatch(/^pgtrail: error: --[^\n]*\npgtrail: hint: [^\n]*\n$/)
  expect(stderr.length).toBeLessThan(1500)
})

test("any seed draws, and hostile data meets its filter and no other", async () => {
  const url = { env: { PGTRAIL_URL: db.url } }
  const drawn = await runInProcess(
    ["query", "--sample", "1", "--seed", "'; drop table pgtrail.event; --", "--fields", "event"],
    url,
  )
  expect(drawn.stdout).toBe("event\ndefault/0/1\n")
  const found = await runInProcess(
    ["query", "--actor", "'; drop table pgtrail.event; --", "--fields", "event", "--format", "csv"],
    url,
  )
  expect(found).toMatchObject({ exit: 0, stdout: "event\ndefault/0/1\n" })
})
