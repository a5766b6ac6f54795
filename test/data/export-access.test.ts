// Who exports, and what the log can tell him: readers, auditors, a reader of one organization; purges, holes, checkpoints, a broken log.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { verifyExport } from "../../src/data/export/verify.js"
import { folder } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"
import { type PurgedLog, purgedLog } from "./purge-fixture.js"

const { path, remove } = folder()
let log: PurgedLog
beforeAll(async () => {
  log = await purgedLog()
})
afterAll(async () => {
  await log?.drop()
  remove()
})

const data = (out: string) => readFileSync(join(path(out), "export-0001.csv"), "utf8")

describe("purges", () => {
  test("what was purged between two exported events is named with its act, and the chain is followed around it", async () => {
    const { manifest } = await log.trail.createExport({
      out: path("globex"),
      filter: { organization: "globex" },
    })
    const [act] = await log.db.query(
      "select act_seq from pgtrail.purge where organization_id = 'globex' order by act_seq desc limit 1",
    )
    expect(manifest.lanes).toMatchObject([
      {
        lane: "0",
        first: { seq: "1" },
        last: { seq: "58" },
        missing: [
          {
            first: "5",
            last: "9",
            outside: "0",
            purged: [{ act: act?.act_seq, events: "5" }],
            unexplained: "0",
          },
          {
            first: "20",
            last: "20",
            outside: "0",
            purged: [{ act: act?.act_seq, events: "1" }],
            unexplained: "0",
          },
          {
            first: "59",
            last: "60",
            outside: "0",
            purged: [{ act: act?.act_seq, events: "2" }],
            unexplained: "0",
          },
        ],
      },
    ])
    expect(manifest.purges).toMatchObject([{ act: act?.act_seq, organization_id: "globex", events: "8" }])
    expect(await verifyExport(path("globex"))).toMatchObject({ verdict: "intact", findings: [] })
  })

  test("what nothing explains is told by the manifest, and by whoever checks the export", async () => {
    await log.db.query(`set session_replication_role = replica; create table public.taken as
      select * from pgtrail.event where organization_id = 'globex' and seq between 30 and 31;
      delete from pgtrail.event where organization_id = 'globex' and seq between 30 and 31; reset session_replication_role`)
    const options = { out: path("hole"), filter: { organization: "globex" }, verify: true }
    const { manifest } = await log.trail.createExport(options)
    await log.db.query(`set session_replication_role = replica; insert into pgtrail.event select * from public.taken;
      reset session_replication_role`)
    expect(manifest.lanes[0]?.missing).toContainEqual({
      first: "30",
      last: "31",
      outside: "0",
      purged: [],
      unexplained: "2",
    })
    expect(manifest.verification).toMatchObject({ verdict: "tampered", made_for_export: true })
    const report = await verifyExport(path("hole"))
    expect(report.verdict).toBe("tampered")
    expect(report.findings).toMatchObject([
      {
        kind: "missing",
        organization_id: "globex",
        lane: "0",
        seq: "30",
        message: expect.stringContaining("lacked 2"),
      },
    ])
  })
})

describe("without a period", () => {
  const everything = (where: string, work: () => Promise<void>) => async () => {
    await log.db.query(`set session_replication_role = replica; drop table if exists public.taken; create table public.taken as
      select * from pgtrail.event where ${where}; delete from pgtrail.event where ${where}; reset session_replication_role`)
    try {
      await work()
    } finally {
      await log.db.query(`set session_replication_role = replica; insert into pgtrail.event select * from public.taken;
        reset session_replication_role`)
    }
  }

  test(
    "a lane that lacks its first and its newest events is a finding at both ends, in every order of options but a period",
    everything("organization_id = 'globex' and (seq < 4 or seq > 55)", async () => {
      const { manifest } = await log.trail.createExport({
        out: path("ends"),
        filter: { organization: "globex" },
      })
      const missing = manifest.lanes[0]?.missing ?? []
      expect(missing[0]).toMatchObject({ first: "1", last: "3", purged: [], unexplained: "3" })
      expect(missing.at(-1)).toMatchObject({
        first: "56",
        last: "60",
        purged: [{ events: "2" }],
        unexplained: "3",
      })
      const { verdict, findings } = await verifyExport(path("ends"))
      expect(verdict).toBe("tampered")
      expect(findings.map(({ kind, seq }) => [kind, seq])).toEqual([
        ["missing", "1"],
        ["missing", "56"],
      ])
      const forged = path("ends/manifest.json")
      const text = readFileSync(forged, "utf8")
      writeFileSync(forged, text.replace(/\{"first":"1","last":"3"[^}]*\},/, ""))
      expect((await verifyExport(path("ends"))).findings).toContainEqual(
        expect.objectContaining({
          kind: "manifest",
          seq: "1",
          message: "the manifest does not say why the events 1 to 3 are not here",
        }),
      )
      const period = { since: "2000-01-01T00:00:00Z", until: "2100-01-01T00:00:00Z" }
      const bounded = await log.trail.createExport({
        out: path("bounded"),
        filter: { organization: "globex", ...period },
      })
      expect(bounded.manifest.lanes[0]?.missing?.map(({ first }) => first)).toEqual(["5", "20"])
    }),
  )

  test(
    "a lane without any event is told: a finding where nothing explains it, none where it was purged",
    everything("organization_id = 'globex'", async () => {
      const { manifest } = await log.trail.createExport({ out: path("absent") })
      const whole = (organization_id: string) =>
        manifest.absent_lanes?.filter((lane) => lane.organization_id === organization_id)
      expect(whole("globex")).toMatchObject([
        { lane: "0", missing: [{ first: "1", last: "60", unexplained: "52", purged: [{ events: "8" }] }] },
      ])
      for (const lane of whole("initech") ?? [])
        expect(lane.missing).toMatchObject([{ first: "1", unexplained: "0" }])
      expect(whole("initech")).not.toEqual([])
      expect((await verifyExport(path("absent"))).findings).toMatchObject([
        { kind: "missing", organization_id: "globex", lane: "0", seq: "1" },
      ])
    }),
  )
})

describe("checkpoints", () => {
  test("the newest that covers every lane is named, with how many it covers", async () => {
    const { manifest } = await log.trail.createExport({
      out: path("covered"),
      filter: { organization: "globex" },
      checkpoints: [log.before, log.after],
      publicKeys: [log.publicKey],
    })
    const [newest] = await log.trail.checkpoints()
    expect(manifest.checkpoint).toMatchObject({
      act: newest?.seq,
      digest: newest?.digest,
      key: newest?.key,
      covered_lanes: "1",
    })
    await log.append("globex")
    const { manifest: later } = await log.trail.createExport({
      out: path("uncovered"),
      checkpoints: [log.after],
      publicKeys: [log.publicKey],
    })
    expect(later.checkpoint?.covered_lanes).toBe(String(later.lanes.length - 1))
    const { manifest: without } = await log.trail.createExport({ out: path("unnamed") })
    expect(without.checkpoint).toMatchObject({ act: newest?.seq, covered_lanes: null })
  })
})

describe("who exports", () => {
  test.each(["reader", "auditor"] as const)("a %s: everything, and the act has his name", async (right) => {
    const role = await log.db.role()
    await log.trail.grant({ right, role: role.name })
    const his = await log.db.trail({ url: role.url })
    const made = await his.createExport({ out: path(right) })
    expect(made).toMatchObject({ not_recorded: null, manifest: { created_by: role.name } })
    const { act } = await log.trail.act(made.act ?? "")
    expect(act).toMatchObject({ kind: "export", session_user_name: role.name })
    expect(made.manifest.verification === null).toBe(right === "reader")
    expect(made.manifest.purges).not.toBeNull()
    expect(await verifyExport(path(right))).toMatchObject({ verdict: "intact", findings: [] })
  })

  test("a reader of one organization: evidence of his own, the same to the byte, and nothing of others", async () => {
    const role = await log.db.role()
    await log.trail.grant({ right: "reader", role: role.name, organizations: ["globex"] })
    const his = await log.db.trail({ url: role.url })
    const made = await his.createExport({ out: path("bound") })
    expect(made).toMatchObject({
      not_recorded: null,
      manifest: {
        kind: "evidence",
        purges: null,
        verification: null,
        checkpoint: null,
        created_by: role.name,
      },
    })
    await log.trail.createExport({ out: path("same"), filter: { organization: "globex" } })
    expect(data("bound")).toBe(data("same"))
    expect(made.manifest.lanes.map((lane) => lane.organization_id)).toEqual(["globex"])
    expect(made.manifest.lanes[0]?.missing).toContainEqual(
      expect.objectContaining({ first: "5", last: "9", purged: null, unexplained: "5" }),
    )
    expect(readFileSync(join(path("bound"), "manifest.json"), "utf8")).not.toContain("acme")
    // He may not know of purges: that places are empty is no finding of his.
    expect(await verifyExport(path("bound"))).toMatchObject({ verdict: "intact", findings: [] })
    const { manifest } = await his.createExport({
      out: path("bound-others"),
      filter: { type: "*", severity: "debug.." },
      exclude: ["identity"],
    })
    // What it is of stands in the filters, the statement and the act: the whole log is not his to tell.
    expect(made.manifest.filters).toEqual({ organization: ["globex"] })
    expect(made.manifest.statement[0]).toMatch(/that the log had of the organizations named;/)
    const { act } = await log.trail.act(made.act ?? "")
    expect(JSON.parse(act.parameters ?? "")).toMatchObject({ organizations: ["globex"] })
    const other = { organization: ["globex", "acme"] }
    const unseen = { code: "privilege", message: expect.stringContaining('"acme"') }
    const acts = () => log.db.query("select count(*) as n from pgtrail.act")
    const before = await acts()
    expect(await failureOf(his.createExport({ out: path("unseen"), filter: other }))).toMatchObject(unseen)
    expect(existsSync(path("unseen"))).toBe(false)
    const answer = {
      file: { name: "x.csv", rows: 0, bytes: 0, sha256: "0".repeat(64) },
      format: "csv",
      columns: ["id"],
      typed: "",
    } as const
    expect(await failureOf(his.describeAnswer({ ...answer, filter: other }))).toMatchObject(unseen)
    expect(await acts()).toEqual(before)
    const named = await his.createExport({ out: path("named"), filter: { organization: "globex" } })
    expect(named.manifest.filters).toEqual({ organization: "globex" })
    expect(data("named")).toBe(data("bound"))
    const described = await his.describeAnswer({ ...answer, filter: {} })
    expect(described.manifest.filters).toEqual({ organization: ["globex"] })
    expect(described.text).not.toContain("whole log")
    expect(manifest.lanes.map((lane) => lane.organization_id)).toEqual(["globex"])
    expect(manifest.population.events).toBe(made.manifest.population.events)
    expect(await failureOf(his.createExport({ out: path("bound-verify"), verify: true }))).toMatchObject({
      code: "privilege",
    })
  })

  test("an operator and a writer may not read, and nothing is left of what they tried", async () => {
    for (const right of ["operator", "writer"] as const) {
      const role = await log.db.role()
      await log.trail.grant({ right, role: role.name })
      const his = await log.db.trail({ url: role.url })
      const error = await failureOf(his.createExport({ out: path(right) }))
      expect(error).toMatchObject({ code: "privilege", hint: expect.stringContaining("reader") })
      expect(existsSync(path(right))).toBe(false)
    }
    expect(readdirSync(path(".")).filter((name) => name.endsWith(".tmp"))).toEqual([])
  })

  test("the log verifies with all these acts, and the export of a log that is not intact says so", async () => {
    expect(await log.check()).toMatchObject({ verdict: "intact", findings: [] })
  })
})
