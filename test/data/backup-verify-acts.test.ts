// Backups of logs in which much was done: holds, purges, redactions, archives, incarnations, accepted findings. What verify makes of them, backup verify makes of them.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { type Looks, looks } from "./backup-verify-fixture.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"
import { type RedactedLog, redactedLog } from "./verify-redact-fixture.js"

describe("a log with holds, rules, purges and a detached partition", () => {
  let log: LifecycleLog
  let look: Looks
  beforeAll(async () => {
    log = await lifecycleLog()
    look = await looks(log.trail)
  })
  afterAll(async () => {
    await log.db.drop()
    await look.remove()
  })

  test("is intact", async () => {
    expect(await look.same()).toBe(0)
  })

  test.each([
    [
      "rows that were changed",
      [
        "update pgtrail.hold set released_seq = 1 where released_seq is null",
        "update pgtrail.retention_rule set keep_days = 1 where name = 'short'",
        "update pgtrail.purge set hashes = sha256('a') || substr(hashes, 33) where organization_id = 'acme'",
        "delete from pgtrail.event_2020_03 where organization_id = 'globex'",
      ],
    ],
    [
      "rows that are gone",
      [
        "delete from pgtrail.hold",
        "delete from pgtrail.purge where organization_id = 'acme'",
        "delete from pgtrail.detached_partition",
      ],
    ],
    [
      "events in places that were purged",
      ["update pgtrail.purge set ranges = '{[1,2)}', hashes = substr(hashes, 1, 64), events = 1"],
    ],
  ])("%s: the findings of verify", async (_what, statements) => {
    try {
      for (const sql of statements) await log.tamper(sql)
      expect(await look.same({ windowBytes: 20_000 })).toBeGreaterThan(0)
    } finally {
      await log.restore()
    }
  })
})

describe("a log with redactions", () => {
  let log: RedactedLog
  let look: Looks
  beforeAll(async () => {
    log = await redactedLog()
    look = await looks(log.trail)
  })
  afterAll(async () => {
    await log.db.drop()
    await look.remove()
  })

  test("is intact", async () => {
    expect(await look.same()).toBe(0)
  })

  const redacted = "identity_digest is not null and organization_id"
  test.each([
    [
      "values and digests that are others",
      [
        `update pgtrail.event set identity_digest = null where ${redacted} = 'acme' and seq % 2 = 0`,
        `update pgtrail.event set actor_name = 'Eve' where ${redacted} = 'acme' and seq % 2 = 1`,
        `update pgtrail.event set identity_digest = sha256('x') where ${redacted} = 'globex'`,
        "update pgtrail.event set content_digest = sha256('x') where organization_id = 'acme' and seq = 3",
      ],
    ],
    [
      "entries that are gone, of others, or of other fields",
      [
        "delete from pgtrail.redaction_entry where organization_id = 'globex' and group_name = 'content'",
        "update pgtrail.redaction_entry set seq = seq + 100 where organization_id = 'globex'",
        "update pgtrail.redaction_entry set fields = '{x}' where number = 1 and organization_id = 'acme'",
      ],
    ],
    ["blocks that are gone", ["delete from pgtrail.redaction"]],
  ])("%s: the findings of verify", async (_what, statements) => {
    try {
      for (const sql of statements) await log.tamper(sql)
      expect(await look.same({ windowBytes: 20_000 })).toBeGreaterThan(0)
    } finally {
      await log.restore()
    }
  })
})

describe("a log with archives, one of them restored", () => {
  let log: ArchiveLog
  let look: Looks
  beforeAll(async () => {
    log = await archiveLog()
    await log.append(60, { policy: "cold" })
    await log.append(40, { policy: "cold", at: "2020-02-02" })
    for (const partition of ["event_2020_01", "event_2020_02"]) await log.create({ partition })
    const [name] = (await log.files()).filter((file) => file.includes("2020_01"))
    await log.trail.restoreArchive(name ?? "", { reason: "why" })
    look = await looks(log.trail)
  })
  afterAll(async () => {
    await log.remove()
    await look.remove()
  })

  test("is intact, and says that archives are not looked into", async () => {
    const { live, report } = await look.alike()
    expect(live.findings).toEqual([])
    expect(report.not_covered.slice(0, 1)).toEqual(["events in 1 archive: pgtrail archive verify reads them"])
  })

  test("archives and kinds that were changed: the findings of verify", async () => {
    await log.tamper(
      `update pgtrail.archive set location = 'file:///x' where act_seq = (select min(act_seq) from pgtrail.archive);
       update pgtrail.archive set newest_occurred_at = newest_occurred_at + interval '1 day';
       update pgtrail.archive_kind set events = 1`,
    )
    expect(await look.same()).toBeGreaterThan(2)
  })
})

describe("a log with a finding that was accepted", () => {
  let log: AnchoredLog
  let look: Looks
  beforeAll(async () => {
    log = await anchoredLog()
    look = await looks(log.trail)
    await log.tamper("update pgtrail.event set actor_id = 'x' where organization_id = 'globex' and seq = 3")
    const { findings } = await log.trail.verify({ jobs: 1 })
    await log.db.query("select pgtrail.accept_finding($1, 'incident 7')", [findings[0]?.id ?? ""])
  })
  afterAll(async () => {
    await log.drop()
    await look.remove()
  })

  test("is intact, the finding counted apart; with strict it counts", async () => {
    const { report } = await look.alike()
    expect(report).toMatchObject({
      verdict: "intact",
      accepted_total: "1",
      accepted: [{ seq: "3", file: expect.any(String) }],
    })
    expect((await look.verify(await look.backUp(), { strict: true })).verdict).toBe("tampered")
  })
})
