// A log that has something of everything that an export must carry: hostile values, odd times, lanes, late events, other organizations.
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { members } from "../../src/data/verification/json-members.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { folder, keyPair, type Pair } from "./checkpoint-fixture.js"

export const hostile = [
  "",
  " ",
  "NULL",
  "\\N",
  "\\.",
  'quote " and "" and ,',
  "line\nfeed\r\nand\rreturn\ttab",
  "\u001b[2J\u009b31m\u0001\u001f\u007f",
  "=1+1",
  "+1",
  "-5",
  "-1.50e3",
  "@cmd",
  "\t=x",
  "\uff1dSUM(A1)",
  " \u200b=x",
  "]]>&amp;<event>",
  "</event>\n<event>",
  "\u202eright to left\u2066",
  "\ufeff\ufffe\uffff",
  '{"organization_id":"x"}',
  "👩‍💻é\u2028",
  "x".repeat(100_000),
] as const

const addresses = [
  "10.1.2.3/8",
  "10.0.0.0",
  "::1",
  "2001:db8::/32",
  "::ffff:1.2.3.4",
  "fe80::1/64",
  "0.0.0.0/0",
  "::/0",
]
const numbers = ["0", "-1", "9223372036854775807", "-9223372036854775808", null]

export interface ExportLog {
  readonly db: TestDatabase
  readonly pair: Pair
  /** In a folder of the test file's own. */
  path(name: string): string
  /** A copy of an export, to be tampered with. */
  copyOf(from: string, name: string): string
  remove(): void
}

/** July 2026: 1 to 40 of acme/0, two of them late ones of August; acme/1000; globex; odd: the hostile values and times. */
export async function exportLog(): Promise<ExportLog> {
  const db = await testDatabase()
  const { path, remove } = folder()
  const pair = keyPair("audit")
  writeFileSync(path("audit.key"), pair.secret, { mode: 0o600 })
  writeFileSync(path("audit.pub"), `${pair.line}\n`)
  writeFileSync(path("other.pub"), `${keyPair("other").line}\n`)
  await db.query("select pgtrail.create_months('2026-06-01', '2026-09-01')")
  const insert = (organization: string, count: number, time: string) =>
    db.query(
      `insert into pgtrail.event (organization_id, event_type, actor_id, actor_name, actor_email, occurred_at, details, outcome)
       select $1, 'document.read', 'user-' || i % 3, 'Name ' || i, i || '@example.com', $3::timestamptz + i * interval '1 hour',
         jsonb_build_object('n', i, 'big', 9007199254740993, 'price', 1.10), case when i % 5 = 0 then 'denied' else 'success' end
       from generate_series(1, $2::int) i`,
      [organization, count, time],
    )
  await insert("acme", 20, "2026-07-01 00:00:00.5Z")
  await insert("acme", 2, "2026-08-15 00:00Z")
  await insert("acme", 18, "2026-07-10 00:00Z")
  await insert("globex", 10, "2026-07-03 00:00Z")
  await insert("acme", 5, "2026-08-20 00:00Z")
  const client = await db.client()
  await client.query("begin isolation level repeatable read")
  await client.query(
    "insert into pgtrail.event (organization_id, event_type, occurred_at) select 'acme', 'x', '2026-07-05 00:00Z' from generate_series(1, 3)",
  )
  await client.query("commit")
  await client.end()
  for (const [at, value] of hostile.entries()) {
    await db.query(
      `insert into pgtrail.event (organization_id, external_id, event_type, actor_name, description, details, tags, ip_address,
         data_size_bytes, occurred_at, external_number, status_code)
       values ($1, left($2, 100), 'a.b', $2, $2, jsonb_build_object('v', $2::text, 'n', 1.10), array[$2, null, 'b'], $4,
         9007199254740993, $3, $5, $6)`,
      [
        at % 7 === 0 ? `odd "${value.slice(0, 40)}" org` : "odd",
        value,
        `2026-07-${10 + (at % 15)} 12:00:00.${at + 1}Z`,
        addresses[at % addresses.length],
        numbers[at % numbers.length],
        at % 4 === 0 ? null : at - 3,
      ],
    )
  }
  for (const time of ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "12026-01-01 00:00:00.25Z"]) {
    await db.query(
      `insert into pgtrail.event (organization_id, event_type, occurred_at, tags, compliance_tags)
       values ('odd', 'c.d', $1, '[0:1]={a,"b c"}', '{{a,b},{c,NULL}}')`,
      [time],
    )
  }
  // The document null, and none.
  await db.query(`insert into pgtrail.event (organization_id, event_type, occurred_at, details, before_state, after_state, request_params)
    values ('nulls', 'a.n', '2026-07-05Z', 'null', 'null', 'null', 'null'), ('nulls', 'a.n', '2026-07-06Z', null, null, null, null)`)
  return {
    db,
    pair,
    path,
    copyOf(from, name) {
      cpSync(path(from), path(name), { recursive: true })
      return path(name)
    },
    remove,
  }
}

/** Lines or rows of a file, in the order in which they stand; a row of CSV may have several lines. */
export function edit(folder: string, file: string, change: (text: string) => string): void {
  const path = join(folder, file)
  const text = readFileSync(path, "utf8")
  const now = change(text)
  if (now === text) throw new Error(`nothing was changed in ${path}`)
  writeFileSync(path, now)
}

export const dataFiles = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith("export-"))

/** The values of an NDJSON line, as they stand there. */
export const ndjsonRows = (text: string): Map<string, string>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => new Map([...(members(line) ?? [])].map(([name, { raw }]) => [name, raw])))
