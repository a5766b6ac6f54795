// What every object of the schema owes its reader: a comment, a fixed search path, no grant to everybody.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

test("every table, column, function and the schema itself says what it is for", async () => {
  const rows = await db.query(`
    select 'schema pgtrail' as missing where obj_description('pgtrail'::regnamespace, 'pg_namespace') is null
    union all
    select c.oid::regclass::text from pg_class c
    where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
      and obj_description(c.oid, 'pg_class') is null
    union all
    select c.oid::regclass || '.' || a.attname
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
      and col_description(c.oid, a.attnum) is null
    union all
    select p.oid::regprocedure::text from pg_proc p
    where p.pronamespace = 'pgtrail'::regnamespace and obj_description(p.oid, 'pg_proc') is null`)
  expect(rows).toEqual([])
})

test("every SECURITY DEFINER function fixes its search path, pg_temp last, and its encoding", async () => {
  const rows = await db.query(`select p.proname, p.proconfig::text from pg_proc p
    where p.pronamespace = 'pgtrail'::regnamespace and p.prosecdef
      and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp', 'client_encoding=UTF8'], false)`)
  expect(rows).toEqual([])
})

test("no SECURITY DEFINER function runs in a parallel worker, and none that writes beside one", async () => {
  // client_encoding cannot be set in a worker; rows, transaction ids and subtransactions cannot be made beside one.
  const rows = await db.query(`select proname from pg_proc
    where pronamespace = 'pgtrail'::regnamespace and (prosecdef and proparallel = 's'
      or proparallel <> 'u' and prokind = 'f' and provolatile = 'v' and proname not in ('guard', 'generate_id')
      or proparallel <> 'u' and prosrc ~* '\\m(insert into|delete from|exception\\s+when)\\M')`)
  expect(rows).toEqual([])
})

test("a function without a search path of its own is granted to nobody, but for one whose names are all qualified", async () => {
  const rows = await db.query(`select p.proname, a.grantee::regrole from pg_proc p, aclexplode(p.proacl) a
    where p.pronamespace = 'pgtrail'::regnamespace and a.grantee <> p.proowner
      and not coalesce(p.proconfig::text ~ 'search_path', false)`)
  expect([...new Set(rows.map(({ proname }) => proname))]).toEqual(["fold_text"])
  const [row] = await db.query(
    "select prosrc as body from pg_proc where oid = 'pgtrail.fold_text(text)'::regprocedure",
  )
  const words = String(row?.body)
    .replaceAll(/'[^']*'|--.*|"C"/g, "")
    .replaceAll(/pg_catalog\.\w+|operator\(pg_catalog\.=\)/g, "")
  expect(words).toMatch(/^(?:\s|[(),]|\b(?:select|case|when|then|else|end|value|collate)\b)*$/)
})

test("no function of pgtrail takes part in a plan as IMMUTABLE or STABLE while it writes", async () => {
  const rows = await db.query(`select proname from pg_proc
    where pronamespace = 'pgtrail'::regnamespace and provolatile <> 'v' and prosrc ~* '\\m(insert|delete|update)\\M\\s'`)
  expect(rows).toEqual([])
})

test("everything belongs to pgtrail_owner, who cannot log in", async () => {
  const rows = await db.query(`
    select c.oid::regclass::text as object from pg_class c
    where c.relnamespace = 'pgtrail'::regnamespace and c.relowner <> 'pgtrail_owner'::regrole
    union all
    select p.oid::regprocedure::text from pg_proc p
    where p.pronamespace = 'pgtrail'::regnamespace and p.proowner <> 'pgtrail_owner'::regrole`)
  expect(rows).toEqual([])
  expect(
    await db.query(
      "select rolcanlogin, rolsuper, rolcreaterole, rolbypassrls from pg_roles where rolname ~ '^pgtrail_(owner|writer|reader|organization_reader|auditor|operator|privacy)$' group by 1, 2, 3, 4",
    ),
  ).toEqual([{ rolcanlogin: "f", rolsuper: "f", rolcreaterole: "f", rolbypassrls: "f" }])
})

test("nothing but keys that pgtrail sets itself is unique in the event table", async () => {
  const rows = await db.query(`select pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid = 'pgtrail.event'::regclass and indisunique`)
  expect(rows.map((row) => row.definition?.replace(/^.* USING /, ""))).toEqual([
    "btree (organization_id, lane, seq, occurred_at)",
  ])
})

test("a publication of all tables does not stop redaction and purge: every partition has a replica identity", async () => {
  const rows = await db.query(`select c.oid::regclass::text as name from pg_class c
    where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p') and (c.relreplident in ('n')
      or c.relreplident = 'd' and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary))`)
  expect(rows).toEqual([])
})
