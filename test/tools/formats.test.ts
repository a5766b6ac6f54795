// The forms of `pgtrail query`, read back by Python's own parsers: hostile texts come back as the server has them.
import { spawn } from "node:child_process"
import { afterAll, beforeAll, expect, test } from "vitest"
import { hostileTexts } from "../cli/hostile.js"
import { runInProcess } from "../cli/io.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let stored: (string | null)[][]
const fields = ["seq", "actor_name", "description", "details", "tags"]
beforeAll(async () => {
  db = await testDatabase()
  for (const [at, text] of [null, ...hostileTexts].entries()) {
    await db.query(
      `insert into pgtrail.event (organization_id, event_type, occurred_at, actor_name, description, details, tags)
       values ('acme', 'x', timestamptz '2026-12-01Z' + $1::int * interval '1 second', left($2, 1000), $2, to_jsonb(left($2, 1000)), array[left($2, 1000)])`,
      [at, text],
    )
  }
  const rows = await db.query(
    "select seq, actor_name, description, details, to_json(tags) as tags from pgtrail.event order by seq desc",
  )
  stored = rows.map((row) => fields.map((field) => row[field] ?? null))
  expect(stored).toHaveLength(hostileTexts.length + 1)
})
afterAll(() => db.drop())

async function printed(format: string): Promise<string> {
  const argv = ["query", "--limit", "all", "--format", format, "--fields", fields.join(",")]
  const { stdout, exit } = await runInProcess(argv, { env: { PGTRAIL_URL: db.url } })
  expect(exit).toBe(0)
  return stdout
}

/** Reads stdin by `program`, which leaves a list of rows, each a list of texts, in `rows`. */
async function python(program: string, input: string): Promise<unknown> {
  const child = spawn("python3", [
    "-c",
    `import sys, io, json, csv\nimport xml.etree.ElementTree as tree\ncsv.field_size_limit(1 << 30)
text = io.TextIOWrapper(sys.stdin.buffer, "utf-8", newline="")\nfields = ${JSON.stringify(fields)}
${program}\nprint(json.dumps(rows))`,
  ])
  const said: Buffer[] = []
  child.stdout.on("data", (chunk) => said.push(chunk))
  child.stdin.end(input)
  const code = await new Promise((resolve) => child.on("close", resolve))
  expect(code).toBe(0)
  return JSON.parse(Buffer.concat(said).toString())
}

/** JSON columns as values: Python writes them otherwise. */
const values = (rows: unknown): unknown =>
  (rows as (string | null)[][]).map((row) =>
    row.map((cell, at) => (at < 3 || cell === null ? cell : JSON.parse(cell))),
  )

test("xml by xml.etree, with encoding=json where XML has no way to write a character", async () => {
  const program = `
def value(element):
    if element is None: return None
    return json.loads(element.text) if element.get("encoding") == "json" else element.text or ""
root = tree.parse(text).getroot()
assert root.get("fields").split() == fields and root.get("schema") == "pgtrail.event/1"
rows = [[value(event.find(field)) for field in fields] for event in root.findall("event")]`
  expect(values(await python(program, await printed("xml")))).toEqual(values(stored))
})

test("csv by csv, which knows no null", async () => {
  const program = "rows = list(csv.reader(text))\nassert rows.pop(0) == fields"
  const withoutNull = stored.map((row) => row.map((cell) => cell ?? ""))
  expect(await python(program, await printed("csv"))).toEqual(withoutNull)
})

test.each([
  ["ndjson", "lines = [json.loads(line) for line in text.read().rstrip('\\n').split('\\n')]"],
  ["json", "lines = json.load(text)['rows']"],
])("%s by json", async (format, read) => {
  const dump = "[l[f] if i < 3 or l[f] is None else json.dumps(l[f]) for i, f in enumerate(fields)]"
  expect(values(await python(`${read}\nrows = [${dump} for l in lines]`, await printed(format)))).toEqual(
    values(stored),
  )
})

test("csv goes back into a table by psql's \\copy, null and the empty text apart", async () => {
  await db.query(
    "create table public.back (seq bigint, actor_name text, description text, details jsonb, tags text)",
  )
  const child = spawn("psql", [
    "-X",
    "-v",
    "ON_ERROR_STOP=1",
    db.url,
    "-c",
    "\\copy public.back from stdin (format csv, header)",
  ])
  child.stdin.end(await printed("csv"))
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0)
  const rows = await db.query("select * from public.back order by seq desc")
  expect(rows.map((row) => fields.map((field) => row[field] ?? null))).toEqual(stored)
})
