// An archive that is not what its act archived is found by verify --archive. Over 250 lines because each change to one has its own.
import { createHash } from "node:crypto"
import { appendFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gunzipSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { ArchiveManifest } from "../../src/data/archive/manifest.js"
import type { VerifyOptions } from "../../src/data/index.js"
import type { ArchivedPurge } from "../../src/data/verify/archives.js"
import { checkArchives } from "../../src/data/verify/check-archives.js"
import { Findings } from "../../src/data/verify/finding.js"
import { archiveInto } from "./archived-log.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

const base = mkdtempSync(join(tmpdir(), "pgtrail-verify-"))
let log: LifecycleLog
/** Names of the archives of January and February. */
let january = ""
let february = ""

beforeAll(async () => {
  log = await lifecycleLog()
  january = await archiveInto(log, join(base, "kept"), "event_2020_01")
  february = await archiveInto(log, join(base, "kept"), "event_2020_02")
})
afterAll(async () => {
  await log.db.drop()
  rmSync(base, { recursive: true, force: true })
})

const url = (folder: string) => pathToFileURL(join(base, folder)).href
let copies = 0

/** A copy of both archives, changed by `change`; its folder. */
function altered(change: (folder: string) => void): string {
  copies += 1
  const folder = `copy-${copies}`
  cpSync(join(base, "kept"), join(base, folder), { recursive: true })
  change(join(base, folder))
  return url(folder)
}

const eventsOf = (folder: string, name = january) => join(folder, name, "events.copy.gz")
const manifestOf = (folder: string, name = january) => join(folder, name, "manifest.json")

/** Writes other events into an archive, and a manifest that fits them by its sums. */
function rewrite(folder: string, change: (lines: string[]) => string[]): void {
  const lines = gunzipSync(readFileSync(eventsOf(folder)))
    .toString("utf8")
    .split("\n")
    .slice(0, -1)
  const text = Buffer.from(`${change(lines).join("\n")}\n`)
  const gzip = gzipSync(text)
  writeFileSync(eventsOf(folder), gzip)
  const summed = (bytes: Buffer) => ({
    bytes: String(bytes.length),
    sha256: createHash("sha256").update(bytes).digest("hex"),
  })
  const manifest = JSON.parse(readFileSync(manifestOf(folder), "utf8")) as ArchiveManifest
  const files = manifest.files.map((file) => ({
    ...file,
    rows: String(change(lines).length),
    text: summed(text),
    gzip: { ...file.gzip, ...summed(gzip) },
  }))
  writeFileSync(manifestOf(folder), JSON.stringify({ ...manifest, files }))
}

const verify = (options: VerifyOptions) => log.verify({ jobs: 1, ...options })

test("archives that are what their acts made are read, and all events counted", async () => {
  const [place] = [url("kept")]
  const report = await verify({ archives: [place] })
  const [sums] = await log.db.query("select sum(events) as events from pgtrail.archive")
  expect(report).toMatchObject({
    verdict: "intact",
    findings: [],
    archives: {
      places: [place],
      in_force: "2",
      events: sums?.events,
      read: "2",
      read_events: sums?.events,
      missing: [],
      elsewhere: [],
    },
    covered: { archived: sums?.events },
  })
  const { events, archived, purged } = report.covered
  expect(BigInt(events) + BigInt(archived) + BigInt(purged)).toBe(182n)
  expect(await verify({ archives: ["recorded"] })).toMatchObject({
    verdict: "intact",
    archives: { read: "2" },
  })
  expect(await verify({})).toMatchObject({
    verdict: "intact",
    archives: { places: [], in_force: "2", read: "0" },
  })
})

test("of an organization all of each archive with events of it is read, and none of the others", async () => {
  const report = await verify({ archives: [url("kept")], organization: "acme" })
  expect(report).toMatchObject({ verdict: "intact", archives: { in_force: "2", read: "2" } })
  expect(await verify({ archives: [url("kept")], organization: "nobody" })).toMatchObject({
    archives: { in_force: "0" },
  })
})

test("several threads come to the same", async () => {
  const broken = altered((folder) => appendFileSync(eventsOf(folder), "x"))
  const one = await verify({ archives: [broken], jobs: 1 })
  const two = await verify({ archives: [broken], jobs: 2 })
  expect(two).toEqual(one)
  expect(one).toMatchObject({ verdict: "tampered", archives: { read: "1" } })
  expect(await verify({ archives: [url("kept")], jobs: 2 })).toMatchObject({
    verdict: "intact",
    archives: { read: "2" },
  })
})

test("a time range, or pieces, cannot be verified with archives, and a place must be one", async () => {
  for (const options of [{ since: "2020-01-01" }, { until: "2020-01-01" }, { maxSeconds: 9 }]) {
    await expect(verify({ ...options, archives: [url("kept")] })).rejects.toThrow("an archive is read whole")
  }
  await expect(verify({ archives: ["somewhere"] })).rejects.toThrow("a place of archives is")
})

describe("an archive is found and named that", () => {
  let purges: readonly ArchivedPurge[]
  let logIds: readonly string[]
  beforeAll(async () => {
    const rows = await log.db.query(
      `select a.act_seq, a.name, a.location, a.partition_name, a.events, a.bytes, encode(a.manifest, 'hex') as manifest,
         encode(t.digest, 'hex') as digest, t.parameters #>> '{archive,kinds}' as kinds
       from pgtrail.archive a join pgtrail.act t on t.seq = a.act_seq order by a.act_seq`,
    )
    purges = rows.map((row) => ({
      act: row.act_seq ?? "",
      name: row.name ?? "",
      location: row.location ?? "",
      partition: row.partition_name ?? "",
      bounds: undefined,
      events: row.events ?? "",
      bytes: row.bytes ?? "",
      manifest: row.manifest ?? "",
      kinds: row.kinds ?? "",
      digest: row.digest ?? "",
      restored: null,
      removed: null,
    }))
    logIds = (await log.db.query("select log_id from pgtrail.log")).map(({ log_id }) => log_id ?? "")
  })
  /** What a verification does with archives, without the log around it. */
  async function checked(place: string) {
    const findings = new Findings()
    const report = await checkArchives(
      {
        target: { connectionString: log.db.url },
        options: { archives: [place], jobs: 1 },
        events: 0,
        archives: purges,
        logIds,
        purges: { chains: new Map() },
        watched: new Map(),
        key: new Uint8Array(32),
      },
      findings,
    )
    return { report, findings: findings.list }
  }
  const replaced = (folder: string, from: string, to: string) =>
    rewrite(folder, (lines) => lines.map((line, at) => (at === 0 ? line.replace(from, to) : line)))
  test.each([
    [
      "has another byte",
      (folder: string) => {
        const bytes = readFileSync(eventsOf(folder))
        bytes[100] = (bytes[100] ?? 0) ^ 1
        writeFileSync(eventsOf(folder), bytes)
      },
    ],
    [
      "was cut off",
      (folder: string) => writeFileSync(eventsOf(folder), readFileSync(eventsOf(folder)).subarray(0, -9)),
    ],
    ["is followed by something", (folder: string) => appendFileSync(eventsOf(folder), gzipSync("x"))],
    ["has no events", (folder: string) => rmSync(eventsOf(folder))],
    ["has a file that is none of it", (folder: string) => writeFileSync(join(folder, january, "more"), "x")],
    ["has the events of another", (folder: string) => cpSync(eventsOf(folder, february), eventsOf(folder))],
    [
      "is another",
      (folder: string) => {
        rmSync(join(folder, january), { recursive: true })
        cpSync(join(folder, february), join(folder, january), { recursive: true })
      },
    ],
    ["has an empty manifest", (folder: string) => writeFileSync(manifestOf(folder), "")],
    ["has a manifest with a blank more", (folder: string) => appendFileSync(manifestOf(folder), " ")],
    [
      "has an event that was altered, and a manifest that fits",
      (folder: string) => replaced(folder, "data.read", "data.edit"),
    ],
    [
      "lost an event, with a manifest that fits",
      (folder: string) => rewrite(folder, (lines) => lines.slice(1)),
    ],
    [
      "lost its last event, with a manifest that fits",
      (folder: string) => rewrite(folder, (lines) => lines.slice(0, -1)),
    ],
    [
      "has an event twice, with a manifest that fits",
      (folder: string) => rewrite(folder, (lines) => [...lines, lines[0] ?? ""]),
    ],
    [
      "has its events in another order, with a manifest that fits",
      (folder: string) => rewrite(folder, (lines) => [...lines].reverse()),
    ],
    [
      "has a line that is no event, with a manifest that fits",
      (folder: string) => rewrite(folder, (lines) => [...lines, "x"]),
    ],
  ] satisfies [string, (folder: string) => void][])("%s", async (_, change) => {
    const { report, findings } = await checked(altered(change))
    expect(findings.map(({ kind, seq, group }) => [kind, seq, group])).toEqual([
      [
        "archive_altered",
        (await log.db.query("select act_seq from pgtrail.archive where name = $1", [january]))[0]?.act_seq,
        "object",
      ],
    ])
    expect(findings[0]?.message).toContain(january)
    expect(report).toMatchObject({ in_force: "2", read: "1", missing: [] })
  })

  test("and the verification that finds it says tampered", async () => {
    const place = altered((folder) => appendFileSync(manifestOf(folder), " "))
    const { verdict, findings, archives } = await verify({ archives: [place] })
    expect(verdict).toBe("tampered")
    const { report, findings: judged } = await checked(place)
    expect(findings.map(({ id }) => id)).toEqual(judged.map(({ id }) => id))
    expect(archives).toEqual(report)
  })

  test("is of another log", async () => {
    const other = await lifecycleLog()
    try {
      const name = await archiveInto(other, join(base, "other"), "event_2020_01")
      // The databases of tests are copies of one.
      const logId = (await other.db.query("select log_id from pgtrail.log"))[0]?.log_id
      const place = altered((folder) => {
        rmSync(join(folder, january), { recursive: true })
        cpSync(join(base, "other", name), join(folder, january), { recursive: true })
        const manifest = readFileSync(manifestOf(folder), "utf8")
        writeFileSync(
          manifestOf(folder),
          manifest.replaceAll(name, january).replaceAll(logId ?? "", "6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001"),
        )
      })
      const { verdict, findings } = await verify({ archives: [place] })
      expect([verdict, findings.length]).toEqual(["tampered", 1])
      expect(findings[0]?.message).toMatch(/it is of log [0-9a-f-]{36}$/)
    } finally {
      await other.db.drop()
    }
  })

  test("had values of an event redacted, with a manifest that fits", async () => {
    const columns = (JSON.parse(readFileSync(manifestOf(join(base, "kept")), "utf8")) as ArchiveManifest)
      .columns
    const at = (name: string) => columns.indexOf(name)
    const [event] = await log.db.query("select encode(sha256('x'), 'hex') as digest")
    const place = altered((folder) =>
      rewrite(folder, (lines) =>
        lines.map((line, index) => {
          if (index > 0) return line
          const cells = line.split("\t")
          cells[at("actor_id")] = "\\N"
          cells[at("identity_digest")] = `\\\\x${event?.digest}`
          return cells.join("\t")
        }),
      ),
    )
    expect(await verify({ archives: [place] })).toMatchObject({
      verdict: "tampered",
      findings: [{ kind: "archive_altered" }],
    })
  })
})

test("the same state of an archive is the same finding, and another change of it is another", async () => {
  const findings = async (text: string) => {
    const place = altered((folder) => appendFileSync(eventsOf(folder), text))
    return (await verify({ archives: [place] })).findings
  }
  const first = await findings("x")
  expect(first).toHaveLength(1)
  expect(await findings("x")).toEqual(first)
  expect((await findings("y")).map(({ id }) => id)).not.toEqual(first.map(({ id }) => id))
})

describe("an archive that is not there makes the verification incomplete, and is named:", () => {
  test.each([
    ["removed by hand", (folder: string) => rmSync(join(folder, january), { recursive: true })],
    ["without its manifest", (folder: string) => rmSync(manifestOf(folder))],
    [
      "under another name",
      (folder: string) => renameSync(join(folder, january), join(folder, `${january.slice(0, -1)}x`)),
    ],
  ] satisfies [string, (folder: string) => void][])("%s", async (_, change) => {
    const place = altered(change)
    const report = await verify({ archives: [place], record: true })
    expect(report).toMatchObject({
      verdict: "incomplete",
      findings: [],
      archives: { read: "1", missing: [{ name: january }] },
    })
    // What nobody has read is not remembered as verified.
    const [act] = await log.db.query(
      "select parameters->>'remembered' as remembered, parameters->'archives'->>'read' as read from pgtrail.act order by seq desc limit 1",
    )
    expect(act).toEqual({ remembered: "false", read: "1" })
  })

  test("whoever keeps two copies names both places, and what is in one of them is not missing", async () => {
    const place = altered((folder) => rmSync(join(folder, january), { recursive: true }))
    expect(await verify({ archives: [place, url("kept")] })).toMatchObject({
      verdict: "intact",
      archives: { read: "2" },
    })
  })

  test("a place that is not there", async () => {
    const { verdict, archives } = await verify({ archives: [url("nowhere")] })
    expect([verdict, archives.read, archives.missing.map(({ name }) => name).sort()]).toEqual([
      "incomplete",
      "0",
      [january, february].sort(),
    ])
  })
})

test("an archive that was copied is read elsewhere, and told so", async () => {
  expect(await verify({ archives: [altered(() => undefined)] })).toMatchObject({
    verdict: "intact",
    archives: { elsewhere: [january, february].sort() },
  })
})
