// Who writes through a profile is told what to run instead of UPDATE and DELETE, and by the rights that this takes he changes and locks nothing of the log.
import type pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

const schemas = {
  mem0: "mem0",
  memoric: "memoric",
  agenttrace: "agenttrace",
  "audit-db": "audit_db",
  "ai-firewall": "ai_firewall",
} as const
/** With a column that a writer may read, and one that he may not. */
const appendOnly = [
  ["mem0.audit_logs", "id", "operation"],
  ["memoric.audit_logs", "id", "event_type"],
  ["agenttrace.audit_events", "event_id", "action"],
  ["agenttrace.audit_events_archive", undefined, "action"],
  ["audit_db.audit_log", "id", "action"],
  ["ai_firewall.log_entries", "id", "tool_name"],
] as const

let db: TestDatabase
let trail: Trail
let writer: Role
let reader: Role
let both: Role
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  ;[writer, reader, both] = [await db.role(), await db.role(), await db.role()]
  for (const [name, schema] of Object.entries(schemas)) {
    await db.query(`create schema ${schema}`)
    await trail.installProfile(name, {
      schema,
      writers: [writer.name, both.name],
      readers: [reader.name, both.name],
    })
  }
  await db.query("set timezone = 'UTC'")
  await db.query(
    "insert into mem0.audit_logs (user_id, operation, action_result) values ('u', 'o', 'allowed')",
  )
})
afterAll(() => db.drop())

/** In a transaction of its own, which is rolled back. */
async function refusal(client: pg.Client, sql: string): Promise<Partial<pg.DatabaseError>> {
  await client.query("begin")
  const error = await client.query(sql).then(
    () => ({}),
    (refused: pg.DatabaseError) => refused,
  )
  await client.query("rollback")
  return error
}

test.each(appendOnly)(
  "%s tells whoever writes what to run instead of UPDATE and DELETE, whether a row matches or not",
  async (view, id, column) => {
    const told = (op: string) => ({
      code: "42501",
      message: `${view} is append-only: ${op} refused`,
      hint: expect.stringMatching(/^Nothing was changed\. .*pgtrail retention run, pgtrail gdpr erase/),
    })
    const alone = await writer.client()
    const reads = await both.client()
    const [{ is_17: is17 }] = (
      await reads.query("select current_setting('server_version_num')::int >= 170000 as is_17")
    ).rows
    const where = id === undefined ? "" : ` where ${id}::text = 'x'`
    for (const sql of [`update ${view} set ${column} = 'x'`, `update ${view} set ${column} = 'x'${where}`])
      expect(await refusal(alone, sql), sql).toMatchObject(told("UPDATE"))
    for (const sql of [
      `delete from ${view}`,
      `delete from ${view}${where}`,
      `delete from ${view} where false`,
    ])
      expect(await refusal(alone, sql), sql).toMatchObject(told("DELETE"))
    for (const [sql, op] of [
      [`update ${view} set ${column} = 'x' where ${column} = 'y' returning *`, "UPDATE"],
      [`with gone as (delete from ${view} where ${column} = 'y' returning *) select * from gone`, "DELETE"],
      [`prepare away as delete from ${view} where ${column} = $1; execute away('y')`, "DELETE"],
      ...(is17 === "t"
        ? ([
            [
              `merge into ${view} v using (values ('x')) s (x) on v.${column} = s.x when matched then delete`,
              "DELETE",
            ],
          ] as const)
        : []),
    ] as const)
      expect(await refusal(reads, sql), sql).toMatchObject(told(op))
    await reads.end()
    await alone.end()
  },
)

test.each(appendOnly)(
  "%s refuses a reader's UPDATE and DELETE in PostgreSQL's own words",
  async (view, _, column) => {
    const session = await reader.client()
    for (const sql of [`update ${view} set ${column} = 'x'`, `delete from ${view}`])
      expect(await refusal(session, sql), sql).toMatchObject({
        code: "42501",
        message: `permission denied for view ${view.split(".")[1]}`,
      })
    await session.end()
  },
)

/** Those of pgtrail's data that whoever writes may change, or is told of what does. */
const writable = [
  ["audit_db.audit_retention_policy"],
  ["audit_db.audit_integrity_log"],
  ["audit_db.config_change_event"],
] as const
const strong = ["share update exclusive", "share", "share row exclusive", "exclusive", "access exclusive"]

test("nobody locks what is under a view of a profile, neither its rows nor its tables, whatever he may write", async () => {
  const views = await db.query(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'v' and n.nspname = any ($1) and has_any_column_privilege($2, c.oid, 'insert, update, select') order by 1`,
    [Object.values(schemas), both.name],
  )
  expect(views.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...appendOnly, ...writable].map(([view]) => view)),
  )
  const session = await both.client()
  for (const { name } of views) {
    for (const mode of strong) {
      for (const nowait of ["", " nowait"]) {
        const sql = `lock table ${name} in ${mode} mode${nowait}`
        expect((await refusal(session, sql)).code, sql).toBe("42501")
      }
    }
    for (const mode of ["update", "no key update", "share", "key share"]) {
      const sql = `select from ${name} for ${mode}`
      expect((await refusal(session, sql)).code, sql).toMatch(/^42501$|^0A000$/)
    }
  }
  // Nor before it is refused: what is locked and given back at once would wait for everybody who has it, and everybody behind it.
  await db.query(
    "begin; lock table pgtrail.event, pgtrail.act, pgtrail.retention_rule, pgtrail.log, pgtrail.purge, pgtrail.archive, pgtrail.subject_restriction in access exclusive mode",
  )
  try {
    for (const [view] of [...appendOnly, ...writable])
      expect((await refusal(session, `lock table ${view} in access exclusive mode`)).code, view).toBe("42501")
  } finally {
    await db.query("rollback")
  }
  await session.end()
})

test.each([
  ["audit_db.audit_integrity_log", "verification_status", "pgtrail verify"],
  ["audit_db.config_change_event", "field", "pgtrail setting set"],
])("%s tells whoever writes what makes its rows", async (view, column, command) => {
  const session = await writer.client()
  for (const [sql, op] of [
    [`insert into ${view} (${column}) values ('x')`, "INSERT"],
    [`update ${view} set ${column} = 'x'`, "UPDATE"],
    [`delete from ${view}`, "DELETE"],
  ] as const)
    expect(await refusal(session, sql), sql).toMatchObject({
      code: "42501",
      message: `${view} shows what pgtrail records itself: ${op} refused`,
      hint: expect.stringContaining(command),
    })
  await session.end()
})

test("the owner of the log gives itself back the right to lock, and that shows", async () => {
  await db.query("grant update on mem0.pgtrail_mem0_event to pgtrail_owner")
  const [shown] = (await trail.profile("mem0")).installed
  expect(shown?.objects.filter(({ state }) => state !== "as installed")).toEqual([
    {
      name: "pgtrail_mem0_event",
      kind: "view",
      state: "changed",
      differs: ["UPDATE granted to pgtrail_owner"],
    },
  ])
  await trail.installProfile("mem0", { schema: "mem0" })
  expect(
    (await trail.profile("mem0")).installed[0]?.objects.filter(({ state }) => state !== "as installed"),
  ).toEqual([])
})

test("what a database gives to somebody on everything that is new, it gives on nothing of a profile", async () => {
  const curious = await db.role()
  await db.query(`create schema given; grant usage on schema given to "${curious.name}"`)
  const privileges = (what: string) =>
    ["tables", "sequences", "functions"].map(
      (kind) =>
        `alter default privileges for role pgtrail_owner in schema given ${what.replace("KIND", kind)} "${curious.name}"`,
    )
  await db.query(privileges("grant all on KIND to").join("; "))
  try {
    for (const name of ["memoric", "audit-db", "ai-firewall"]) {
      await trail.removeProfile(name, { schema: schemas[name as keyof typeof schemas] })
      await trail.installProfile(name, { schema: "given" })
      expect(
        (await trail.profile(name, "given")).installed[0]?.objects.filter(
          ({ state }) => state !== "as installed",
        ),
      ).toEqual([])
    }
    const session = await curious.client()
    for (const name of [
      "pgtrail_memoric_event",
      "audit_logs",
      "pgtrail_audit_db_act",
      "users",
      "pseudonym_mapping",
    ])
      await expect(session.query(`select from given.${name}`), name).rejects.toMatchObject({ code: "42501" })
    await session.end()
  } finally {
    await db.query(privileges("revoke all on KIND from").join("; "))
  }
})

test("where the log belongs to a superuser, who can take no right from himself, a writer is refused by PostgreSQL, and locks nothing either", async () => {
  const own = await testDatabase({ empty: true })
  const log = await own.trail()
  await log.install({ roles: false })
  const theirs = await own.role()
  await log.installProfile("mem0", { writers: [theirs.name] })
  const session = await theirs.client()
  await session.query(
    "insert into audit_logs (user_id, operation, action_result) values ('u', 'o', 'allowed')",
  )
  for (const sql of [
    "delete from audit_logs",
    "lock table audit_logs in share mode",
    "select id from audit_logs for update",
  ])
    expect(await refusal(session, sql), sql).toMatchObject({
      code: "42501",
      message: "permission denied for view audit_logs",
    })
  await session.end()
  const objects = (await log.profile("mem0")).installed[0]?.objects
  expect(objects?.filter(({ state }) => state !== "as installed")).toEqual([])
  await own.drop()
})
