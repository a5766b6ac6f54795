// Who may do what: what is given to the public (nothing), how functions that run as their owner are closed, and each role's grants.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const inSchema = "pronamespace = 'pgtrail'::regnamespace"

test("the public has no right to anything", async () => {
  expect(
    await db.query(
      `select p.oid::regprocedure::text as object from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
       where p.${inSchema} and a.grantee = 0
       union all
       select c.oid::regclass::text from pg_class c, aclexplode(c.relacl) a
       where c.relnamespace = 'pgtrail'::regnamespace and a.grantee = 0
       union all
       select 'schema pgtrail' from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'pgtrail' and a.grantee = 0`,
    ),
  ).toEqual([])
})

test("every function that runs as its owner is closed against the caller's schemas, and may not run in parallel workers", async () => {
  const rows = await db.query(
    `select p.proname as name, p.proparallel as parallel, (
       select split_part(s, '=', 2) from unnest(p.proconfig) s where s like 'search_path=%') as path
     from pg_proc p where p.${inSchema} and p.prosecdef`,
  )
  expect(rows.length).toBeGreaterThan(5)
  for (const row of rows)
    expect(row).toMatchObject({ path: "pg_catalog, pg_temp", parallel: expect.not.stringMatching("s") })
})

test("every table, column and function says what it is", async () => {
  expect(
    await db.query(
      `select c.oid::regclass::text as object from pg_class c
       where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p', 'v') and obj_description(c.oid, 'pg_class') is null
       union all
       select a.attrelid::regclass::text || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
       where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
         and a.attnum > 0 and not a.attisdropped and col_description(a.attrelid, a.attnum) is null
       union all
       select p.oid::regprocedure::text from pg_proc p where p.${inSchema} and obj_description(p.oid, 'pg_proc') is null
       union all
       select 'schema' from pg_namespace n where n.nspname = 'pgtrail' and obj_description(n.oid, 'pg_namespace') is null`,
    ),
  ).toEqual([])
})

const roles = ["writer", "reader", "organization_reader", "auditor", "operator", "privacy"] as const

async function holders(allowed: (role: string) => string): Promise<string> {
  const list = roles.map((role) => `${allowed(`'pgtrail_${role}'`)} as ${role}`)
  const [row = {}] = await db.query(`select ${list.join(", ")}`)
  return roles.filter((role) => row[role] === "t").join(" ")
}
const table = (name: string, right: string) =>
  holders((role) => `has_table_privilege(${role}, 'pgtrail.${name}', '${right}')`)
const column = (name: string) =>
  holders((role) => `has_column_privilege(${role}, 'pgtrail.event', '${name}', 'select')`)

test.each([
  ["event", "select", "reader auditor privacy"],
  ["event", "insert", "writer"],
  ["event_default", "select", "reader auditor"],
  ["event_default", "insert", ""],
  ["chain_head", "select", "reader auditor operator privacy"],
  ["act", "select", "auditor operator privacy"],
  ["verified_head", "select", "auditor"],
  ["incarnation", "select", "reader auditor operator privacy"],
  ["loss", "select", "auditor operator"],
  ["act_signature", "select", "auditor operator"],
  ["catalog_object", "select", "auditor operator"],
  ["import_source", "select", "auditor operator"],
  ["organization_reader", "select", "reader auditor operator"],
  ["organization_event", "select", "organization_reader"],
  ["organization_head", "select", "organization_reader"],
  ["purge", "select", "reader auditor operator privacy"],
  ["retention_rule", "select", "reader auditor operator privacy"],
  ["detached_partition", "select", "reader auditor operator privacy"],
  ["hold", "select", "auditor operator privacy"],
  ["retention_run", "select", "auditor operator"],
  ["archive", "select", "reader auditor operator privacy"],
  ["archive_kind", "select", "auditor operator privacy"],
  ["archive_failure", "select", "auditor operator"],
  ["archive_storage", "select", ""],
  ["archive_storage_part", "select", ""],
  ["job_run", "select", "auditor operator"],
  ["summary", "select", "reader auditor"],
  ["summary_actor", "select", "reader auditor"],
  ["summary_cursor", "select", "reader auditor operator"],
  ["summary_recount", "select", "reader auditor operator"],
  ["redaction_entry", "select", "reader auditor operator privacy"],
  ["redaction", "select", "auditor privacy"],
  ["redacting", "select", ""],
  ["redacting", "insert", ""],
  ["subject_rule", "select", "reader auditor operator privacy"],
  ["subject_restriction", "select", "auditor privacy"],
  ["subject_request", "select", "auditor operator privacy"],
  ["privacy_key", "select", ""],
  ["pseudonym", "select", ""],
  ["append_batch", "select", ""],
  ["sealing", "insert", ""],
  ["log", "select", "writer reader organization_reader auditor operator privacy"],
  ["migration", "select", "writer reader organization_reader auditor operator privacy"],
  ["setting", "select", "writer reader organization_reader auditor operator privacy"],
])("pgtrail.%s: who may %s", async (name, right, expected) => {
  expect(await table(name, right)).toBe(expected)
})

/** What runs of retention and jobs did is a note, and no evidence: whoever makes them writes it. */
const notes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  retention_run: { insert: "operator", update: "operator" },
  job_run: { insert: "auditor operator", update: "auditor operator", delete: "auditor operator" },
}

test("nobody but the owner may change or empty a table, and only a writer inserts", async () => {
  const names = await db.query(
    "select relname as name from pg_class where relnamespace = 'pgtrail'::regnamespace and relkind in ('r', 'p', 'v')",
  )
  for (const { name } of names) {
    for (const right of ["update", "delete", "truncate", "trigger", "references"]) {
      const may = notes[String(name)]?.[right] ?? ""
      expect(`${name} ${right}: ${await table(String(name), right)}`).toBe(`${name} ${right}: ${may}`)
    }
    const inserts = notes[String(name)]?.insert ?? ""
    if (name !== "event") expect(await table(String(name), "insert")).toBe(inserts)
  }
})

test("a writer and an operator read places and nothing that an event says", async () => {
  expect(await column("id")).toBe("writer reader auditor privacy")
  for (const name of ["organization_id", "lane", "seq", "recorded_at", "hash"]) {
    expect(await column(name)).toBe("writer reader auditor operator privacy")
  }
  for (const name of ["details", "actor_id", "occurred_at", "event_type", "identity_salt"]) {
    expect(await column(name)).toBe("reader auditor privacy")
  }
})

const operating = [
  "record_checkpoint",
  "accept_finding",
  "set_setting",
  "open_incarnation",
  "purge_events",
  "refresh_summary",
  "recount_summary",
  "rebuild_summary",
  "add_type",
  "add_hold",
  "release_hold",
  "set_retention",
  "purge_partition",
  "split_default",
  "detach_partition",
  "attach_partition",
  "default_times",
  "archive_places",
  "restore_archive",
  "record_restore",
  "remove_archive",
  "note_archive_failure",
  "forget_archive_failure",
]
/** Whoever answers the requests of people: nobody else redacts, reveals, or reads whom a pseudonym stands for. */
const answering = [
  "subject_stage",
  "find_subject",
  "find_listed",
  "plan_cases",
  "subject_view",
  "redact_begin",
  "redact_partition",
  "record_redaction",
  "named_holds",
  "redacted_partitions",
  "rewrite_partition",
  "rewrite_summary",
  "analyze_log",
  "restage_archive",
  "add_privacy_key",
  "destroy_privacy_key",
  "privacy_keys",
  "add_pseudonym",
  "find_pseudonym",
  "forget_pseudonym",
  "reveal",
  "revealed",
  "restrict_subject",
  "unrestrict_subject",
  "add_request",
  "extend_request",
  "close_request",
  "note_request_act",
  "rectify_event",
]
/** What tells of events, holds and archives without changing anything of them, and what more than one role does. */
const telling: Readonly<Record<string, string>> = {
  fold_text: "reader organization_reader auditor operator privacy",
  held_events: "auditor operator",
  holds_on: "auditor operator",
  retention_plan: "auditor operator",
  retention_of: "reader auditor operator",
  partitions: "reader auditor operator privacy",
  partition_range: "reader auditor operator",
  archive_until: "reader auditor operator privacy",
  stored_files: "auditor operator privacy",
  stored_parts: "auditor operator privacy",
  read_stored: "auditor operator privacy",
  note_retrieved: "auditor operator privacy",
  record_backup: "auditor operator",
  record_export: "reader organization_reader auditor operator privacy",
  sign_act: "operator privacy",
  analyze_partition: "operator privacy",
  restore_stage: "operator privacy",
  store_file: "operator privacy",
  store_done: "operator privacy",
  remove_stored: "operator privacy",
  add_subject_rule: "operator privacy",
  remove_subject_rule: "operator privacy",
}

test("functions: a writer appends and imports, an auditor records that he verified, an operator acts, who reads records his exports, privacy redacts and reveals, nobody records acts", async () => {
  const functions = await db.query(
    `select p.oid::regprocedure::text as name, p.proname from pg_proc p where p.${inSchema}`,
  )
  for (const { name, proname } of functions) {
    const may = await holders((role) => `has_function_privilege(${role}, '${name}', 'execute')`)
    const expected = /^(append|check_events|import_\w+)$/.test(proname ?? "")
      ? "writer"
      : proname === "record_verification"
        ? "auditor"
        : operating.includes(proname ?? "")
          ? "operator"
          : answering.includes(proname ?? "")
            ? "privacy"
            : (telling[proname ?? ""] ?? "")
    expect(`${name}: ${may}`).toBe(`${name}: ${expected}`)
  }
})

test("what each role does is refused to the others, by the server itself", async () => {
  await db.query("insert into pgtrail.event (event_type, details) values ('a', '{}')")
  const attempts: [role: string, sql: string, refused: boolean][] = [
    [
      "pgtrail_writer",
      "insert into pgtrail.event (event_type) values ('b') returning id, lane, seq, hash",
      false,
    ],
    ["pgtrail_writer", "select details from pgtrail.event", true],
    ["pgtrail_writer", "select pgtrail.record_act('verify', '{}')", true],
    ["pgtrail_writer", "insert into pgtrail.event_default (event_type) values ('b')", true],
    ["pgtrail_reader", "select details from pgtrail.event", false],
    ["pgtrail_reader", "insert into pgtrail.event (event_type) values ('b')", true],
    ["pgtrail_reader", "select * from pgtrail.act", true],
    ["pgtrail_auditor", "select * from pgtrail.act", false],
    ["pgtrail_auditor", "select pgtrail.record_act('verify', '{}')", true],
    ["pgtrail_organization_reader", "select details from pgtrail.event", true],
    ["pgtrail_organization_reader", "select * from pgtrail.incarnation", true],
    ["pgtrail_organization_reader", "select number, log_id from pgtrail.incarnation", false],
    ["pgtrail_reader", "select * from pgtrail.organization_event", true],
    ["pgtrail_operator", "select details from pgtrail.event", true],
    ["pgtrail_operator", "select pgtrail.redact_begin()", true],
    ["pgtrail_privacy", "select details from pgtrail.event", false],
    ["pgtrail_privacy", "update pgtrail.event set details = null", true],
    ["pgtrail_privacy", "select * from pgtrail.pseudonym", true],
    ["pgtrail_owner", "delete from pgtrail.event", true],
  ]
  for (const [role, sql, refused] of attempts) {
    const outcome = await db.asRole(role, (client) =>
      client.query(sql).then(
        () => false,
        () => true,
      ),
    )
    expect([role, sql, outcome]).toEqual([role, sql, refused])
  }
})
