// verify against signed checkpoints and the auditor's state: what only something outside the database can show.
import { readFile } from "node:fs/promises"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type AnchoredLog, anchoredLog } from "./anchors-fixture.js"
import { places } from "./verify-fixture.js"

let log: AnchoredLog
let checkpoint: string
beforeAll(async () => {
  log = await anchoredLog()
  checkpoint = await log.checkpoint("first.checkpoint")
  // The fixture's copies are older than the act of the checkpoint.
  await log.db.query("truncate public.act_copy; insert into public.act_copy select * from pgtrail.act")
})
let other: Promise<AnchoredLog> | undefined
/** A log with another id, made for whoever asks first. */
const otherLog = () => {
  other ??= anchoredLog({ own: true })
  return other
}
afterAll(async () => {
  await (await other)?.drop()
  await log.drop()
})
afterEach(() => log.restore())

/** As the owner of the database would: the events of a lane are written anew, with heads and hashes that fit. */
const rewrite = (organization: string) =>
  log
    .tamper(
      `create table public.kept as select * from pgtrail.event where organization_id = '${organization}';
       delete from pgtrail.event where organization_id = '${organization}';
       delete from pgtrail.chain_head where organization_id = '${organization}'`,
    )
    .then(() =>
      log.db.query(
        `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id)
         select organization_id, occurred_at, event_type, 'somebody else' from public.kept order by seq;
         drop table public.kept`,
      ),
    )

test("a log that has only grown since: intact, and the report names the checkpoint that was compared", async () => {
  await log.append("acme", 200)
  await log.append("newcomer")
  const report = await log.check({ checkpoints: [checkpoint] })
  expect(report).toMatchObject({ verdict: "intact", findings: [], since: null })
  expect(report.compared).toEqual([
    { name: "checkpoint first.checkpoint", time: expect.stringMatching(/Z$/) },
  ])
})

test("a chain rewritten with its heads is intact by itself, and found by a checkpoint", async () => {
  await rewrite("globex")
  expect((await log.check()).verdict).toBe("intact")
  const report = await log.check({ checkpoints: [checkpoint] })
  expect(report.verdict).toBe("tampered")
  expect(places(report.findings)).toEqual(["altered globex/0/60"])
  expect(report.findings[0]?.message).toContain("checkpoint first.checkpoint knew")
})

test("a rewritten chain that has grown past the checkpoint is found as well", async () => {
  await rewrite("globex")
  await log.append("globex", 5)
  expect(places((await log.check({ checkpoints: [checkpoint] })).findings)).toEqual(["altered globex/0/60"])
})

test("an organization that vanished with its heads is found by a checkpoint", async () => {
  await log.tamper(
    "delete from pgtrail.event where organization_id = 'acme'; delete from pgtrail.chain_head where organization_id = 'acme'",
  )
  expect((await log.check()).verdict).toBe("intact")
  const report = await log.check({ checkpoints: [checkpoint] })
  expect(places(report.findings)).toEqual(["vanished acme/-/-"])
})

test("a tail cut off with its heads is found by a checkpoint, as truncated and not as rolled back", async () => {
  await log.tamper(
    "delete from pgtrail.event where organization_id = 'globex' and seq > 50; delete from pgtrail.chain_head where organization_id = 'globex' and seq > 50",
  )
  expect((await log.check()).verdict).toBe("intact")
  const report = await log.check({ checkpoints: [checkpoint] })
  expect(report.verdict).toBe("tampered")
  expect(places(report.findings)).toEqual(["truncated globex/0/51"])
})

test("acts rewritten after a checkpoint are found by it", async () => {
  // The act of the checkpoint itself gets another digest, and a hash that fits.
  await log.tamper(
    `update pgtrail.act set digest = sha256('x') where kind = 'checkpoint';
     update pgtrail.act a set hash = sha256(record_send(row('pgtrail act'::text, a.hash_version, a.organization_id, a.seq, a.previous_hash, a.kind,
       a.parameters, a.digest, a.recorded_at, a.session_user_name, a.client_address, a.transaction_id::text::bigint, a.system_identifier,
       a.timeline))) where kind = 'checkpoint'`,
  )
  expect((await log.check()).verdict).toBe("intact")
  const report = await log.check({ checkpoints: [checkpoint] })
  expect(report.verdict).toBe("tampered")
  expect(report.findings).toMatchObject([
    { kind: "act_altered", message: expect.stringContaining("rewritten") },
  ])
})

test("several checkpoints are compared, and one that does not fit is enough", async () => {
  await log.append("globex", 10)
  const second = await log.checkpoint("second.checkpoint")
  expect(await log.check({ checkpoints: [checkpoint, second] })).toMatchObject({ verdict: "intact" })
  await log.tamper(
    "delete from pgtrail.event where organization_id = 'globex' and seq > 65; delete from pgtrail.chain_head where organization_id = 'globex' and seq > 65",
  )
  expect((await log.check({ checkpoints: [checkpoint] })).verdict).toBe("intact")
  expect(places((await log.check({ checkpoints: [checkpoint, second] })).findings)).toEqual([
    "truncated globex/0/66",
  ])
})

test("of one organization only its heads are compared", async () => {
  await rewrite("globex")
  const one = { checkpoints: [checkpoint], organization: "acme" }
  expect(await log.check(one)).toMatchObject({ verdict: "intact" })
  expect((await log.check({ ...one, organization: "globex" })).verdict).toBe("tampered")
})

test("a checkpoint of another log says that nothing was compared, and is never intact", async () => {
  const other = await otherLog()
  const foreign = await other.checkpoint("foreign.checkpoint")
  await expect(
    log.trail.verify({ jobs: 1, checkpoints: [foreign], publicKeys: [other.publicKey] }),
  ).rejects.toMatchObject({ code: "other-log", message: expect.stringContaining("nothing was compared") })
})

test("a checkpoint by a key that is not known, or edited, is refused before anything is read", async () => {
  await expect(log.check({ checkpoints: [checkpoint], publicKeys: [] })).rejects.toMatchObject({
    code: "config",
  })
})

describe("the auditor's state", () => {
  test("is made at first, compared and advanced later", async () => {
    const state = log.file("grows.state")
    expect((await log.check({ state })).compared).toEqual([])
    const first = await readFile(state, "utf8")
    await log.append("acme", 3)
    expect((await log.check({ state })).compared).toMatchObject([{ name: "the state grows.state" }])
    expect(await readFile(state, "utf8")).not.toBe(first)
  })

  test("finds a cut tail, and stays where it was then", async () => {
    const state = log.file("stays.state")
    await log.append("acme", 3)
    await log.check({ state })
    const before = await readFile(state, "utf8")
    await log.tamper(
      "delete from pgtrail.event where organization_id = 'acme' and event_type = 'more'; delete from pgtrail.chain_head where organization_id = 'acme' and lane = 0 and seq > 40",
    )
    expect((await log.check()).verdict).toBe("intact")
    const report = await log.check({ state })
    expect(places(report.findings)).toEqual(["truncated acme/0/41"])
    expect(await readFile(state, "utf8")).toBe(before)
  })

  test("is not advanced by a verification of a part", async () => {
    const state = log.file("part.state")
    await log.check({ state })
    const before = await readFile(state, "utf8")
    await log.append("acme", 3)
    await log.check({ state, organization: "acme" })
    expect(await readFile(state, "utf8")).toBe(before)
  })

  test("of another log is refused", async () => {
    const state = log.file("other.state")
    const other = await otherLog()
    await other.check({ state })
    await expect(log.check({ state })).rejects.toMatchObject({ code: "other-log" })
  })
})
