// The same event has the same bytes in every session: hostile settings change neither hashes nor what is refused.
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { from as copyFrom } from "pg-copy-streams"
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

const settings = [
  ...["LATIN1", "SQL_ASCII", "WIN1252", "EUC_JP", "BIG5"].map((name) => `client_encoding = '${name}'`),
  ...["SQL, DMY", "German", "Postgres, MDY"].map((name) => `datestyle = '${name}'`),
  ...["Asia/Kathmandu", "America/St_Johns", "-13:37"].map((name) => `timezone = '${name}'`),
  ...["postgres_verbose", "sql_standard"].map((name) => `intervalstyle = '${name}'`),
  ...[
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "standard_conforming_strings = off",
    "array_nulls = off",
  ],
  ...[
    "transform_null_equals = on",
    "quote_all_identifiers = on",
    "xmloption = document",
    "row_security = off",
  ],
  ...["search_path = ''", "search_path = 'pg_temp', 'public'", "default_transaction_deferrable = on"],
  ...["plan_cache_mode = force_generic_plan", "plan_cache_mode = force_custom_plan", "jit_above_cost = 0"],
  ...["enable_indexscan = off; set enable_bitmapscan = off; set enable_seqscan = off", "work_mem = '64kB'"],
  ...["lc_numeric = 'C'", "default_transaction_isolation = 'repeatable read'"],
]

/** Values that a session could show in another way, made on the server so that no client encoding can touch them. */
const values = `
  chr(8364) || chr(128512) || chr(233) || chr(39) || chr(92) || chr(10) as text_value,
  jsonb_build_object('n', 9007199254740993::bigint, 'd', 1.10, 'z', -0.0, 'e', 1e400::numeric, 't', chr(8364) || chr(128512),
    'deep', jsonb_build_array(jsonb_build_object('x', null))) as json_value,
  array[chr(8364), null, '', 'a,b', chr(34)] as array_value`

const insert = `insert into pgtrail.event (organization_id, event_type, occurred_at, actor_id, actor_name, ip_address,
    resource_id, description, details, before_state, tags, compliance_tags, data_size_bytes, processing_latency_ms)
  select text_value, 'x', at, text_value, '', ip, text_value, text_value, json_value, 'null', array_value,
    array_value, -9223372036854775808, -1
  from (select ${values}) v,
    unnest(array['infinity', '-infinity', '0044-03-15 12:00:00.000001 BC', '2026-11-21 00:00:00.999999+00']::timestamptz[]) at,
    unnest(array['::ffff:1.2.3.4', '2001:db8::/32', '10.1.2.3/8', '192.168.0.1']::inet[]) ip`

for (const setting of settings) {
  test(`events hash to the same bytes under ${setting.replaceAll("; set", ",")}`, async () => {
    const client = await db.client()
    await client.query(`set ${setting}`)
    await client.query(insert.replaceAll("\n", " "))
    const event = String.raw`{"event_type": "x", "organization_id": "\u20ac", "actor_name": "\u20ac\ud83d\ude00", "occurred_at": "2026-11-21T00:00:00.000001Z",
      "details": {"n": 9007199254740993, "d": 1.10, "z": -0, "t": "\u20ac"}, "tags": ["\u20ac", null], "ip_address": "2001:db8::/32"}`
    // Parameters, so that standard_conforming_strings cannot touch them.
    await client.query("select count(*) from pgtrail.append($1)", [event])
    await client.query("begin isolation level read committed; select pgtrail.import_stage()")
    await client.query("insert into pg_temp.pgtrail_stage values (1, $1)", [event])
    await client.query("select pgtrail.import_batch($1, 'ndjson', 0, 1)", [setting])
    await client.query("commit")
    await client.end()
    expect(await findBreaks(db)).toEqual([])
  })
}

test("what went in comes out: text, json and arrays are kept to the last character", async () => {
  const rows =
    await db.query(`select count(*) filter (where e.actor_id = v.text_value and e.details = v.json_value
      and e.details::text = v.json_value::text and e.tags = v.array_value and e.actor_name = '' and e.before_state = 'null') as same,
      count(*) as all
    from pgtrail.event e, (select ${values}) v where e.organization_id = v.text_value`)
  const all = String(settings.length * 16)
  expect(rows).toEqual([{ same: all, all }])
})

test("a LATIN1 session appends what it cannot show, and is told no user text by errors", async () => {
  const client = await db.client()
  await client.query("set client_encoding = 'LATIN1'")
  for (const bad of ["severity", "outcome", "data_classification"]) {
    const error: unknown = await client
      .query(`insert into pgtrail.event (event_type, ${bad}) values ('x', chr(8364))`)
      .catch((cause: unknown) => cause)
    expect(error).toMatchObject({
      code: "TR003",
      message: expect.stringMatching(new RegExp(`^${bad} must be [A-Za-z, ]+$`)),
    })
  }
})

test("COPY in LATIN1 stores what its bytes mean, row after row, though the trigger works in UTF8", async () => {
  const client = await db.client()
  await client.query("set client_encoding = 'LATIN1'")
  const lines = Array.from({ length: 500 }, () => Buffer.from("copied\tx\t\u00e9\u00df\u00ff\n", "latin1"))
  await pipeline(
    Readable.from(lines),
    client.query(copyFrom("copy pgtrail.event (organization_id, event_type, actor_name) from stdin")),
  )
  expect(
    await db.query(
      "select count(*) as n, encode(convert_to(actor_name, 'UTF8'), 'hex') as name from pgtrail.event where organization_id = 'copied' group by 2",
    ),
  ).toEqual([{ n: "500", name: "c3a9c39fc3bf" }])
  expect(await findBreaks(db)).toEqual([])
})

test("a session that forces parallel plans still appends, imports and records acts", async () => {
  const client = await db.client()
  await client.query(`select set_config(name, case vartype when 'bool' then 'on' else 'regress' end, false)
    from pg_settings where name in ('debug_parallel_query', 'force_parallel_mode')`)
  await client.query(
    "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0",
  )
  await client.query(
    "insert into pgtrail.event (organization_id, event_type) select event_type, 'parallel' from pgtrail.event limit 10",
  )
  await client.query(`select count(*) from pgtrail.append('[{"event_type": "x"}, {"event_type": "y"}]')`)
  await client.query("select count(*) from pgtrail.check_events('[{\"event_type\": 1}]')")
  // From a table that is read in parallel: a function that writes may not be called beside its workers.
  await client.query("create table big as select i from generate_series(1, 1000) i; analyze big")
  await client.query(
    "select i, (pgtrail.append(jsonb_build_object('event_type', 'big', 'external_number', i))).seq from big where i < 5",
  )
  await client.query("begin; select pgtrail.import_stage()")
  await client.query(`insert into pg_temp.pgtrail_stage values (1, '{"event_type": "x"}')`)
  await client.query("select pgtrail.import_batch('parallel', 'ndjson', 0, 1)")
  await client.query("select pgtrail.import_finish('parallel'); commit")
  await client.query("select pgtrail.record_verification('{}')")
  expect(await findBreaks(db)).toEqual([])
})
