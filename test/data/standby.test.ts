// A hot standby: everything that reads works there and says where it is; everything that writes refuses and names the primary.
import { existsSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { runInProcess } from "../cli/io.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"

describe.skipIf(!canStart)("a hot standby", () => {
  let cluster: Cluster
  let standby: Server
  /** Of the only finding that a verification of the primary has recorded. */
  let finding: string
  const files = folder()
  const pair = keyPair()
  const checkpoint = files.path("first.checkpoint")
  const publicKey = files.path("audit.pub")
  const privateKey = files.path("audit.key")
  const alter = (type: string) =>
    cluster.primary.query(`set session_replication_role = replica;
      update pgtrail.event set event_type = '${type}' where seq = 7`)

  beforeAll(async () => {
    writeFileSync(publicKey, `${pair.line}\n`)
    writeFileSync(privateKey, `${pair.secret}\n`, { mode: 0o600 })
    writeFileSync(files.path("events.ndjson"), '{"event_type":"a"}\n')
    cluster = await startCluster({ settings: { synchronous_commit: "local" } })
    await cluster.primary.query(
      "insert into pgtrail.event (event_type, actor_id) select 'a.b', 'u' || i from generate_series(1, 50) i",
    )
    const trail = await cluster.primary.trail()
    await alter("x.y")
    finding = (await trail.verify({ jobs: 1 })).findings[0]?.id ?? ""
    await alter("a.b")
    await trail.createCheckpoint({ key: pair.secret, out: checkpoint })
    await trail.verify({ jobs: 1 })
    standby = await cluster.primary.standby()
  })
  afterAll(async () => {
    await cluster?.remove()
    files.remove()
  })

  const pgtrail = (...argv: string[]) => runInProcess(argv, { env: { PGTRAIL_URL: standby.url } })

  test("verify is intact with exit code 0, and was not recorded", async () => {
    const ran = await pgtrail("verify", "--jobs", "1")
    expect(ran).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^intact: 50 events/) })
    expect(ran.stderr).toContain("this verification was not recorded: this server is a standby")
    expect(JSON.parse((await pgtrail("verify", "--json")).stdout)).toMatchObject({
      verdict: "intact",
      act: null,
      not_recorded: "this server is a standby",
    })
  })

  test("the schema is compared as on the primary", async () => {
    expect(await pgtrail("migrate", "validate")).toMatchObject({
      exit: 0,
      stdout: "nothing differs: database pgtrail is as migration 0008_holds left it\n",
    })
  })

  test("verify of one organization and of a time", async () => {
    const trail = await standby.trail()
    for (const part of [{ organization: "default" }, { since: "2000-01-01" }]) {
      expect(await trail.verify({ ...part, jobs: 1 })).toMatchObject({ verdict: "intact" })
    }
  })

  test("verify finds what was altered on the primary", async () => {
    await alter("x.y")
    await standby.caughtUp(cluster.primary)
    const ran = await pgtrail("verify", "--json")
    await alter("a.b")
    await standby.caughtUp(cluster.primary)
    expect(ran.exit).toBe(1)
    expect(JSON.parse(ran.stdout)).toMatchObject({ findings: [{ kind: "altered", seq: "7" }] })
    expect((await pgtrail("verify")).exit).toBe(0)
  })

  test("query, show and status", async () => {
    const queried = await pgtrail("query", "--format", "ndjson", "--limit", "50")
    expect(queried.stdout.trim().split("\n")).toHaveLength(50)
    const shown = await pgtrail("show", "default/0/50")
    expect(shown).toMatchObject({ exit: 0, stdout: expect.stringContaining("u50") })
    const status = await pgtrail("status")
    expect(status).toMatchObject({ exit: 0, stdout: expect.stringMatching(/PostgreSQL [\d.]+, standby/) })
  })

  test("stats, from the summaries of the primary and from the events, and these summaries", async () => {
    await (await cluster.primary.trail()).refreshSummary()
    await standby.caughtUp(cluster.primary)
    const stats = await pgtrail("stats")
    expect(stats).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^events +50$/m) })
    expect(stats.stderr).toBe("pgtrail: from the summaries\n")
    expect(await pgtrail("stats", "--by", "hour")).toMatchObject({
      exit: 0,
      stdout: expect.stringMatching(/^events +50$/m),
    })
    expect(await pgtrail("summary", "show")).toMatchObject({ exit: 0, stderr: "" })
  })

  test.each([
    "act list",
    "act show 1",
    "setting list",
    "incarnation list",
    "checkpoint list",
    "verification list",
    "verification show",
    "migrate status",
  ])("%s", async (words) => {
    const ran = await pgtrail(...words.split(" "))
    expect(ran).toMatchObject({ exit: 0, stderr: "" })
    expect(ran.stdout).not.toBe("")
  })

  test("a checkpoint of the primary, and the auditor's own state, which the primary agrees with afterwards", async () => {
    expect(await pgtrail("checkpoint", "verify", checkpoint, "--public-key", publicKey)).toMatchObject({
      exit: 0,
    })
    const state = files.path("auditor.state")
    const argv = ["--checkpoint", checkpoint, "--public-key", publicKey, "--state", state]
    for (const url of [standby.url, standby.url, cluster.primary.url]) {
      const ran = await runInProcess(["verify", "--jobs", "1", ...argv], { env: { PGTRAIL_URL: url } })
      expect(ran).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^intact/) })
    }
    await standby.caughtUp(cluster.primary)
    const incremental = await pgtrail("verify", "--incremental", "--json")
    expect(JSON.parse(incremental.stdout)).toMatchObject({ verdict: "intact", act: null })
  })

  test("an export is written and verifies, and a note says that no act records it", async () => {
    const out = files.path("exported")
    const ran = await pgtrail("export", "create", "--out", out)
    expect(ran).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^evidence: 50 events in 1 file/) })
    expect(ran.stderr).toContain("this export was not recorded: this server is a standby")
    expect(await pgtrail("export", "verify", out)).toMatchObject({ exit: 0 })
  })

  test("everything that reads leaves the standby without a session", async () => {
    const left = await standby.query(
      "select application_name from pg_stat_activity where backend_type = 'client backend' and application_name <> 'test'",
    )
    expect(left).toEqual([])
  })

  test("whatever writes refuses with exit code 3, changes nothing and names the primary", async () => {
    const before = await standby.query("select count(*) as acts from pgtrail.act")
    const made = files.path("second.checkpoint")
    const writing = [
      ["append", "--type", "a"],
      ["import", "file", files.path("events.ndjson")],
      ["install"],
      ["migrate", "up"],
      ["migrate", "down"],
      ["uninstall", "--confirm", "pgtrail"],
      ["setting", "set", "event-size-limit", "2097152"],
      ["summary", "refresh"],
      ["summary", "rebuild"],
      ["checkpoint", "create", "--key", `file:${privateKey}`, "--out", made],
      ["verification", "accept", finding, "--reason", "known"],
      ["incarnation", "open", "--reason", "restore", "--checkpoint", checkpoint, "--public-key", publicKey],
    ]
    for (const argv of writing) {
      const ran = await pgtrail(...argv)
      expect(ran, argv.join(" ")).toMatchObject({ exit: 3, stdout: "" })
      expect(ran.stderr, argv.join(" ")).toMatch(/^pgtrail: error: .*standby/)
      expect(ran.stderr).toMatch(/^pgtrail: hint: .*connect to the primary$/m)
    }
    expect(existsSync(made)).toBe(false)
    expect(await standby.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "50" }])
    expect(await standby.query("select count(*) as acts from pgtrail.act")).toEqual(before)
  })
})
