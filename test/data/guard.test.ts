// Append-only: whoever asks, what is written stays, unless the same transaction holds the act that says otherwise.
import { afterAll, beforeAll, expect, test } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let partitions: string[]
beforeAll(async () => {
  db = await testDatabase({ whole: true })
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select 'acme', 'x' from generate_series(1, 10)",
  )
  const rows = await db.query(
    "select inhrelid::regclass as name from pg_inherits where inhparent = 'pgtrail.event'::regclass",
  )
  partitions = rows.map((row) => row.name ?? "")
})
afterAll(() => db.drop())

const changes: Readonly<Record<string, string>> = {
  update: "update TABLE set organization_id = organization_id",
  "update of no row": "update TABLE set organization_id = 'x' where false",
  delete: "delete from TABLE",
  "delete of no row": "delete from TABLE where false",
  truncate: "truncate TABLE",
  "truncate cascade": "truncate TABLE cascade",
  "delete in a CTE": "with gone as (delete from TABLE returning *) select count(*) from gone",
}

for (const who of ["pgtrail_owner", "superuser"]) {
  for (const [what, statement] of Object.entries(changes)) {
    test(`${what} is refused for ${who} on the event table, each partition and the acts`, async () => {
      expect(partitions.length).toBe(8)
      const client = await db.client()
      if (who !== "superuser") await client.query(`set role ${who}`)
      for (const table of ["pgtrail.event", ...partitions, "pgtrail.act"]) {
        await expect(client.query(statement.replace("TABLE", table)), table).rejects.toMatchObject({
          code: "TR002",
          message: expect.stringMatching(`^${table} is append-only: (UPDATE|DELETE|TRUNCATE) refused$`),
        })
      }
      await client.end()
    })
  }

  test(`the log's identity cannot be changed or removed by ${who}`, async () => {
    const client = await db.client()
    if (who !== "superuser") await client.query(`set role ${who}`)
    for (const statement of [
      "update pgtrail.log set log_id = gen_random_uuid()",
      "delete from pgtrail.log",
      "truncate pgtrail.log",
    ]) {
      await expect(client.query(statement)).rejects.toMatchObject({ code: "TR002" })
    }
  })
}

test("INSERT ON CONFLICT DO UPDATE, MERGE, and a move to another partition are refused", async () => {
  const columns = "organization_id, event_type"
  const statements = [
    `insert into pgtrail.event (${columns}) values ('acme', 'x')
       on conflict (organization_id, lane, seq, occurred_at) do update set event_type = 'y'`,
    "update pgtrail.event set occurred_at = occurred_at + interval '2 months'",
    "merge into pgtrail.event e using (values ('acme')) s (o) on e.organization_id = s.o when matched then delete",
    "merge into pgtrail.event e using (values ('acme')) s (o) on e.organization_id = s.o when matched then update set event_type = 'y'",
  ]
  const version = Number((await db.query("select current_setting('server_version_num') as v"))[0]?.v)
  for (const statement of version < 150000 ? statements.slice(0, 2) : statements) {
    await expect(db.query(statement), statement).rejects.toMatchObject({ code: "TR002" })
  }
  expect(await findBreaks(db)).toEqual([])
})

test("a writer, a reader and an auditor are refused by privilege alone", async () => {
  for (const group of [
    "pgtrail_writer",
    "pgtrail_reader",
    "pgtrail_auditor",
    "pgtrail_operator",
    "pgtrail_privacy",
  ]) {
    const client = await db.client()
    await client.query(`set role ${group}`)
    for (const table of [
      "pgtrail.event",
      ...partitions,
      "pgtrail.act",
      "pgtrail.log",
      "pgtrail.chain_head",
    ]) {
      for (const [what, statement] of Object.entries(changes)) {
        const run = client.query(statement.replace("TABLE", table))
        await expect(run, `${group} ${what} ${table}`).rejects.toMatchObject({
          code: expect.stringMatching(/^(42501|42703)$/),
        })
      }
    }
    await client.end()
  }
})

const act = (kind: string) => `select pgtrail.record_act('${kind}', '{}')`
const remove = "delete from pgtrail.event where organization_id = 'acme' and seq = 1"

test("an act of kind purge lets its own transaction delete, and no other", async () => {
  const [client, other] = [await db.client(), await db.client()]
  await client.query("set role pgtrail_owner; begin")
  await expect(other.query(remove)).rejects.toMatchObject({ code: "TR002" })
  await client.query(act("purge"))
  // Not even while the act stands uncommitted in another session.
  await expect(other.query(remove)).rejects.toMatchObject({ code: "TR002" })
  await client.query("savepoint s")
  expect((await client.query(remove)).rowCount).toBe(1)
  await client.query("rollback to s; commit")
  await expect(client.query(remove)).rejects.toMatchObject({ code: "TR002" })
  await expect(other.query(remove)).rejects.toMatchObject({ code: "TR002" })
})

test("an act that is undone authorizes nothing, nor does one of another kind", async () => {
  const client = await db.client()
  await client.query(
    `set role pgtrail_owner; begin; savepoint s; ${act("purge")}; rollback to s; savepoint t`,
  )
  await expect(client.query(remove)).rejects.toMatchObject({ code: "TR002" })
  await client.query("rollback")
  for (const kind of ["verify", "import", "migrate", "PURGE", "purge ", "incarnation"]) {
    await client.query(`begin; ${act(kind)}`)
    await expect(client.query(remove), kind).rejects.toMatchObject({ code: "TR002" })
    await client.query("rollback")
  }
  // An act changes no act, whatever its kind.
  await client.query(`begin; ${act("purge")}; ${act("incarnation")}`)
  await expect(client.query("delete from pgtrail.act")).rejects.toMatchObject({ code: "TR002" })
  await client.query("rollback")
  expect(await findBreaks(db)).toEqual([])
})

test("the transaction id of an act is its own: a subtransaction and a prepared transaction are no way around", async () => {
  const client = await db.client()
  await client.query(`begin; savepoint s; ${act("purge")}; release s`)
  expect((await client.query(remove)).rowCount).toBe(1)
  await client.query("rollback")
  await client.query(`begin; ${act("purge")}; prepare transaction 'guarded'`)
  await expect(client.query(remove)).rejects.toMatchObject({ code: "TR002" })
  await client.query("rollback prepared 'guarded'")
  expect(await findBreaks(db)).toEqual([])
})

test("only a superuser can switch triggers off by session_replication_role", async () => {
  for (const role of ["pgtrail_owner", "pgtrail_writer", "pgtrail_operator", "pgtrail_privacy"]) {
    await db.asRole(role, (client) =>
      expect(client.query("set session_replication_role = replica")).rejects.toMatchObject({ code: "42501" }),
    )
  }
})

test("every partition has the guard and the seal, switched on", async () => {
  const rows = await db.query(
    `select tgrelid::regclass as name, string_agg(format('%s %s', tgname, tgenabled), ', ' order by tgname) as triggers
     from pg_trigger where tgrelid in (select inhrelid from pg_inherits where inhparent = 'pgtrail.event'::regclass)
     group by 1`,
  )
  expect(rows.length).toBe(partitions.length)
  for (const row of rows) expect(row.triggers, row.name ?? "").toBe("pgtrail_guard O, pgtrail_seal O")
})
