// What the commands about people tell in every form: limits beside rows, receipts of others, and who may, in the words of people.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"

let db: TestDatabase
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pgtrail-told-"))
  db = await testDatabase()
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email) values
    ('acme', '2026-03-01Z', 'auth', 'u-csv', 'jon@x.example'), ('globex', '2026-03-02Z', 'auth', 'u-csv', null),
    ('acme', '2026-03-01Z', 'auth', 'u-ndjson', 'eve@x.example'), ('globex', '2026-03-02Z', 'auth', 'u-ndjson', null)`)
  await db.query("select pgtrail.add_hold('C-1', 'suit', 'globex')")
  await (await db.trail()).addPrivacyKey({ out: join(folder, "k1") })
  const keys = { ids: ["k1"], read: async () => Buffer.alloc(32, 1).toString("base64") }
  await (await db.trail()).addPrivacyKey({ id: "k2", keys: { ...keys, ids: ["k2"] }, rotate: true })
  await (await db.trail()).pseudonymize([{ kind: "id", value: "u-9" }], {
    ...{ strategy: "hash", reason: "r", requestedBy: "w", keys: { ...keys, ids: ["k2"] } },
  })
})
afterAll(async () => {
  await db.drop()
  rmSync(folder, { recursive: true })
})
const gdpr = (...line: readonly string[]) => runInProcess(["gdpr", ...line], { env: { PGTRAIL_URL: db.url } })

test.each(["csv", "ndjson"])(
  "in %s find and erase tell their limits on stderr, beside the rows",
  async (format) => {
    const found = await gdpr("find", `u-${format}`, "--format", format)
    expect(found).toMatchObject({ exit: 0 })
    expect(found.stdout).not.toContain("not given as an identifier")
    expect(found.stderr).toContain("1 event has an e-mail address not given as an identifier")
    const none = await gdpr("find", "u-nobody", "--format", format)
    expect(none.stderr).toContain("text and JSON of events that were not found otherwise were not searched")
    const why = ["--reason", "r", "--requested-by", "dpo", "--confirm", `u-${format}`, "--format", format]
    const dry = await gdpr("erase", `u-${format}`, ...why, "--dry-run")
    expect(dry.exit).toBe(4)
    expect(dry.stderr).toContain("not given as an identifier")
    expect(dry.stderr).toContain("nothing was changed: --dry-run")
    const erased = await gdpr("erase", `u-${format}`, ...why)
    expect(erased.exit).toBe(4)
    expect(erased.stderr).toMatch(/held +1 event stays as it is, by the case C-1/)
    expect(erased.stderr).toContain("incomplete: the request stays open")
    expect(erased.stdout).not.toContain("incomplete")
  },
)

test("a request is not closed with the receipt, or the manifest, of another one", async () => {
  const receipt = join(folder, "receipt.json")
  await gdpr("request", "add", "erasure", "--id", "R-1")
  const close = () =>
    gdpr("request", "close", "R-1", "--outcome", "done", "--receipt", receipt, "--reason", "x")
  writeFileSync(receipt, '{"complete": true, "request": "R-2"}')
  const refused = await close()
  expect(refused.exit).toBe(2)
  expect(refused.stderr).toMatch(/is of another request, "R-2"[\s\S]*nothing was closed/)
  for (const content of [
    '{"complete": true, "request": "R-1"}',
    '{"request": null}',
    "no JSON",
    "[1]",
    "null",
  ]) {
    writeFileSync(receipt, content)
    if (content === "null") expect((await close()).exit).toBe(0)
    else expect((await gdpr("request", "show", "R-1")).stdout).toContain("erasure, open")
  }
})

test.each([
  [["rule", "list"], "read the rules of what is personal: that takes a reader", "pgtrail grant reader ROLE"],
  [["request", "list"], "read the register of requests: that takes an auditor", "pgtrail grant auditor ROLE"],
])(
  "whoever may not %j is told the least right that is enough, and that nothing was changed",
  async (line, what, right) => {
    const url = (await db.role({ memberOf: ["pgtrail_writer"] })).url
    const { exit, stderr } = await runInProcess(["gdpr", ...line], { env: { PGTRAIL_URL: url } })
    expect(exit).not.toBe(0)
    expect(stderr).toContain(what)
    expect(stderr).toContain(right)
    expect(stderr).toContain("nothing was changed")
    expect(stderr).not.toContain("grant privacy")
  },
)

test('the name "none" is no name of a privacy key, and is said in quotes', async () => {
  const { exit, stderr } = await gdpr("key", "rotate", "none", "--out", join(folder, "none"))
  expect(exit).not.toBe(0)
  expect(stderr).toContain('"none" is not one')
})

test("a restriction that hides nothing says where the person stands: in detached partitions, or under a slip in the organization", async () => {
  const why = ["--reason", "r", "--requested-by", "dpo"]
  await db.query("select pgtrail.create_partition('event_2019_01', '2019-01-01Z', '2019-02-01Z')")
  await db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id) values ('acme', '2019-01-02Z', 'a', 'u-old')",
  )
  await db.query("select pgtrail.detach_partition('event_2019_01', 'old')")
  const old = await gdpr("restrict", "u-old", ...why)
  expect(old.exit).toBe(0)
  expect(old.stderr).toContain("hides no event that was not hidden before: the person has 1 event in the log")
  const slip = await gdpr("restrict", "u-csv", "--org", "acne", ...why)
  expect(slip.stderr).toContain('the log has no event of the organization "acne"')
  const nobody = await gdpr("restrict", "u-none", ...why)
  expect(nobody.stderr).toContain("see that the identifiers are right")
})
