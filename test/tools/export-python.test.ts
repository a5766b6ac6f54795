// Exports read back by parsers that know nothing of pgtrail: Python's csv, json and xml give the values that the server has.
import { execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventColumns, eventTypes } from "../../src/data/event-columns.js"
import type { Trail } from "../../src/data/index.js"
import { dataFiles, type ExportLog, exportLog } from "../data/export-fixture.js"

const run = promisify(execFile)
const reader = join(import.meta.dirname, "read_export.py")
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

const format = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`
const time = (column: string) =>
  `case when not isfinite(${column}) then ${column}::text
    when ${column} < '0001-01-01 00:00Z' then to_char(${column} at time zone 'UTC', ${format}) || ' BC'
    else to_char(${column} at time zone 'UTC', ${format}) end`

/** Every value as text, by the server alone; arrays as it writes them. */
async function stored(of: "csv" | "other"): Promise<(string | null)[][]> {
  const list = eventColumns.map((column) => {
    const type = eventTypes[column]
    if (type === "timestamptz") return `${time(column)} as ${column}`
    if (type === "bytea" && of === "other") return `encode(${column}, 'hex') as ${column}`
    if (type === "text[]" && of === "other")
      return `case when array_lower(${column}, 1) <> 1 then to_json(${column}::text) else to_json(${column}) end::text as ${column}`
    return `${column} as ${column}`
  })
  const rows = await log.db.query(
    `select ${list.join(", ")} from pgtrail.event e order by e.occurred_at, e.organization_id, e.lane, e.seq`,
  )
  return rows.map((row) => eventColumns.map((column) => row[column] ?? null))
}

test.each([
  ["csv", undefined],
  ["csv", 7],
  ["ndjson", undefined],
  ["xml", undefined],
  ["xml", 7],
] as const)("%s, split at %s", async (format, split) => {
  const out = log.path(`${format}-${split}`)
  await trail.createExport({ out, format, split })
  const expected = log.path(`${format}-${split}.json`)
  writeFileSync(
    expected,
    JSON.stringify({ columns: eventColumns, rows: await stored(format === "csv" ? "csv" : "other") }),
  )
  const { stdout } = await run("python3", [
    reader,
    format,
    expected,
    ...dataFiles(out).map((name) => join(out, name)),
  ])
  expect(stdout).toMatch(/^same: \d+ events\n$/)
})

test("a changed value is told, so that the comparison can fail", async () => {
  const out = log.path("changed")
  await trail.createExport({ out, format: "xml" })
  const expected = log.path("changed.json")
  const rows = await stored("other")
  const [row = []] = rows
  row[eventColumns.indexOf("event_type")] = "another"
  writeFileSync(expected, JSON.stringify({ columns: eventColumns, rows }))
  const files = dataFiles(out).map((name) => join(out, name))
  await expect(run("python3", [reader, "xml", expected, ...files])).rejects.toMatchObject({
    stdout: expect.stringContaining("event_type"),
  })
})
