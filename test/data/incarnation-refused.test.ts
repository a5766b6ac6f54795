// Incarnations that are not opened: nothing but a loss can be passed off as one, and not by everybody.
import { readFileSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { head, keyPair, type Pair, writeCheckpoint } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"
import { type RestorableLog, restorableLog } from "./incarnation-fixture.js"

let log: RestorableLog
beforeAll(async () => {
  log = await restorableLog()
})
afterAll(() => log.remove())
beforeEach(() => log.keep())

test("a checkpoint of another log is refused, and nothing is changed", async () => {
  const { pair, path, open, state } = log
  const untouched = await state()
  writeCheckpoint(path("other"), [head("acme")], pair)
  const error = await failureOf(open(path("other")))
  expect(error).toMatchObject({ code: "other-log" })
  expect(error.message).toContain("the checkpoint other is of another log")
  expect(await state()).toEqual(untouched)
})

test("a checkpoint that was edited, or signed by somebody else, is refused, and nothing is changed", async () => {
  const { logId, pair, path, open, state } = log
  const untouched = await state()
  const stranger: Pair = keyPair("stranger")
  writeCheckpoint(path("strange"), [head("acme")], stranger, { logId })
  expect(await failureOf(open(path("strange")))).toMatchObject({ code: "config" })
  writeCheckpoint(path("edited"), [head("acme")], pair, { logId })
  writeFileSync(path("edited"), readFileSync(path("edited"), "utf8").replace("lanes 1", "lanes 2"))
  expect(await failureOf(open(path("edited")))).toMatchObject({ code: "forged" })
  expect(await failureOf(open(path("missing")))).toMatchObject({ code: "file" })
  expect(await failureOf(open(path("edited"), { publicKeys: [path("none.pub")] }))).toMatchObject({
    code: "file",
  })
  expect(await state()).toEqual(untouched)
})

test("a lane that was rewritten is not passed off as lost", async () => {
  const { checkpoint, open, past, restore, state } = log
  const file = await checkpoint()
  await past("update pgtrail.event set hash = sha256('x') where organization_id = 'globex' and seq = 3")
  await past("update pgtrail.chain_head set hash = sha256('x') where organization_id = 'globex' and seq = 3")
  await past("delete from pgtrail.act where kind = 'checkpoint'")
  const untouched = await state()
  const error = await failureOf(open(file))
  expect(error.message).toContain("has lost nothing")
  expect(await state()).toEqual(untouched)
  await restore()
})

test("events that vanished while the act of the checkpoint is there are not passed off as lost", async () => {
  const { db, trail, publicKeys, append, checkpoint, open, past, restore, state } = log
  const file = await checkpoint()
  await past("delete from pgtrail.event where organization_id = 'globex'")
  await past("delete from pgtrail.chain_head where organization_id = 'globex'")
  await append("acme", 2)
  const untouched = await state()
  for (const dryRun of [true, false]) {
    const error = await failureOf(open(file, { dryRun }))
    expect(error).toMatchObject({
      code: "usage",
      message: "the act of that checkpoint is still there: the log was not set back",
    })
    expect(error.hint).toContain(
      `pgtrail verify --checkpoint ${file} --public-key FILE tells what is missing`,
    )
  }
  expect(await state()).toEqual(untouched)
  const report = await trail.verify({ record: false, checkpoints: [file], publicKeys })
  expect(report.verdict).toBe("tampered")
  expect(await db.query("select from pgtrail.loss")).toEqual([])
  await restore()
})

test("where acts must be signed, one without a key is refused and one with a key is signed", async () => {
  const { db, trail, pair, publicKeys, checkpoint, open, restore, state } = log
  const file = await checkpoint()
  await trail.setSetting("require-signed-acts", "on")
  const untouched = await state()
  expect(await failureOf(open(file))).toMatchObject({
    code: "config",
    hint: expect.stringContaining("--key"),
  })
  expect(await failureOf(open(file, { key: "hunter2" }))).toMatchObject({ code: "config" })
  expect(await state()).toEqual(untouched)
  const opened = await open(file, { key: pair.secret })
  const [row] = await db.query("select signature from pgtrail.act_signature where seq = $1", [opened.act])
  expect(row?.signature).toMatch(new RegExp(`^— ${pair.key.name} \\S+\n$`))
  expect((await trail.verify({ record: false, publicKeys })).findings).toEqual([])
  await restore()
})

test("an operator may open one, an auditor may not, and both may list them", async () => {
  const { db, checkpoint, open, restore } = log
  const file = await checkpoint()
  const auditor = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_auditor"] })).url })
  const operator = await db.trail({ url: (await db.role({ memberOf: ["pgtrail_operator"] })).url })
  expect(await failureOf(open(file, {}, auditor))).toMatchObject({
    code: "privilege",
    hint: "grant pgtrail_operator to the role of this connection: pgtrail grant operator ROLE",
  })
  expect(await open(file, {}, operator)).toMatchObject({ lanes_lost: "0" })
  expect(await auditor.incarnations()).toEqual(await operator.incarnations())
  await restore()
})
