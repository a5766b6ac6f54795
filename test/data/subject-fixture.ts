// A log in which a subject stands in several partitions and organizations, a folder for files, and a search through all that the log has.
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeEach, expect } from "vitest"
import type { ErasedSubject, EraseOptions, Identifier, Trail } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { preparedDatabase } from "./prepared-database.js"

export interface SubjectLog {
  readonly db: TestDatabase
  readonly trail: Trail
  readonly folder: string
  /** A file of the folder. */
  path(name: string): string
  read(name: string): Promise<string>
  /** Erases Jane, with all that is asked for. */
  erase(options?: Partial<EraseOptions>): Promise<ErasedSubject>
  /** The tables in which one of the texts stands, in whatever case. */
  traces(...texts: readonly string[]): Promise<string[]>
  /** Verifies: intact, with so many redacted events. */
  intact(): Promise<void>
  count(condition: string): Promise<number>
}

export const jane: readonly Identifier[] = [
  { kind: "id", value: "u-jane" },
  { kind: "email", value: "Jane.O'Neil%x@Example.org" },
  { kind: "name", value: 'Jane "JJ" O\'Neil' },
]
/** What must be nowhere when she is erased. */
export const janesWords = ["u-jane", "jane.o'neil%x@example.org", "O'Neil", "203.0.113.7"] as const

/** Two partitions have events: each costs a search for a subject as much time as all else together. */
async function fill(db: TestDatabase): Promise<void> {
  await db.query("select pgtrail.create_partitions('2026-02-15Z', '2026-03-15Z')")
  await db.query("select pgtrail.add_subject_rule('resource', null, 'user', null, null, null, null)")
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_name, actor_email, ip_address,
      resource_type, resource_id, resource_name, description, details, tags, signature)
    select o, timestamptz '2026-01-28Z' + i * interval '4 days', case when i % 2 = 0 then 'auth.login' else 'user.update' end,
      case when i % 3 = 0 then 'u-jane' else 'u-' || i end,
      case when i % 3 = 0 then 'Jane "JJ" O''Neil' else 'Bob' end,
      case when i % 3 = 0 then 'jane.o''neil%X@example.ORG' else 'bob@example.org' end,
      case when i % 3 = 0 then inet '203.0.113.7' else inet '198.51.100.1' end,
      case when i % 2 = 0 then 'doc' else 'user' end, case when i = 5 then 'u-jane' else i::text end, null,
      case when i = 5 then 'asked by JANE.o''neil%x@example.org twice' else 'nothing' end,
      case when i % 3 = 0 then '{"who": {"mail": "Jane.O''Neil%x@example.org"}, "amount": 1.10}'::jsonb end,
      case when i = 6 then array['a', 'u-jane'] end, case when i % 3 = 0 then 'sig' end
    from generate_series(1, 12) i, unnest(array['acme', 'globex']) o`)
}

/** Each test has the log as it was filled. */
export function subjectLogs(): () => SubjectLog {
  const prepared = preparedDatabase(fill)
  let log: SubjectLog | undefined
  beforeEach(async () => {
    const db = await prepared()
    const folder = await mkdtemp(join(tmpdir(), "pgtrail-subject-"))
    const trail = log?.db === db ? log.trail : await db.trail()
    log = {
      db,
      trail,
      folder,
      path: (name) => join(folder, name),
      read: (name) => readFile(join(folder, name), "utf8"),
      erase: (options = {}) =>
        trail.eraseSubject(jane, {
          reason: "Article 17",
          requestedBy: "R-12",
          confirm: "u-jane",
          ...options,
        }),
      async traces(...texts) {
        // What is attached is read with its parent.
        const tables = await db.query(
          `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'pgtrail' and c.relkind in ('r', 'v', 'p') and not c.relispartition order by 1`,
        )
        const found = tables.map(
          ({ name }) =>
            `select '${name}' as name where exists (select from ${name} t, unnest($1::text[]) w where strpos(lower(replace(t::text, '""', '"')), lower(w)) > 0)`,
        )
        return (await db.query(found.join(" union all "), [texts])).map(({ name }) => name ?? "")
      },
      async intact() {
        const report = await trail.verify({ jobs: 1, record: false })
        expect(report.findings).toEqual([])
        expect(report.verdict).toBe("intact")
      },
      count: async (condition) =>
        Number((await db.query(`select count(*) as n from pgtrail.event e where ${condition}`))[0]?.n),
    }
    return () => rm(folder, { recursive: true })
  })
  return () => {
    if (log === undefined) throw new Error("the log is made before each test")
    return log
  }
}
