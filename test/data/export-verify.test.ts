// An export that somebody has tampered with: each way is found, and named by file, line and event.
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { recompute } from "../../src/data/canonical.js"
import { fieldsOf } from "../../src/data/export/csv.js"
import { describeCheck } from "../../src/data/export/describe.js"
import type { ExportReport } from "../../src/data/export/report.js"
import { verifyExport } from "../../src/data/export/verify.js"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { edit } from "./export-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
const pair = keyPair("audit")
let db: TestDatabase
let other: TestDatabase
let trail: Trail
const key = path("audit.pub")

/** One lane of 30 events, a line each, in three files; an extract; a checkpoint of the 30th event. */
beforeAll(async () => {
  db = await testDatabase()
  other = await testDatabase()
  writeFileSync(key, `${pair.line}\n`)
  writeFileSync(path("other.pub"), `${keyPair("other").line}\n`)
  const fill = (database: TestDatabase) =>
    database.query(
      `insert into pgtrail.event (organization_id, event_type, actor_id, description, occurred_at)
       select 'acme', 'a.b', 'user', 'event ' || i, timestamptz '2026-07-01 00:00Z' + i * interval '1 hour'
       from generate_series(1, 30) i`,
    )
  // Both were copied from one template.
  await other.query(`set session_replication_role = replica; update pgtrail.log set log_id = gen_random_uuid();
    update pgtrail.incarnation set log_id = (select log_id from pgtrail.log); reset session_replication_role`)
  await fill(db)
  await fill(other)
  trail = await db.trail()
  const given = { key: pair.secret, split: 10 }
  for (const format of ["csv", "ndjson", "xml"] as const)
    await trail.createExport({ out: path(format), format, ...given })
  await trail.createExport({ out: path("extract"), filter: { actor: "user" }, ...given })
  await (await other.trail()).createExport({ out: path("other"), ...given })
  await trail.createCheckpoint({ key: pair.secret, out: path("all.checkpoint") })
})
afterAll(async () => {
  await db?.drop()
  await other?.drop()
  remove()
})

let copies = 0
function copyOf(name: string): string {
  copies += 1
  const to = path(`copy-${copies}`)
  cpSync(path(name), to, { recursive: true })
  return to
}
const check = (at: string, options: Parameters<typeof verifyExport>[1] = { publicKeys: [key] }) =>
  verifyExport(at, options)
const brief = ({ findings }: ExportReport) =>
  findings.map(
    ({ kind, file, line, seq, message }) => `${kind} ${file ?? "-"}:${line ?? "-"} ${seq ?? "-"} ${message}`,
  )

/** Lines of events, without headings. */
const lines = (change: (rows: string[]) => string[], heading: number) => (text: string) => {
  const all = text.trimEnd().split("\n")
  return `${[...all.slice(0, heading), ...change(all.slice(heading))].join("\n")}\n`
}

test("what nobody touched is intact, by a key and a checkpoint", async () => {
  for (const name of ["csv", "ndjson", "xml", "extract"]) {
    const report = await check(path(name), { publicKeys: [key], checkpoint: path("all.checkpoint") })
    expect(brief(report)).toEqual([])
    expect(report).toMatchObject({
      verdict: "intact",
      signature: "good",
      events: "30",
      checkpoint: { lanes: "1" },
    })
  }
})

describe.each([
  ["csv", 1],
  ["ndjson", 0],
  ["xml", 2],
] as const)("%s", (format, heading) => {
  const first = `export-0001.${format}`
  const second = `export-0002.${format}`
  const sum = `file ${second}:- - its sha256 is not that of the manifest: it was altered`
  const at = (row: number) => heading + row

  test("an altered byte", async () => {
    const copy = copyOf(format)
    edit(copy, second, (text) => text.replace("event 13", "event 73"))
    const report = await check(copy)
    expect(report.verdict).toBe("tampered")
    expect(brief(report)).toEqual([
      `altered ${second}:${at(3)} 13 its hash does not belong to what it says`,
      sum,
    ])
  })

  test("a removed row", async () => {
    const copy = copyOf(format)
    edit(
      copy,
      second,
      lines((rows) => rows.filter((_, row) => row !== 4), heading),
    )
    expect(brief(await check(copy))).toEqual([
      `file ${second}:- - it has 9 rows, and 10 by the manifest`,
      sum,
      `missing ${second}:${at(4)} 15 the event is missing, after 0/14, which stands here`,
    ])
  })

  test("the first and the last rows of the lane", async () => {
    const copy = copyOf(format)
    edit(
      copy,
      first,
      lines((rows) => rows.slice(2), heading),
    )
    edit(
      copy,
      `export-0003.${format}`,
      lines((rows) => rows.slice(0, 9), heading),
    )
    expect(brief(await check(copy))).toEqual(
      expect.arrayContaining([
        "missing -:- 1 the events 1 to 2 are missing",
        `missing export-0003.${format}:${at(9)} 30 the event is missing, after 0/29, which stands here`,
      ]),
    )
  })

  test("a row twice, beside itself and elsewhere", async () => {
    const copy = copyOf(format)
    edit(
      copy,
      second,
      lines(([one = "", ...rows]) => [one, one, ...rows], heading),
    )
    expect(brief(await check(copy))).toEqual([
      `duplicated ${second}:${at(2)} 11 it stands here twice`,
      `file ${second}:- - it has 11 rows, and 10 by the manifest`,
      sum,
    ])
    const again = copyOf(format)
    // Behind the last line of XML.
    const end = format === "xml" ? 12 : 11
    edit(
      again,
      second,
      lines((rows) => [...rows, rows[0] ?? ""], heading),
    )
    expect(brief(await check(again))).toEqual(
      expect.arrayContaining([
        `reordered ${second}:${at(end)} 11 it stands after an event that comes later`,
        `duplicated ${second}:${at(end)} 11 it stands here twice`,
      ]),
    )
  })

  test("reordered rows", async () => {
    const copy = copyOf(format)
    edit(
      copy,
      second,
      lines(([a = "", b = "", ...rows]) => [b, a, ...rows], heading),
    )
    expect(brief(await check(copy))).toEqual([
      `reordered ${second}:${at(2)} 11 it stands after an event that comes later`,
      sum,
    ])
  })

  test("exchanged files", async () => {
    const copy = copyOf(format)
    renameSync(join(copy, first), join(copy, "x"))
    renameSync(join(copy, second), join(copy, first))
    renameSync(join(copy, "x"), join(copy, second))
    expect(brief(await check(copy))).toEqual(
      expect.arrayContaining([
        `file ${first}:- - it is what the manifest calls ${second}: files were exchanged`,
        `file ${second}:- - it is what the manifest calls ${first}: files were exchanged`,
      ]),
    )
  })

  test("a file that was cut off, one that is missing, and one too many", async () => {
    const copy = copyOf(format)
    edit(copy, second, (text) => text.slice(0, -200))
    rmSync(join(copy, `export-0003.${format}`))
    writeFileSync(join(copy, `export-0004.${format}`), "")
    const found = brief(await check(copy))
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(`^file ${second}:\\d+ - it ends in the middle: it was cut off$`),
        `file export-0003.${format}:- - it is missing`,
        `file export-0004.${format}:- - the manifest knows no such file`,
        expect.stringMatching(/^missing .* the events (19|20) to 30 are missing, after/),
      ]),
    )
  })

  test("a heading, and a row that is none", async () => {
    const copy = copyOf(format)
    if (heading > 0) edit(copy, first, (text) => text.replace("actor_id", "actor_xx"))
    edit(
      copy,
      second,
      lines(([, ...rows]) => ["<event>&#99999999;</event>", ...rows], heading),
    )
    expect(brief(await check(copy))).toEqual(
      expect.arrayContaining([
        ...(heading > 0 ? [`file ${first}:${heading} - the heading is not that of the export`] : []),
        `altered ${second}:${at(1)} - it is no row of an export`,
        expect.stringMatching(/^missing .* 11 the event is missing, after 0\/10/),
      ]),
    )
  })
})

describe("the manifest", () => {
  /** What anybody can do who has a text editor: the files' sums fit again. */
  function resum(copy: string): void {
    const text = readFileSync(join(copy, "manifest.json"), "utf8")
    const sums = text.replace(
      /"name":"(export-[^"]*)","rows":"(\d+)","bytes":"\d+","sha256":"[0-9a-f]{64}"/g,
      (_, name: string, rows: string) => {
        const bytes = readFileSync(join(copy, name))
        const sha256 = createHash("sha256").update(bytes).digest("hex")
        return `"name":"${name}","rows":"${rows}","bytes":"${bytes.length}","sha256":"${sha256}"`
      },
    )
    writeFileSync(join(copy, "manifest.json"), sums)
  }

  test("that was forged shows by the signature beside it, without any key", async () => {
    const copy = copyOf("csv")
    edit(copy, "manifest.json", (text) => text.replace('"created_by": "', '"created_by": "not-'))
    const report = await check(copy, {})
    expect(report).toMatchObject({ verdict: "tampered", signature: "bad" })
    expect(brief(report)).toEqual([
      "signature manifest.json.sig:- - it was signed for another manifest: one of the two was exchanged, or altered afterwards",
    ])
  })

  test("whose signature was taken away, or made by another key, is found by whoever has the key", async () => {
    const copy = copyOf("csv")
    edit(copy, "manifest.json", (text) => text.replace('"created_by": "', '"created_by": "not-'))
    rmSync(join(copy, "manifest.json.sig"))
    expect(await check(copy, {})).toMatchObject({ verdict: "intact", signature: "none" })
    expect(brief(await check(copy))).toEqual([
      "signature manifest.json.sig:- - the manifest is not signed by any key",
    ])
    const report = await check(path("csv"), { publicKeys: [path("other.pub")] })
    expect(report.verdict).toBe("tampered")
    expect(brief(report)).toEqual([
      `signature manifest.json.sig:- - none of the public keys made its signature, by key ${pair.key.keyId}`,
    ])
    const cut = copyOf("csv")
    edit(cut, "manifest.json.sig", (text) => text.replace(/ \S+\n$/, ` ${"A".repeat(90)}==\n`))
    expect((await check(cut)).signature).toBe("bad")
  })

  test("without a signature: a finding by a key alone; beside a checkpoint, which the key is for, it is said to be unsigned", async () => {
    const copy = copyOf("csv")
    rmSync(join(copy, "manifest.json.sig"))
    expect(await check(copy)).toMatchObject({ verdict: "tampered", signature: "bad" })
    const given = { publicKeys: [key], checkpoint: path("all.checkpoint") }
    const report = await check(copy, given)
    expect(report).toMatchObject({ verdict: "intact", signature: "none", checkpoint: { lanes: "1" } })
    expect(describeCheck(report)).toContain("none: whoever can change the files")
    // A signature that is there must be good.
    const bad = copyOf("csv")
    edit(bad, "manifest.json.sig", (text) => text.replace(/ \S+\n$/, ` ${"A".repeat(90)}==\n`))
    expect(await check(bad, given)).toMatchObject({ verdict: "tampered", signature: "bad" })
  })

  test("with sums that fit does not hide an altered, a removed and a moved row", async () => {
    const copy = copyOf("csv")
    edit(copy, "export-0002.csv", (text) => text.replace("event 13", "event 73"))
    resum(copy)
    rmSync(join(copy, "manifest.json.sig"))
    expect(brief(await check(copy, {}))).toEqual([
      "altered export-0002.csv:4 13 its hash does not belong to what it says",
    ])
    const fewer = copyOf("csv")
    edit(
      fewer,
      "export-0002.csv",
      lines((rows) => rows.slice(1), 1),
    )
    resum(fewer)
    rmSync(join(fewer, "manifest.json.sig"))
    edit(fewer, "manifest.json", (text) =>
      text
        .replaceAll('"30"', '"29"')
        .replace("all 30 events", "all 29 events")
        .replace('"seq":"29","hash"', '"seq":"30","hash"')
        .replace(/("export-0002.csv","rows":)"10"/, '$1"9"'),
    )
    expect(brief(await check(fewer, {}))).toEqual([
      "missing export-0001.csv:11 11 the event is missing, after 0/10, which stands here",
    ])
    const missing = (value: string) => {
      edit(fewer, "manifest.json", (text) => text.replace(/"missing":.*\}/, `"missing":${value}}`))
      return check(fewer, {})
    }
    const gap = '[{"first":"11","last":"11","outside":"0","purged":[],"unexplained":"0"}]'
    expect(brief(await missing(gap))).toEqual([
      "manifest -:- 11 the manifest gives reasons for 0 of the events 11 to 11, and for no more",
    ])
    expect(brief(await missing("null"))).toEqual([
      "manifest -:- 1 the manifest does not say why events are not here, in 1 place of the lane",
    ])
  })

  test("of a log that was rewritten from end to end with all its hashes agrees with itself, and not with the checkpoint", async () => {
    const copy = copyOf("csv")
    let previous: string | undefined
    let last = ""
    for (const name of ["export-0001.csv", "export-0002.csv", "export-0003.csv"]) {
      edit(copy, name, (text) => {
        const [header = "", ...rows] = text.trimEnd().split("\n")
        const columns = header.split(",")
        const written = rows.map((line) => {
          const fields = fieldsOf(line) ?? []
          const row = Object.fromEntries(columns.map((column, at) => [column, fields[at] ?? null]))
          if (row.description === "event 3") row.description = "nothing happened"
          if (previous !== undefined) row.previous_hash = previous
          previous = `\\x${recompute(row).hash}`
          row.hash = previous
          last = previous.slice(2)
          return columns.map((column) => row[column] ?? "").join(",")
        })
        return `${[header, ...written].join("\n")}\n`
      })
    }
    resum(copy)
    rmSync(join(copy, "manifest.json.sig"))
    edit(copy, "manifest.json", (text) =>
      text.replace(/("last":\{"seq":"30","hash":")[0-9a-f]{64}/, `$1${last}`),
    )
    expect(await check(copy, {})).toMatchObject({ verdict: "intact" })
    const report = await check(copy, { publicKeys: [key], checkpoint: path("all.checkpoint") })
    expect(brief(report)).toEqual(["altered export-0003.csv:11 30 the checkpoint knew another event here"])
  })

  test("that lets the end of a lane fall, with sums that fit, disagrees with a checkpoint from before it", async () => {
    const copy = copyOf("csv")
    rmSync(join(copy, "manifest.json.sig"))
    edit(
      copy,
      "export-0003.csv",
      lines((rows) => rows.slice(0, 8), 1),
    )
    resum(copy)
    const hash = /,\\x([0-9a-f]{64}),1,,\n$/.exec(readFileSync(join(copy, "export-0003.csv"), "utf8"))?.[1]
    edit(copy, "manifest.json", (text) =>
      text
        .replaceAll('"30"', '"28"')
        .replace("all 30 events", "all 28 events")
        .replace(/("last":\{"seq":"28","hash":")[0-9a-f]{64}/, `$1${hash}`)
        .replace(/("export-0003.csv","rows":)"10"/, '$1"8"')
        // As if it had been made after the checkpoint.
        .replace(/"created_at": "\d{4}/, '"created_at": "2999'),
    )
    expect(brief(await check(copy, {}))).toEqual([])
    expect(brief(await check(copy, { publicKeys: [key], checkpoint: path("all.checkpoint") }))).toEqual([
      "missing -:- 29 the checkpoint knows the lane up to 30, and the export ends at 28: its end was cut off",
    ])
  })

  test("of another log, with its own signature, fits nothing", async () => {
    const copy = copyOf("csv")
    for (const name of ["manifest.json", "manifest.json.sig"])
      cpSync(join(path("other"), name), join(copy, name))
    const found = brief(await check(copy))
    expect(found.filter((text) => text.startsWith("file"))).toHaveLength(3)
    expect(found).toContainEqual(
      expect.stringMatching(/^unlinked export-0001.csv:2 1 it is the first of its lane, and of another log/),
    )
    expect(found).toContainEqual(expect.stringContaining("the hash of the last event of the lane is"))
  })

  test("that contradicts itself", async () => {
    for (const [from, to, says] of [
      ['"checks": "chain"', '"checks": "files"', "it says that files can be checked"],
      ['"kind": "evidence"', '"kind": "extract"', "it says that chain can be checked"],
      ['"exported": "30"', '"exported": "31"', "the rows of its files are not the events"],
      ['"omitted": "0"', '"omitted": "1"', "are not the population"],
      ["export-0002.csv", "export-0001.csv", "it names a file twice"],
      ['"filters": {}', '"filters": {"type": "a.b"}', "it names filters"],
      ['"filters": {}', '"filters": {"organization": "globex"}', 'has a lane of "acme"'],
      ['"filters": {}', '"filters": {"since": "2026-07-01T12:00:00Z"}', "outside of the time"],
      ['"filters": {}', '"filters": {"until": "2026-07-01T12:00:00.5Z"}', "outside of the time"],
      [/"bytes":"\d+"/, '"bytes":"7"', "bytes, and 7 by the manifest"],
      ["Evidence: all 30 events", "Evidence: all 40 events", "its statement is not what its members say"],
      ['"statement": [', '"statement": ["Nothing was purged.",', "its statement is not what its members say"],
    ] as const) {
      const copy = copyOf("csv")
      rmSync(join(copy, "manifest.json.sig"))
      edit(copy, "manifest.json", (text) => text.replace(from, to))
      expect(brief(await check(copy, {}))).toContainEqual(expect.stringContaining(says))
    }
  })

  test("that is none, leads out of the folder, or is of a later pgtrail is refused before anything is read", async () => {
    for (const [from, to] of [
      ["export-0001.csv", "../../etc/passwd"],
      ['"rows":"10"', '"rows":10'],
      ['"lanes"', '"lames"'],
      ['"kind": "evidence"', '"kind": "extract", "kind": "evidence"'],
      ['"rows":"10"', '"rows":"11","rows":"10"'],
      ['"filters": {}', '"filters": {"organization": {"a": 1}}'],
      ["{", "["],
    ] as const) {
      const copy = copyOf("csv")
      edit(copy, "manifest.json", (text) => text.replace(from, to))
      expect(await failureOf(check(copy, {}))).toMatchObject({
        code: "file",
        message: expect.stringContaining("is no manifest"),
      })
    }
    const later = copyOf("csv")
    edit(later, "manifest.json", (text) => text.replace("pgtrail.export/1", "pgtrail.export/2"))
    expect(await failureOf(check(later, {}))).toMatchObject({ code: "incomplete" })
    expect(await failureOf(check(path("nowhere"), {}))).toMatchObject({ code: "file" })
  })
})

test("what hashes alike and is written otherwise is found: numbers, times, addresses, hashes, members given twice", async () => {
  for (const [format, from, to, says] of [
    ["csv", ",acme,,2026-07-01T11:00:00", ",acme,,2026-06-31T11:00:00", "its occurred_at is in no form"],
    ["csv", /(,1),,$/m, "$1x,,", "hash version 1x is unknown"],
    ["csv", /,0,11,/, ",0x,11,", "it has no place in any lane"],
    ["csv", /,0,11,/, ",99999,11,", "it has no place in any lane"],
    ["csv", /,0,11,/, ",0,-1,", "it has no place in any lane"],
    ["csv", /(,\\x[0-9a-f]{64}),1,,$/m, "$1zz,1,,", "its hash is in no form"],
    ["ndjson", '"event_type":"a.b"', '"event_type":"x","event_type":"a.b"', "it is no row of an export"],
    ["ndjson", '"lane":"0"', '"lane":0', "it is no row of an export"],
    ["csv", ",event 11,", ",event\r 11,", "it is no row of an export"],
    ["xml", ">event 11<", ">event 11&else;<", "it is no row of an export"],
    ["xml", ">event 11<", ">event 11&#x20;<", "it is no row of an export"],
    ["xml", "<lane>0<", '<lane encoding="json">0.0<', "it is no row of an export"],
  ] as const) {
    const copy = copyOf(format)
    edit(copy, `export-0002.${format}`, (text) => text.replace(from, to))
    expect(brief(await check(copy)).join("\n")).toMatch(new RegExp(says))
  }
})

test("an event with a digest beside its values is counted as redacted: the hash fits, and says nothing of them", async () => {
  const copy = copyOf("csv")
  edit(copy, "export-0002.csv", (text) => {
    const [header = "", first = "", ...rest] = text.split("\n")
    const fields = fieldsOf(first) ?? []
    const row = Object.fromEntries(header.split(",").map((column, at) => [column, fields[at] ?? null]))
    const { identity } = recompute(row)
    return [header, first.replace(",user,", ",framed,").replace(/,,$/, `,\\x${identity},`), ...rest].join(
      "\n",
    )
  })
  const report = await check(copy)
  expect(report).toMatchObject({ redacted: "1", without_values: "1" })
  expect(brief(report)).toEqual([
    "file export-0002.csv:- - its sha256 is not that of the manifest: it was altered",
  ])
})

test("a pipe in the place of a file is not waited for", async () => {
  const copy = copyOf("csv")
  rmSync(join(copy, "export-0002.csv"))
  execFileSync("mkfifo", [join(copy, "export-0002.csv")])
  expect(brief(await check(copy))).toContain("file export-0002.csv:- - it is no file")
})

test("in an extract an altered event is named, and a lane from which one was removed", async () => {
  const copy = copyOf("extract")
  edit(copy, "export-0001.csv", (text) => text.replace("event 3,", "event 9,"))
  edit(
    copy,
    "export-0002.csv",
    lines((rows) => rows.slice(1), 1),
  )
  expect(brief(await check(copy))).toEqual([
    "altered export-0001.csv:4 3 its hash does not belong to what it says",
    "file export-0002.csv:- - it has 9 rows, and 10 by the manifest",
    "file export-0001.csv:- - its sha256 is not that of the manifest: it was altered",
    "file export-0002.csv:- - its sha256 is not that of the manifest: it was altered",
    "missing -:- 30 the number of events of the lane is 29, and 30 by the manifest",
  ])
})

test("events of a hash version that this pgtrail does not know make it incomplete, not tampered", async () => {
  const copy = copyOf("csv")
  edit(copy, "export-0002.csv", (text) => text.replace(/,1,,$/m, ",2,,"))
  const report = await check(copy, {})
  expect(brief(report)[0]).toBe(
    "unknown_version export-0002.csv:2 11 its hash version 2 is unknown to this pgtrail",
  )
})

test("a checkpoint of another log is refused, and one without a key", async () => {
  await (await other.trail()).createCheckpoint({ key: pair.secret, out: path("other.checkpoint") })
  const options = { publicKeys: [key], checkpoint: path("other.checkpoint") }
  expect(await failureOf(check(path("csv"), options))).toMatchObject({ code: "other-log" })
  expect(await failureOf(check(path("csv"), { checkpoint: path("all.checkpoint") }))).toMatchObject({
    code: "usage",
  })
})
