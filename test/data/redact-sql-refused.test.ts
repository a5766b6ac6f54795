// A redaction by SQL is done whole or not at all, and what it is given is checked.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { found, redact, stage } from "./redact-fixture.js"
import { ann, hers, type RedactLog, redactLog } from "./redact-log.js"

let log: RedactLog
beforeAll(async () => {
  log = await redactLog()
})
afterAll(() => log.db.drop())

describe("nothing is half done:", () => {
  test("a transaction that redacts and does not record it is not committed", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const before = await log.events(organization)
    const client = await log.db.client()
    for (const replaces of [true, false]) {
      await client.query("begin")
      await stage(client, ann)
      await client.query("select pgtrail.redact_begin()")
      await client.query("select pgtrail.find_subject(name, array[$1]) from pgtrail.partitions()", [
        organization,
      ])
      if (replaces)
        await client.query("select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()")
      await expect(client.query("commit")).rejects.toMatchObject({ code: "TR018" })
      await expect(
        (async () => {
          await client.query("begin")
          await stage(client, ann)
          await client.query("select pgtrail.redact_begin(); set constraints all immediate")
        })(),
      ).rejects.toMatchObject({ code: "TR018" })
      await client.query("rollback")
    }
    await client.end()
    expect(await log.events(organization)).toEqual(before)
    await log.isSound()
  })

  test("one that is rolled back, or to a savepoint before it, leaves nothing", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const state = async () => [
      await log.events(organization),
      await log.db.query("select count(*) from pgtrail.redaction_entry"),
      await log.db.query("select max(seq) from pgtrail.act"),
    ]
    const before = await state()
    await expect(
      redact(log.db, ann, {
        organizations: [organization],
        meanwhile: async () => {
          throw new Error("stopped")
        },
      }),
    ).rejects.toThrow("stopped")
    expect(await state()).toEqual(before)
    const client = await log.db.client()
    await client.query("begin; savepoint before")
    await stage(client, ann)
    await client.query("select pgtrail.redact_begin()")
    await client.query("select pgtrail.find_subject(name, array[$1]) from pgtrail.partitions()", [
      organization,
    ])
    await client.query("select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()")
    await client.query("rollback to before; commit")
    await client.end()
    expect(await state()).toEqual(before)
    await log.isSound()
  })

  test("without redact_begin nothing is replaced, and nothing recorded", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const client = await log.db.client()
    const refused = { code: "55000", message: expect.stringMatching(/no redaction was begun/) }
    for (const sql of [
      "select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()",
      "select pgtrail.record_redaction('erase', 'why')",
    ]) {
      await client.query("begin")
      await stage(client, ann)
      await client.query("select pgtrail.find_subject(name) from pgtrail.partitions()")
      await expect(client.query(sql)).rejects.toMatchObject(refused)
      await client.query("rollback")
    }
    await client.end()
  })

  test("what is to be redacted is searched after redact_begin, or a hold of meanwhile would be passed over", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const client = await log.db.client()
    await client.query("begin")
    await stage(client, ann)
    await client.query("select pgtrail.find_subject(name, array[$1]) from pgtrail.partitions()", [
      organization,
    ])
    await log.db.query("select pgtrail.add_hold('C-2', 'a claim', organization => $1)", [organization])
    const outcome = await (async () => {
      await client.query("select pgtrail.redact_begin()")
      await client.query("select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()")
      await client.query("select pgtrail.record_redaction('erase', 'why')")
      await client.query("commit")
      return "done"
    })().catch((error: { code: string }) => error.code)
    await client.end()
    expect(outcome).not.toBe("done")
    expect(await log.events(organization, "actor_id")).toEqual([{ actor_id: "ann-1" }])
  })

  test("a partition that is searched twice has each event once", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const client = await log.db.client()
    await client.query("begin")
    await stage(client, ann)
    await client.query("select pgtrail.redact_begin()")
    const done = await (async () => {
      for (let times = 0; times < 2; times += 1) {
        await client.query("select pgtrail.find_subject(name, array[$1]) from pgtrail.partitions()", [
          organization,
        ])
      }
      await client.query("select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()")
      const { rows } = await client.query("select events from pgtrail.record_redaction('erase', 'why')")
      await client.query("commit")
      return rows
    })().catch((error: { code: string }) => error.code)
    await client.end()
    // Refused or counted once.
    if (done !== "TR009") expect(done).toEqual([{ events: "1" }])
    await log.isSound()
  })

  test("a stage that was thrown away does not hide what was replaced", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const client = await log.db.client()
    await client.query("begin")
    await stage(client, ann)
    await client.query("select pgtrail.redact_begin()")
    await client.query("select pgtrail.find_subject(name, array[$1]) from pgtrail.partitions()", [
      organization,
    ])
    await client.query("select pgtrail.redact_partition(name, 'erase') from pgtrail.partitions()")
    await client.query("discard temp")
    await (async () => {
      await stage(client, ann)
      await client.query("select pgtrail.record_redaction('erase', 'why')")
      await client.query("commit")
    })().catch(() => client.query("rollback"))
    await client.end()
    await log.isSound()
  })
})

describe("what is given is checked, and refused before anything is changed:", () => {
  test.each<[string, string, object]>([
    ["no strategy", "shred", {}],
    ["a pseudonym of no form", "hash", { replacements: { o1: "p1:x:key:abcdefghijklmnopqrstuv" } }],
    ["a pseudonym that is a name", "hash", { replacements: { o1: "ann" } }],
    [
      "a pseudonym that has more lines",
      "hash",
      { replacements: { o1: "p1:h:k:abcdefghijklmnopqrstuv\nann" } },
    ],
    ["no pseudonym for hash", "hash", {}],
    ["a pseudonym for an erasure", "erase", { replacements: { o1: "p1:h:k:abcdefghijklmnopqrstuv" } }],
    ["none for an organization", "token", { replacements: { nobody: "p1:t:k:abcdefghijklmnopqrstuv" } }],
  ])("%s", async (_, strategy, choice) => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    const before = await log.events(organization)
    await expect(
      redact(log.db, ann, { strategy, organizations: [organization], ...choice }),
    ).rejects.toMatchObject({
      code: "TR009",
    })
    expect(await log.events(organization)).toEqual(before)
  })

  test("a partition that is none, and an isolation level that would not see what others did", async () => {
    await expect(found(log.db, ann, { partitions: ["act"] })).rejects.toMatchObject({ code: "42P01" })
    const client = await log.db.client()
    await client.query("begin isolation level repeatable read")
    await stage(client, ann)
    await expect(client.query("select pgtrail.redact_begin()")).rejects.toMatchObject({ code: "0A000" })
    await client.end()
  })

  test("a stage that is not the function's own", async () => {
    const client = await log.db.client()
    await client.query("begin; create temp table pgtrail_subject (kind text, value text)")
    const role = await log.db.role({ memberOf: ["pgtrail_privacy"] })
    const other = await role.client()
    for (const table of [
      "pgtrail_subject (kind text, value text)",
      "pgtrail_plan (place tid)",
      "pgtrail_listed (seq bigint)",
    ]) {
      await other.query(`begin; create temp table ${table}`)
      await expect(other.query("select pgtrail.subject_stage()")).rejects.toMatchObject({
        code: expect.stringMatching(/^(55000|42P07)$/),
      })
      await other.query("rollback")
    }
    await other.end()
    await client.end()
  })
})
