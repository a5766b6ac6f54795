// pgtrail verify on the command line: its words, and an exit code that never lies when it could not look.
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { urlOfDatabase, urlOfRole } from "../url.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await db.query("insert into pgtrail.event (event_type) select 'a' from generate_series(1, 20)")
})
afterAll(() => db.drop())

test("verify.txt", async () => {
  const own = await testDatabase()
  await expectTranscript(join(import.meta.dirname, "verify.txt"), {
    url: own.url,
    sql: (statement) => own.query(statement),
  })
  await own.drop()
})

/** Every way of not being able to look: exit code 3, words, a hint, and no verdict but unchecked. */
describe("verify that cannot look", () => {
  const verify = (url: string, ...more: string[]) =>
    runInProcess(["verify", ...more], { env: { PGTRAIL_URL: url } })

  async function refused(url: string, says: RegExp): Promise<void> {
    const plain = await verify(url)
    expect(plain).toMatchObject({ exit: 3, stdout: "" })
    expect(plain.stderr).toMatch(says)
    expect(plain.stderr).toMatch(/^pgtrail: hint: /m)
    expect(plain.stderr).not.toMatch(/^\s+at /m)
    const json = await verify(url, "--json")
    expect(json.exit).toBe(3)
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: "pgtrail.verify/1", verdict: "unchecked" })
    expect(plain.both + json.both).not.toContain("intact")
  }

  test("a server that does not answer", () =>
    refused("postgresql://u@127.0.0.1:1/db", /nothing listens there/))
  test("a host that nobody knows", () =>
    refused("postgresql://u@host.invalid/db", /the host name (is unknown|cannot be looked up)/))
  test("a socket that is not there", () =>
    refused("postgresql://u@/db?host=/nonexistent", /there is no such socket/))
  test("a database that is not there", () =>
    refused(urlOfDatabase(db.url, "no such"), /database "no such" does not exist/))

  test("a wrong password, which is never shown", async () => {
    await db.query(
      "do $$ begin create role pgtrail_password; exception when duplicate_object then null; end $$",
    )
    const role = await db.role({ memberOf: ["pgtrail_password"] })
    const url = urlOfRole(db.url, role.name, "hunter2-secret")
    await refused(url, /password authentication failed/)
    const said = await verify(url, "--verbose")
    expect(said.both).not.toContain("hunter2-secret")
    await refused(urlOfRole(db.url, role.name, ""), /password/)
  })

  test("a role without a grant, and one with too little", async () => {
    const stranger = await db.role()
    await refused(stranger.url, /permission denied/)
    const writer = await db.role({ memberOf: ["pgtrail_writer"] })
    await refused(writer.url, /permission denied/)
  })

  test("a database without pgtrail", async () => {
    const bare = await testDatabase({ empty: true })
    await refused(bare.url, /pgtrail is not installed in this database/)
    await bare.drop()
  })

  test("a log of a later version", async () => {
    await db.query("insert into pgtrail.migration values (9999, 'future', 'x', now(), 'x', 1, '9.9.9')")
    await refused(db.url, /migration 9999 future/)
    await db.query("delete from pgtrail.migration where number = 9999")
  })
})
