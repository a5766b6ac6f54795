// Exports: what is written, in every form; that it verifies without a database; and what the manifest says of it.
import { createReadStream, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { setTimeout as pause } from "node:timers/promises"
import { from } from "pg-copy-streams"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { contentFields, identityFields } from "../../src/data/canonical.js"
import { eventColumns } from "../../src/data/event-columns.js"
import { fieldsOf, RowCutter } from "../../src/data/export/csv.js"
import { refuseTelling } from "../../src/data/export/shape.js"
import { verifyExport } from "../../src/data/export/verify.js"
import type { Trail } from "../../src/data/index.js"
import { type CriterionName, criterionNames } from "../../src/data/query/criteria.js"
import { conditionText } from "../../src/data/query/filter.js"
import { wholeLog } from "../../src/data/query/source.js"
import { dataFiles, type ExportLog, edit, exportLog, hostile, ndjsonRows } from "./export-fixture.js"
import { failureOf } from "./failure.js"

let log: ExportLog
let trail: Trail
beforeAll(async () => {
  log = await exportLog()
  trail = await log.db.trail()
})
afterAll(async () => {
  await log?.db.drop()
  log?.remove()
})

/** Values that their criteria take, where any text is none. */
const samples: Partial<Record<CriterionName, string>> = {
  severity: "error",
  outcome: "denied",
  ip: "10.0.0.0/8",
  resource: "file/1",
  statusCode: "404",
  classification: "RESTRICTED",
  at: "acme/0/1",
  where: "$.a",
}

const july = { since: "2026-07-01T00:00:00Z", until: "2026-08-01T00:00:00Z" }
const read = (folder: string, name: string) => readFileSync(join(log.path(folder), name), "utf8")

function csvRows(text: string): (string | null)[][] {
  const rows: (string | null)[][] = []
  new RowCutter((bytes, start, end) => rows.push(fieldsOf(bytes.toString("utf8", start, end)) ?? [])).push(
    Buffer.from(text),
  )
  return rows
}

describe("evidence", () => {
  test.each(["csv", "ndjson", "xml"] as const)(
    "%s of the whole log verifies offline, odd values and times too",
    async (format) => {
      const made = await trail.createExport({ out: log.path(`whole-${format}`), format })
      const [count] = await log.db.query("select count(*) as n from pgtrail.event")
      expect(made.manifest).toMatchObject({
        kind: "evidence",
        checks: "chain",
        population: { events: count?.n, exported: count?.n, omitted: "0" },
      })
      const report = await verifyExport(log.path(`whole-${format}`))
      expect(report.findings).toEqual([])
      expect(report).toMatchObject({
        verdict: "intact",
        events: count?.n,
        signature: "none",
        without_values: "0",
      })
    },
  )

  test("CSV has what COPY writes, but for the form of times, and can be copied back", async () => {
    const [header, ...rows] = csvRows(read("whole-csv", "export-0001.csv"))
    expect(header).toEqual(eventColumns)
    const at = (column: string) => (header ?? []).indexOf(column)
    const stored = await log.db.query(
      `select to_jsonb(e)::text as row, e.tags::text, e.hash::text from pgtrail.event e
       order by occurred_at, organization_id, lane, seq`,
    )
    expect(rows.length).toBe(stored.length)
    expect(rows.map((row) => row[at("tags")])).toEqual(stored.map(({ tags }) => tags))
    expect(rows.map((row) => row[at("hash")])).toEqual(stored.map(({ hash }) => hash))
    const descriptions = rows.map((row) => row[at("description")] ?? null)
    for (const value of hostile) expect(descriptions).toContain(value)
    expect(descriptions).toContain(null)
    const times = rows.map((row) => row[at("occurred_at")] ?? "")
    expect(times.filter((time) => !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(time)).sort()).toEqual(
      ["-infinity", "0044-03-15T12:00:00.000000Z BC", "12026-01-01T00:00:00.250000Z", "infinity"].sort(),
    )
    await log.db.query("create table public.back (like pgtrail.event)")
    const client = await log.db.client()
    const into = client.query(from("copy public.back from stdin (format csv, header)"))
    await pipeline(createReadStream(join(log.path("whole-csv"), "export-0001.csv")), into)
    await client.end()
    expect(
      await log.db.query("select * from (select * from public.back except select * from pgtrail.event) d"),
    ).toEqual([])
  })

  test("NDJSON has the lines of pgtrail query, but for arrays whose bounds JSON cannot tell", async () => {
    const rows = ndjsonRows(read("whole-ndjson", "export-0001.ndjson"))
    const asked: Record<string, string | null>[] = []
    for await (const row of await trail.query({ order: "oldest" })) asked.push({ ...row })
    expect(rows.length).toBe(asked.length)
    const byHash = new Map(asked.map((row) => [JSON.stringify(row.hash), row]))
    for (const row of rows) {
      const expected = byHash.get(row.get("hash") ?? "")
      for (const column of eventColumns) {
        const isJson = ["details", "before_state", "after_state", "request_params"].includes(column)
        const value = expected?.[column] ?? null
        if (["tags", "compliance_tags"].includes(column)) {
          if (row.get(column)?.startsWith('"')) expect(row.get(column)).toBe('"[0:1]={a,\\"b c\\"}"')
          else expect(row.get(column)).toBe(value ?? "null")
        } else expect(row.get(column)).toBe(isJson ? (value ?? undefined) : JSON.stringify(value))
      }
    }
  })

  test("a document null is not the same as no document: each verifies in every form, and neither can be put for the other", async () => {
    const nulls = ["details", "before_state", "after_state", "request_params"] as const
    const filter = { organization: "nulls" }
    for (const format of ["csv", "ndjson", "xml"] as const) {
      await trail.createExport({ out: log.path(`nulls-${format}`), format, filter })
      const report = await verifyExport(log.path(`nulls-${format}`))
      expect(report).toMatchObject({ verdict: "intact", findings: [], events: "2" })
    }
    const rows = ndjsonRows(read("nulls-ndjson", "export-0001.ndjson"))
    for (const column of nulls) expect(rows.map((row) => row.get(column))).toEqual(["null", undefined])
    const out = log.copyOf("nulls-ndjson", "nulls-changed")
    edit(out, "export-0001.ndjson", (text) => text.replace('"before_state":null,', ""))
    expect((await verifyExport(out)).findings[0]).toMatchObject({
      kind: "altered",
      message: "its hash does not belong to what it says",
    })
  })

  test("a month: what lies between and occurred outside of it is counted, lane by lane, and the chain verifies across it", async () => {
    const { manifest } = await trail.createExport({
      out: log.path("july"),
      filter: { organization: "acme", ...july },
      key: log.pair.secret,
    })
    expect(manifest.population).toEqual({ events: "41", exported: "41", omitted: "0" })
    expect(manifest.lanes).toMatchObject([
      {
        organization_id: "acme",
        lane: "0",
        events: "38",
        first: { seq: "1" },
        last: { seq: "40" },
        missing: [{ first: "21", last: "22", outside: "2", purged: [], unexplained: "0" }],
      },
      { lane: expect.stringMatching(/^1\d{3}$/), events: "3", missing: [] },
    ])
    const report = await verifyExport(log.path("july"), { publicKeys: [log.path("audit.pub")] })
    expect(report).toMatchObject({
      verdict: "intact",
      events: "41",
      signature: "good",
      signed_by: `audit+${log.pair.key.keyId}`,
      findings: [],
    })
  })

  test.each(["csv", "ndjson"] as const)(
    "without identity and content (%s) it verifies by the digests, and neither values nor salts leave",
    async (format) => {
      const out = `nameless-${format}`
      const { manifest } = await trail.createExport({
        out: log.path(out),
        format,
        filter: { organization: ["acme", "odd"] },
        exclude: ["identity"],
      })
      expect(manifest.statement.join(" ")).toContain("columns that say who acted are left out")
      const text = read(out, dataFiles(log.path(out))[0] ?? "")
      expect(text).not.toMatch(/user-1|@example\.com|Name 3|actor_id|identity_salt/)
      expect(text).toContain("content_salt")
      const [salt] = await log.db.query(
        "select identity_salt from pgtrail.event where organization_id = 'acme' limit 1",
      )
      expect(text).not.toContain(salt?.identity_salt)
      const report = await verifyExport(log.path(out))
      expect(report).toMatchObject({ verdict: "intact", findings: [], without_values: report.events })
      const all = await trail.createExport({
        out: log.path(`${out}-bare`),
        format,
        exclude: ["content", "identity"],
      })
      expect(all.manifest.columns).not.toContain("details")
      expect(await verifyExport(log.path(`${out}-bare`))).toMatchObject({ verdict: "intact", findings: [] })
    },
  )

  test("split files each stand for themselves, and verify together", async () => {
    for (const format of ["csv", "ndjson", "xml"] as const) {
      const out = `split-${format}`
      const { manifest } = await trail.createExport({
        out: log.path(out),
        format,
        split: 10,
        filter: { organization: "acme" },
      })
      expect(manifest.files.map(({ rows }) => rows)).toEqual(["10", "10", "10", "10", "8"])
      expect(manifest.files[4]?.name).toBe(`export-0005.${format}`)
      if (format === "csv")
        for (const file of dataFiles(log.path(out))) expect(read(out, file)).toMatch(/^id,external_id/)
      expect(await verifyExport(log.path(out))).toMatchObject({ verdict: "intact", events: "48", files: "5" })
    }
  })

  test("an export of nothing is one, and says so", async () => {
    for (const format of ["csv", "ndjson", "xml"] as const) {
      const out = log.path(`empty-${format}`)
      const { manifest } = await trail.createExport({ out, format, filter: { organization: "nobody" } })
      expect(manifest.population.events).toBe("0")
      expect(manifest.files).toMatchObject([{ rows: "0" }])
      expect(await verifyExport(out)).toMatchObject({ verdict: "intact", events: "0" })
    }
  })
})

test("while eight writers write, rows, counts and lanes are of one moment, and verify", async () => {
  const stop = { now: false }
  const writers = Array.from({ length: 8 }, async () => {
    const client = await log.db.client()
    while (!stop.now) {
      await client.query(
        "insert into pgtrail.event (organization_id, event_type, occurred_at) select 'busy', 'x', timestamptz '2026-06-15 00:00Z' + random() * interval '80 days' from generate_series(1, 5)",
      )
      // Often enough that each statement of an export has writers before and behind it.
      await pause(10)
    }
    await client.end()
  })
  for (const format of ["csv", "ndjson"] as const) {
    const out = log.path(`busy-${Math.random()}`)
    const { manifest } = await trail.createExport({ out, format, filter: { organization: "busy" } })
    const sum = manifest.lanes.reduce((total, { events }) => total + Number(events), 0)
    expect(String(sum)).toBe(manifest.population.exported)
    // From the first of every lane, without a hole: nothing that committed later, and nothing of a part of a transaction.
    for (const lane of manifest.lanes)
      expect(lane).toMatchObject({ first: { seq: "1" }, last: { seq: lane.events }, missing: [] })
    expect(await verifyExport(out)).toMatchObject({ verdict: "intact", findings: [], events: String(sum) })
  }
  stop.now = true
  await Promise.all(writers)
})

describe("an extract", () => {
  test("counts what it omits, says so, and each event verifies by itself", async () => {
    const { manifest } = await trail.createExport({
      out: log.path("denied"),
      filter: { organization: "acme", outcome: "denied", not: { actor: "user-1" }, ...july },
    })
    expect(manifest).toMatchObject({ kind: "extract", checks: "hashes" })
    expect(manifest.population).toEqual({ events: "41", exported: "5", omitted: "36" })
    expect(manifest.lanes).toMatchObject([{ lane: "0", events: "5", missing: null }])
    expect(manifest.statement[0]).toBe(
      "An extract: 5 events that match what was asked for, of 41 of the organizations named in the time named; 36 are left out.",
    )
    expect(await verifyExport(log.path("denied"))).toMatchObject({ verdict: "intact", events: "5" })
  })

  test("hostile values in a filter are values", async () => {
    for (const value of ["'; drop table pgtrail.event; --", "\\", "$1", "%", '"', "it's \\' E'"]) {
      const out = log.path(`hostile-${Buffer.from(value).toString("hex")}`)
      const { manifest } = await trail.createExport({
        out,
        filter: { actor: [value, "user-0"], tag: value, grep: value },
      })
      expect(manifest.population.exported).toBe("0")
    }
    const { manifest } = await trail.createExport({
      out: log.path("filtered"),
      filter: { tag: ["+1", "$1"], where: '$.v == "+1"', ip: "10.0.0.0/8" },
    })
    expect(manifest.population.exported).toBe("1")
  })

  test("with some columns only the files can be checked, and the manifest says that it is no evidence", async () => {
    const { manifest } = await trail.createExport({
      out: log.path("fields"),
      columns: ["occurred_at", "actor_id", "tags"],
      filter: { organization: "acme", ...july },
    })
    expect(manifest).toMatchObject({
      kind: "extract",
      checks: "files",
      columns: ["occurred_at", "actor_id", "tags"],
    })
    expect(manifest.statement[1]).toMatch(/^Not evidence: columns are left out/)
    expect(manifest.lanes[0]).toMatchObject({ events: "38", first: { seq: "1" } })
    expect(read("fields", "export-0001.csv").split("\n")[1]).toBe("2026-07-01T01:00:00.500000Z,user-1,")
    expect(await verifyExport(log.path("fields"))).toMatchObject({ verdict: "intact", checks: "files" })
  })

  test("--excel: marked as UTF-8, CRLF, and no cell is a formula; numbers stay numbers", async () => {
    const { manifest } = await trail.createExport({
      out: log.path("excel"),
      excel: true,
      columns: ["description", "data_size_bytes", "occurred_at"],
      filter: { type: "a.b" },
    })
    expect(manifest.statement[1]).toMatch(/^Not evidence: values were changed/)
    const text = read("excel", "export-0001.csv")
    expect(text.startsWith("\ufeffdescription,data_size_bytes,occurred_at\r\n")).toBe(true)
    for (const line of [
      `"'=1+1",9007199254740993,`,
      `"'@cmd",`,
      "\n-5,",
      "\n-1.50e3,",
      "\n+1,",
      `"'\t=x"`,
      `"'\uff1dSUM(A1)"`,
      `"' \u200b=x"`,
      '"quote "" and """" and ,"',
      '"2026-07-',
    ]) {
      expect([line, text.includes(line)]).toEqual([line, true])
    }
    expect(await verifyExport(log.path("excel"))).toMatchObject({ verdict: "intact", checks: "files" })
  })
})

describe("what is refused, and what is left", () => {
  test("a folder that is there is never written over", async () => {
    const error = await failureOf(trail.createExport({ out: log.path("july") }))
    expect(error).toMatchObject({ code: "usage", message: expect.stringContaining("is there already") })
  })

  test("a folder whose parent is not there, a column of an excluded group, Excel that is no CSV", async () => {
    expect(await failureOf(trail.createExport({ out: log.path("no/where") }))).toMatchObject({ code: "file" })
    for (const wrong of [
      { exclude: ["identity"], columns: ["actor_id"] },
      { exclude: ["content"], columns: ["content_salt"] },
      { excel: true, format: "xml" },
      { split: 0 },
      { checkpoints: ["x"] },
      { filter: { where: "$.a ==" } },
      { filter: { ip: "nowhere" } },
    ] as const) {
      const error = await failureOf(trail.createExport({ out: log.path("refused"), ...wrong }))
      expect(error.code).toBe("usage")
    }
  })

  test("a criterion whose value is what the export is to exclude: the manifest would tell it", async () => {
    const telling = {
      identity: {
        actor: "u1",
        actorName: "Jane*",
        actorEmail: "j@*",
        ip: "10.0.0.1",
        device: "d",
        session: "s",
        grep: "jane",
      },
      content: {
        resource: "file/1",
        namespace: "n",
        request: "r",
        correlation: "c",
        tag: "t",
        grep: "g",
        where: "$.a",
      },
    }
    for (const [group, criteria] of Object.entries(telling)) {
      for (const [name, value] of Object.entries(criteria)) {
        for (const filter of [{ [name]: [value] }, { not: { [name]: value } }]) {
          const options = { out: log.path("refused"), filter, exclude: [group as keyof typeof telling] }
          expect(await failureOf(trail.createExport(options))).toMatchObject({
            code: "usage",
            message: expect.stringMatching(`would tell what the export is to exclude: ${group}$`),
          })
        }
      }
    }
    // The other way round nothing is told; the type of a resource and of an actor stay in the files.
    const made = await trail.createExport({
      out: log.path("telling"),
      filter: { resource: "file", actorType: "user", actor: "user-1" },
      exclude: ["content"],
    })
    expect(made.manifest.filters).toEqual({ resource: "file", actorType: "user", actor: "user-1" })
  })

  test("every criterion that reads a column of a group is among them", async () => {
    for (const [group, fields] of [
      ["identity", identityFields],
      ["content", contentFields],
    ] as const) {
      for (const name of criterionNames) {
        const value = samples[name] ?? "x"
        const { text } = conditionText({ [name]: value }, {}, wholeLog, 1)
        const reads = fields.some(([column]) => new RegExp(`\\b${column}\\b`).test(text))
        const refuse = () => refuseTelling([group], { [name]: value })
        if (reads) expect(refuse, `${name}, ${group}`).toThrow()
        else if (name !== "grep") expect(refuse, `${name}, ${group}`).not.toThrow()
      }
    }
  })

  test("a run that is stopped leaves nothing", async () => {
    const stop = new AbortController()
    const work = trail.createExport({
      out: log.path("stopped"),
      signal: stop.signal,
      progress: () => stop.abort("SIGINT"),
    })
    await expect(work).rejects.toBe("SIGINT")
    expect(() => statSync(log.path("stopped"))).toThrow()
  })

  test("nothing half written lies beside any of these", () => {
    expect(readdirSync(log.path(".")).filter((name) => name.includes(".tmp") || name === "refused")).toEqual(
      [],
    )
  })
})

describe("the act", () => {
  test("names filters and never their values, with the digest of the manifest; the log still verifies", async () => {
    const made = await trail.createExport({
      out: log.path("recorded"),
      filter: { organization: ["acme", "globex"], actor: "user-2", not: { type: "secret.*" }, ...july },
    })
    const { act } = await trail.act(made.act ?? "")
    expect(JSON.parse(act.parameters ?? "")).toEqual({
      kind: "extract",
      format: "csv",
      organizations: ["acme", "globex"],
      since: "2026-07-01T00:00:00+00:00",
      until: "2026-08-01T00:00:00+00:00",
      filters: ["actor", "not-type"],
      excluded: [],
      events: Number(made.manifest.population.exported),
      tool_version: expect.any(String),
    })
    expect(act).toMatchObject({ kind: "export", digest: made.sha256 })
    const rows: string[] = []
    for await (const one of await trail.acts({ kind: "export", limit: 1 })) rows.push(one.about ?? "")
    expect(rows).toEqual([expect.stringMatching(/^extract, csv, \d+ events of acme, globex$/)])
    const report = await trail.verify({ jobs: 1 })
    expect(report).toMatchObject({ verdict: "intact", findings: [] })
    const next = await trail.createExport({ out: log.path("verified"), verify: true })
    expect(next.manifest.verification).toMatchObject({
      verdict: "intact",
      made_for_export: true,
      findings: "0",
    })
    const later = await trail.createExport({ out: log.path("cited") })
    expect(later.manifest.verification).toMatchObject({
      act: next.manifest.verification?.act,
      verdict: "intact",
      made_for_export: false,
    })
  })

  test("the function records nothing that could be a value", async () => {
    const call = (change: Record<string, string>) => {
      const given: Record<string, string> = {
        kind: "'extract'",
        format: "'csv'",
        organizations: "null",
        since: "null",
        until: "null",
        filters: "'{actor}'",
        excluded: "'{}'",
        events: "1",
        manifest: "sha256('')",
        tool_version: "'1.0'",
        ...change,
      }
      const list = Object.entries(given).map(([name, value]) => `${name} => ${value}`)
      return log.db.query(`select pgtrail.record_export(${list.join(", ")})`)
    }
    for (const change of [
      { kind: "'anything'" },
      { kind: "null" },
      { format: "'pdf'" },
      { organizations: "array[repeat('x', 129)]" },
      { organizations: "array[null]" },
      { filters: "array['actor=jane@example.com']" },
      { filters: "array[null]" },
      { excluded: "'{salt}'" },
      { excluded: "null" },
      { events: "-1" },
      { events: "null" },
      { manifest: "'x'" },
      { manifest: "null" },
      { tool_version: "'jane doe'" },
    ]) {
      await expect(call(change as Record<string, string>)).rejects.toMatchObject({ code: "TR009" })
    }
    await call({})
  })
})
