// Retention on the command line, word by word.
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type RetentionLog, retentionLog } from "../data/retention-fixture.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let log: RetentionLog
beforeAll(async () => {
  log = await retentionLog()
})
afterAll(() => log.db.drop())

test("retention.txt", async () => {
  await expectTranscript(join(import.meta.dirname, "retention.txt"), {
    url: log.db.url,
    cwd: "/nowhere",
    sql: (text) => log.db.query(text),
  })
})

test("a partition that could not be locked makes exit 3, and is named, even with --quiet", async () => {
  await log.db.query("select pgtrail.create_partition('event_2020_05', '2020-05-01Z', '2020-06-01Z')")
  await log.append(6, { at: "2020-05-02", policy: "short" })
  const reader = await log.db.client()
  try {
    await reader.query("begin; select count(*) from pgtrail.event_2020_05")
    const ran = await runInProcess(["retention", "run", "--quiet", "--patience", "200ms"], {
      env: { PGTRAIL_URL: log.db.url },
    })
    expect(ran.exit).toBe(3)
    expect(ran.stdout).toMatch(
      /not purged: event_2020_05: the partitions could not be locked within 0.2 s, held by: process \d+/,
    )
  } finally {
    await reader.end()
  }
})

test("what goes without the archive that it was due for is said in the summary, and as a warning where there is none", async () => {
  const mine = await retentionLog()
  try {
    await mine.db.query(
      "select pgtrail.set_retention('policy', 'cold', 100, archive_after_days => 50, confirmed => true)",
    )
    const words = "3 events went never archived, though due for an archive"
    for (const [more, where] of [
      [["--quiet"], "stderr"],
      [["--json"], "stderr"],
      [[], "stdout"],
    ] as const) {
      await mine.append(3, { policy: "cold" })
      await mine.append(3, { policy: "standard" })
      const ran = await runInProcess(["retention", "run", ...more], { env: { PGTRAIL_URL: mine.db.url } })
      expect(ran.exit).toBe(0)
      expect(ran[where]).toContain(words)
      expect(ran[where === "stderr" ? "stdout" : "stderr"]).not.toContain(words)
    }
  } finally {
    await mine.db.drop()
  }
})
