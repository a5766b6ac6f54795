// A log of which the values of two people were replaced, one of them twice, and ways to tamper with it and to take that back.
import type { Trail, VerifyOptions, VerifyReport } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { redact } from "./redact-fixture.js"

export interface RedactedLog {
  readonly db: TestDatabase
  readonly trail: Trail
  /** Runs SQL as superuser with every trigger off. */
  tamper(sql: string): Promise<void>
  verify(options?: VerifyOptions): Promise<VerifyReport>
  /** `kind organization/lane/seq group`, sorted. */
  found(options?: VerifyOptions): Promise<string[]>
  /** Brings back what stood there after the last keep. */
  restore(): Promise<void>
  keep(): Promise<void>
}

const tables = [
  "event",
  "chain_head",
  "act",
  "redaction_entry",
  "redaction",
  "verified_head",
  "subject_rule",
  "subject_restriction",
]

/** Events by u0 to u4 in turn, from 1 January 2020 on one an hour, so that they stand in DEFAULT. */
export const append = (db: TestDatabase, count: number, organization: string) =>
  db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_name, actor_email, ip_address, user_agent,
        resource_type, resource_id, namespace, description, details, after_state, tags, signature)
     select $2, timestamptz '2020-01-01 00:00Z' + i * interval '1 hour', 'data.read', 'u' || i % 5, 'Person ' || i % 5,
        'u' || i % 5 || '@example.org', '10.0.0.1', 'curl', 'document', 'doc-' || i, 'ns', 'u' || i % 5 || ' read it',
        jsonb_build_object('2', 1.10, '10', jsonb_build_array('u' || i % 5, jsonb_build_object('who', 'u' || i % 5, 'n', i)),
          'hash', 'abc', 'plain', 'text'),
        to_jsonb('u' || i % 5), array['x', 'u' || i % 5], 'sig'
     from generate_series(1, $1) i`,
    [count, organization],
  )

export const pseudonym = "p1:h:k1:AAAAAAAAAAAAAAAAAAAAAA"

/** What replaces the values of u2 in the further organization with this number, until it is erased. */
const furtherPseudonym = (number: number) => `p1:h:k1:${String(number).padStart(22, "C")}`

/** `further`: so many more organizations, "case-0" and so on, of ten events each, redacted as acme is: one for each case of a test. */
export async function redactedLog({ further = 0 } = {}): Promise<RedactedLog> {
  const db = await testDatabase()
  const trail = await db.trail()
  await append(db, 40, "acme")
  await append(db, 20, "globex")
  const numbers = Array.from({ length: further }, (_, number) => number)
  for (const number of numbers) await append(db, 10, `case-${number}`)
  await redact(
    db,
    [
      ["id", "u1"],
      ["email", "u1@example.org"],
    ],
    { inText: true },
  )
  const replacements = {
    acme: pseudonym,
    globex: pseudonym.replaceAll("A", "B"),
    ...Object.fromEntries(numbers.map((number) => [`case-${number}`, furtherPseudonym(number)])),
  }
  await redact(db, [["id", "u2"]], { strategy: "hash", replacements })
  const erased = [pseudonym, ...numbers.map(furtherPseudonym)].map((value) => ["id", value] as const)
  await redact(db, erased, { inText: true })
  const tamper = async (sql: string) => {
    await db.query("set session_replication_role = replica")
    try {
      await db.query(sql)
    } finally {
      await db.query("set session_replication_role = origin")
    }
  }
  const keep = async () => {
    for (const table of tables) {
      await db.query(
        `drop table if exists public.${table}_copy; create table public.${table}_copy as select * from pgtrail.${table}`,
      )
    }
  }
  await keep()
  const verify = (options: VerifyOptions = {}) => trail.verify({ jobs: 1, record: false, ...options })
  return {
    db,
    trail,
    tamper,
    keep,
    verify,
    async found(options) {
      const { findings } = await verify(options)
      return findings
        .map(
          (f) => `${f.kind} ${f.organization_id ?? "-"}/${f.lane ?? "-"}/${f.seq ?? "-"} ${f.group ?? "-"}`,
        )
        .sort()
    },
    restore: () =>
      tamper(
        tables
          .map(
            (table) =>
              `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_copy;`,
          )
          .join("\n"),
      ),
  }
}
