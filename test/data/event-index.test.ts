// The further indexes: used by the searches, made and dropped while others write, found again by what they are, and no evidence to anybody.
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { indexKinds } from "../../src/data/event-index/kinds.js"
import type { EventQuery, Trail } from "../../src/data/index.js"
import { segmentQuery } from "../../src/data/query/statement.js"
import { foreignCode } from "../../src/data/verify/foreign.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("select pgtrail.create_months('2026-12-01Z', '2026-12-01Z')")
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_name, description, details, tags, compliance_tags)
     select 'org' || i % 10, timestamptz '2026-12-01Z' + i * interval '1 minute', 'doc.read', 'Actor ' || i, 'opened document ' || md5(i::text),
       jsonb_build_object('number', i, 'plan', case when i % 1000 = 0 then 'Pro' else 'free' end),
       array['t' || i % 997], case when i % 1000 = 0 then array['SOX'] end
     from generate_series(1, 5000) i`,
  )
  await db.query("analyze pgtrail.event")
})
afterAll(() => db.drop())

async function plan(query: EventQuery): Promise<string> {
  const segment = { since: "2026-12-01T00:00:00Z", until: "2027-01-01T00:00:00Z" }
  const { sql, params } = segmentQuery(query, segment, 101)
  const client = await db.client()
  await client.query("set search_path = pg_catalog, pg_temp")
  const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain ${sql}`, params)
  await client.end()
  return rows.map((row) => row["QUERY PLAN"]).join("\n")
}

async function found(query: EventQuery): Promise<(string | null)[]> {
  const numbers: (string | null)[] = []
  for await (const { details = null } of await trail.query({ ...query, columns: ["details"] })) {
    numbers.push(details)
  }
  return numbers
}

const state = async (kind: string) => {
  const all = await trail.indexes()
  return all.find((one) => one.kind === kind) ?? expect.fail(`no ${kind}`)
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries === 3000) throw new Error("it never came to that")
    await pause(20)
  }
}

const searches: readonly (readonly [string, EventQuery, string])[] = [
  ["text in either case", { grep: "ACTOR 1234" }, "event_2026_12_search"],
  ["text of the JSON", { grep: '"plan": "pro"' }, "event_2026_12_search"],
  ["a path", { where: '$.plan == "Pro"' }, "event_2026_12_details"],
  ["a tag", { tag: "t77" }, "event_2026_12_tags"],
  ["one of two compliance tags", { compliance: ["SOX", "HIPAA"] }, "event_2026_12_tags"],
]

describe("index add", () => {
  test("search needs pg_trgm, and says how to get it instead of creating it", async () => {
    const { code, message, hint } = await failureOf(trail.addIndex("search"))
    expect({ code, message, hint }).toEqual({
      code: "config",
      message: "the index search needs the extension pg_trgm, which this database has not",
      hint: "nothing was changed; the owner of the database runs: create extension pg_trgm",
    })
  })

  test("a search finds the same events without and with its index, and uses it, wherever pg_trgm is", async () => {
    const before = []
    for (const [, query, index] of searches) {
      before.push(await found(query))
      expect(await plan(query)).not.toContain(index)
    }
    expect(before.map((events) => events.length)).toEqual([1, 5, 5, 5, 5])
    await db.query('create schema "ext ens"')
    await db.query('create extension pg_trgm schema "ext ens"')
    for (const kind of ["search", "details", "tags", "subject"] as const) {
      const { changed, partitions } = await trail.addIndex(kind)
      expect(String(changed.length)).toBe(partitions)
      expect(await trail.addIndex(kind)).toMatchObject({ changed: [] })
    }
    for (const [at, [name, query, index]] of searches.entries()) {
      expect(await plan(query), name).toContain(`Bitmap Index Scan on ${index}`)
      expect(await found(query), name).toEqual(before[at])
    }
  })

  test("several values of one filter do not widen what another leaves", async () => {
    expect(await found({ organization: "org1", tag: ["t1", "t4"] })).toHaveLength(2)
    expect(await found({ organization: "org1", not: { tag: ["t1", "t4"] } })).toHaveLength(498)
  })

  test("a tag or a text of any length still is appended, and found", async () => {
    const tag = Array.from({ length: 400 }, (_, at) => `${at * 7919}é`).join("")
    const description = `start ${"x \u{1f600} ".repeat(20_000)} needle`
    const event = { event_type: "long", tags: [tag, `${tag}2`], compliance_tags: [tag], description }
    await trail.append({ organization_id: "long", ...event, details: { long: description } })
    expect(await found({ tag })).toHaveLength(1)
    expect(await found({ tag: `${tag}3` })).toHaveLength(0)
    expect(await found({ compliance: tag, grep: "NEEDLE" })).toHaveLength(1)
  })

  test("verify, validate, status and a superuser's session are silent about further indexes", async () => {
    const client = await trail.connect()
    expect(await foreignCode(client)).toEqual([])
    await client.end()
    expect(await trail.validate()).toMatchObject({ differences: [] })
    expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
    const { checks } = await trail.status()
    expect(checks.find(({ name }) => name === "invalid-indexes")?.state).toBe("ok")
  })

  test("new partitions lack it until it runs again, and the list says so; a partition may have any name and schema", async () => {
    const name = `Ünï "".x; drop table pgtrail.act; --${"é".repeat(12)}`
    await db.query(`create schema "O'ther."`)
    await db.query("create table pgtrail.event_2035_02_tags ()")
    for (const [table, from, to] of [
      [`"O'ther."."${name}"`, "2035-01-01Z", "2035-02-01Z"],
      ["pgtrail.event_2035_02", "2035-02-01Z", "2035-03-01Z"],
    ]) {
      await db.query(
        `create table ${table} partition of pgtrail.event for values from ('${from}') to ('${to}')`,
      )
    }
    const before = await state("tags")
    expect(before.missing).toEqual(["pgtrail.event_2035_02", `"O'ther."."${name}"`])
    const sql = await trail.indexSql("tags", "add")
    for (const statement of sql.split("\n")) await db.query(statement)
    await db.query("reset search_path")
    expect(await trail.indexSql("tags", "add")).toBe("")
    expect(await state("tags")).toMatchObject({ missing: [], invalid: [], of: String(Number(before.of)) })
    const { changed } = await trail.addIndex("details")
    expect(changed.map((one) => one.partition)).toEqual(before.missing)
    await db.query("drop table pgtrail.event_2035_02, pgtrail.event_2035_02_tags")
    await db.query(`drop schema "O'ther." cascade`)
  })

  test("--dry-run says what it would do, and changes nothing", async () => {
    const before = await trail.indexes()
    const { changed, dry_run } = await trail.dropIndex("details", { dryRun: true })
    expect({ dry_run, changed: changed.length }).toEqual({ dry_run: true, changed: Number(before[1]?.of) })
    expect(await trail.indexes()).toEqual(before)
  })
})

describe("external, two indexes a partition", () => {
  const names = (partition: string) =>
    ["external_id", "external_number"].map((ending) => ({ partition, index: `${partition}_${ending}` }))
  const month = "pgtrail.event_2026_12"
  // What follows finds every kind everywhere.
  afterAll(async () => void (await trail.addIndex("external")))

  test("both are made, found again, copied into a partition that is built anew, and dropped; verify stays intact", async () => {
    const { changed, partitions } = await trail.addIndex("external", { jobs: 2 })
    expect(changed).toHaveLength(2 * Number(partitions))
    expect(changed).toEqual(expect.arrayContaining(names(month)))
    expect(await trail.addIndex("external")).toMatchObject({ changed: [] })
    expect(await trail.indexSql("external", "add")).toBe("")
    expect(await trail.validate()).toMatchObject({ differences: [] })
    expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
    await db.query('grant usage on schema "ext ens" to public')
    await db.query("select pgtrail.rewrite_partition('event_2026_12')")
    expect(await state("external")).toMatchObject({ partitions, missing: [], invalid: [] })
    expect((await trail.dropIndex("external")).changed).toHaveLength(2 * Number(partitions))
    expect(await state("external")).toMatchObject({ partitions: "0", bytes: "0" })
  })

  test("a partition with one of the two lacks the kind, and only the other is made; a DBA's own counts", async () => {
    await trail.addIndex("external")
    await db.query(`drop index ${month}_external_number`)
    await db.query(`alter index ${month}_external_id rename to mine`)
    expect((await state("external")).missing).toEqual([month])
    expect((await trail.addIndex("external")).changed).toEqual(names(month).slice(1))
    const { changed } = await trail.dropIndex("external")
    expect(changed).toContainEqual({ partition: month, index: "pgtrail.mine" })
  })

  test("a new partition lacks both until it runs again", async () => {
    await trail.addIndex("external")
    await db.query("select pgtrail.create_months('2027-01-01Z', '2027-01-01Z')")
    expect((await state("external")).missing).toEqual(["pgtrail.event_2027_01"])
    expect((await trail.addIndex("external")).changed).toEqual(names("pgtrail.event_2027_01"))
    await db.query("drop table pgtrail.event_2027_01")
    await trail.dropIndex("external")
  })

  test("an id of any length and any number still is appended", async () => {
    await trail.addIndex("external")
    const external_id = Array.from({ length: 4000 }, (_, at) => `${at * 7919}\u00e9`).join("")
    await trail.append({ organization_id: "long", event_type: "x", external_id })
    await trail.append({ organization_id: "long", event_type: "x", external_number: "9223372036854775807" })
    expect(
      await db.query(
        `select length(external_id)::text from pgtrail.event where left(external_id, 300) = left('${external_id}', 300)`,
      ),
    ).toEqual([{ length: String(external_id.length) }])
    await trail.dropIndex("external")
  })

  test("events without such ids are in neither", async () => {
    await trail.addIndex("external")
    expect(
      await db.query(
        `select c.relname, pg_relation_size(c.oid) <= 8192 as is_empty from pg_class c where c.oid in ('${month}_external_id'::regclass, '${month}_external_number'::regclass)
         order by 1`,
      ),
    ).toEqual(names("").map(({ index }) => ({ relname: `event_2026_12${index}`, is_empty: "t" })))
    await trail.dropIndex("external")
  })
})

describe("beside others", () => {
  /** In a transaction that has written an event: what CONCURRENTLY waits for. */
  async function holding(work: (pid: string) => Promise<void>): Promise<void> {
    const writer = await db.client()
    await writer.query("set application_name = 'the \x1bholder'")
    await writer.query("begin")
    await writer.query(
      "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('h', 'x', '2026-12-30Z')",
    )
    const { rows } = await writer.query<{ pid: string }>("select pg_backend_pid() as pid")
    try {
      await work(rows[0]?.pid ?? "")
    } finally {
      await writer.query("commit")
      await writer.end()
    }
  }

  test("no writer waits for an index that waits; a second run is told so; what was stopped is left invalid, and made again", async () => {
    await trail.dropIndex("details")
    await holding(async (pid) => {
      const stop = new AbortController()
      const said: string[] = []
      const running = trail.addIndex("details", {
        signal: stop.signal,
        progress: (doing) => said.push(doing),
      })
      const failed = failureOf(running)
      const holder = `the transaction of session ${pid}`
      await until(() => said.some((doing) => doing.includes(holder)))
      const fast = await db.client()
      await fast.query("set statement_timeout = '3s'")
      await fast.query(
        "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('h', 'y', '2026-12-30Z')",
      )
      await fast.end()
      expect(await failureOf(trail.addIndex("tags"))).toMatchObject({ code: "busy" })
      stop.abort("SIGINT")
      expect(await failed).toMatchObject({ code: "cancelled", message: "stopped" })
    })
    const half = await state("details")
    expect(half.invalid).toHaveLength(1)
    expect((await trail.status()).checks.find(({ name }) => name === "invalid-indexes")?.state).toBe(
      "warning",
    )
    expect(await trail.verify()).toMatchObject({ verdict: "intact", findings: [] })
    await trail.addIndex("details", { jobs: 2 })
    expect(await state("details")).toMatchObject({ invalid: [], missing: [], partitions: half.of })
  })

  test("a run that waits too long names the session that it waited for, and goes on the next time", async () => {
    await holding(async (pid) => {
      const { code, message, hint } = await failureOf(trail.dropIndex("details", { lockTimeoutMs: 1500 }))
      expect(code).toBe("lock-timeout")
      expect(message).toContain(`waited too long for the transaction of session ${pid} (`)
      expect(message).not.toContain("\x1b")
      expect(hint).toMatch(/^\d of \d partitions done, and no event was touched; run it again/)
    })
    await trail.dropIndex("details")
    expect(await state("details")).toMatchObject({ partitions: "0", invalid: [], bytes: "0" })
    await trail.addIndex("details")
  })

  test("only who may act as the owner of the log changes its indexes, also without inheriting", async () => {
    const reader = await db.role({ memberOf: ["pgtrail_reader"] })
    const refused = await failureOf((await db.trail({ url: reader.url })).dropIndex("tags", { dryRun: true }))
    expect(refused).toMatchObject({ code: "privilege" })
    expect(refused.hint).toContain("nothing was changed")
    const listed = await (await db.trail({ url: reader.url })).indexes()
    expect(listed.map(({ partitions }) => partitions)).toEqual(listed.map(({ of }) => of))
    const bound = await db.role()
    await trail.grant({ right: "reader", role: bound.name, organizations: ["org1"] })
    expect(await (await db.trail({ url: bound.url })).indexes()).toHaveLength(indexKinds.length)
    const owner = await db.role({ memberOf: ["pgtrail_owner"], attributes: "noinherit" })
    const asOwner = await db.trail({ url: owner.url })
    await holding(async () => {
      const stop = new AbortController()
      const progress = (doing: string) => doing.includes("waits for") && stop.abort("SIGTERM")
      const stopped = await failureOf(asOwner.dropIndex("tags", { signal: stop.signal, progress }))
      expect(stopped).toMatchObject({ code: "cancelled" })
    })
    await asOwner.dropIndex("tags")
    const { changed } = await asOwner.addIndex("tags")
    expect(String(changed.length)).toBe((await state("tags")).partitions)
  })
})

test("in a database whose locale has its own lower case, --grep finds with the index what it finds without", async () => {
  const name = `${db.name}_tr`
  const [server] = await db.query("select current_setting('server_version_num')::int >= 150000 as has_icu")
  if (server?.has_icu !== "t") return
  await db.query(
    `create database "${name}" template template0 encoding 'UTF8' locale 'C' locale_provider icu icu_locale 'tr'`,
  )
  const turkish = await (await import("../../src/data/index.js")).open(db.url.replace(db.name, name))
  try {
    await turkish.install()
    const client = await turkish.connect()
    await client.query("create extension pg_trgm schema public")
    await turkish.append({ organization_id: "a", event_type: "x", description: "THE FILE OF ΟΔΟΣΑ, İĞNE" })
    await turkish.addIndex("search")
    for (const typed of ["file", "FILE", "ΟΔΟΣ", "İĞNE", "the file of"]) {
      for (const off of ["enable_seqscan", "enable_bitmapscan"]) {
        await client.query("begin")
        await client.query(`set local ${off} = off; set local enable_indexscan = off`)
        const { sql, params } = segmentQuery({ grep: typed }, {}, 10)
        expect((await client.query(sql, params)).rowCount, `${typed} without ${off}`).toBe(1)
        await client.query("commit")
      }
    }
    await client.end()
  } finally {
    await turkish.close()
    await db.query(`drop database "${name}" with (force)`)
  }
})
