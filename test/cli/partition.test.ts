// The commands of partitions, word by word; and the SQL that they print does what they do.
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase({ whole: true })
})
afterAll(() => db.drop())

const cli = (...argv: string[]) => runInProcess(["partition", ...argv], { env: { PGTRAIL_URL: db.url } })

describe("pgtrail partition", () => {
  it("answers as in partition.txt", async () => {
    await expectTranscript(join(import.meta.dirname, "partition.txt"), {
      url: db.url,
      sql: (text) => db.query(text),
    })
  })

  it("lists on a terminal of 100 columns without cutting anything", async () => {
    const { stdout } = await runInProcess(["partition", "list"], {
      env: { PGTRAIL_URL: db.url },
      stdoutIsTTY: true,
      columns: 100,
    })
    expect(stdout).not.toContain("…")
    expect(stdout).toMatch(
      /^event_2025_02 +2025-02-01 +2025-03-01 +attached +2 +16\.0 kB +2025-02-09 +2025-02-19$/m,
    )
  })

  it("never cuts the names of partitions, however narrow the terminal is", async () => {
    const { stdout } = await runInProcess(["partition", "list"], {
      env: { PGTRAIL_URL: db.url },
      stdoutIsTTY: true,
      columns: 40,
    })
    expect(stdout).toContain("…")
    expect(stdout).toMatch(/^event_2025_02 /m)
  })

  it("prints SQL that psql runs to the same result", async () => {
    await db.query(
      "insert into pgtrail.event (occurred_at, event_type) values ('2023-05-05Z', 'a.b'), ('2023-06-06Z', 'a.b')",
    )
    const names = async () =>
      (
        await db.query(
          "select name, attached from pgtrail.partitions() where name like 'event_2023%' order by name",
        )
      ).map(({ name, attached }) => `${name} ${attached}`)
    const run = async (...argv: string[]) => {
      const { stdout, stderr, exit } = await cli(...argv, "--print-sql")
      expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 })
      // As psql does: one statement after the other.
      for (const statement of stdout.split(/;\n/)) await db.query(statement)
      return stdout
    }
    expect(await run("create", "2023-05")).toContain("array['event_2023_05']::text[]")
    expect(await names()).toEqual(["event_2023_05 t"])
    await run("maintain")
    expect(await names()).toEqual(["event_2023_05 t", "event_2023_06 t"])
    await run("detach", "event_2023_05", "--reason", "it's \\ old")
    expect(await names()).toEqual(["event_2023_05 f", "event_2023_06 t"])
    expect(
      await db.query("select parameters->>'reason' as reason from pgtrail.act order by seq desc limit 1"),
    ).toEqual([{ reason: "it's \\ old" }])
    await run("attach", "event_2023_05")
    expect(await names()).toEqual(["event_2023_05 t", "event_2023_06 t"])
    await run("drop", "event_2023_05", "--reason", "x", "--confirm", "event_2023_05")
    expect(await names()).toEqual(["event_2023_06 t"])
    expect(await db.query("select count(*) from only pgtrail.event_2023_06")).toEqual([{ count: "1" }])
  })
})
