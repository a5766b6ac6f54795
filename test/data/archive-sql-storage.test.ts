// Files of archives in the database itself, and the notes of what could not be archived.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { TestDatabase } from "../database.js"
import { archiveLog, makeArchive, nextName } from "./archive-sql-fixture.js"

let db: TestDatabase
beforeAll(async () => {
  db = await archiveLog()
})
afterAll(() => db.drop())

const put = async (id: string, parts: readonly string[]) => {
  for (const [at, data] of parts.entries()) {
    await db.query("select pgtrail.store_file($1, $2, convert_to($3, 'UTF8'))", [id, at + 1, data])
  }
  await db.query("select pgtrail.store_done($1, $2)", [id, parts.join("").length])
}

test("a file comes back part by part, is listed once it is whole, and counts who read it", async () => {
  await db.query("select pgtrail.store_file('a-1/events.copy.gz', 1, 'abc')")
  expect(await db.query("select * from pgtrail.stored_files('')")).toEqual([])
  expect(await db.query("select * from pgtrail.stored_parts('a-1/events.copy.gz')")).toEqual([])
  expect(await db.query("select pgtrail.read_stored('a-1/events.copy.gz', 1) as data")).toEqual([
    { data: null },
  ])
  await db.query("select pgtrail.store_file('a-1/events.copy.gz', 2, 'de')")
  await expect(db.query("select pgtrail.store_done('a-1/events.copy.gz', 4)")).rejects.toMatchObject({
    code: "55000",
  })
  await db.query("select pgtrail.store_done('a-1/events.copy.gz', 5)")
  await put("a-10/manifest.json", ["{}"])
  await put("a-1/empty", [""])
  await db.query("select pgtrail.note_retrieved('a-1/events.copy.gz')")
  expect(
    await db.query(
      "select id, bytes, retrieved_count, last_retrieved_at is null as never from pgtrail.stored_files('a-1/')",
    ),
  ).toEqual([
    { id: "a-1/empty", bytes: "0", retrieved_count: "0", never: "t" },
    { id: "a-1/events.copy.gz", bytes: "5", retrieved_count: "1", never: "f" },
  ])
  expect(await db.query("select * from pgtrail.stored_parts('a-1/events.copy.gz')")).toEqual([
    { parts: "2", bytes: "5" },
  ])
  expect(await db.query("select pgtrail.read_stored('a-1/events.copy.gz', 2) as data")).toEqual([
    { data: "\\x6465" },
  ])
  expect(
    await db.query(
      "select pgtrail.remove_stored('a-1/empty') as gone, pgtrail.remove_stored('none/none') as none",
    ),
  ).toEqual([{ gone: "t", none: "f" }])
})

test("what is whole is never written over, and no part is left out, repeated or too large", async () => {
  await put("b/x", ["1"])
  await expect(db.query("select pgtrail.store_file('b/x', 1, 'z')")).rejects.toMatchObject({ code: "42710" })
  await expect(db.query("select pgtrail.store_file('b/x', 2, 'z')")).rejects.toMatchObject({ code: "55000" })
  await expect(db.query("select pgtrail.store_done('b/x', 1)")).rejects.toMatchObject({ code: "55000" })
  await db.query("select pgtrail.store_file('b/y', 1, 'z')")
  for (const part of [1, 3]) {
    await expect(db.query("select pgtrail.store_file('b/y', $1, 'z')", [part])).rejects.toMatchObject({
      code: part === 1 ? "42710" : "55000",
    })
  }
  for (const call of [
    "'b/z', 0, 'z'",
    "'b/z', 1, null",
    "'b/z', null, 'z'",
    "'b/z', 1, decode(repeat('00', 1048577), 'hex')",
  ]) {
    await expect(db.query(`select pgtrail.store_file(${call})`), call).rejects.toMatchObject({
      code: "TR009",
    })
  }
  await db.query("select pgtrail.store_file('b/z', 1, decode(repeat('00', 1048576), 'hex'))")
})

test.each([
  "",
  "a",
  "a/",
  "/a",
  "a/b/c",
  "../a",
  "a/..",
  ".a/b",
  "a/.b",
  "a b/c",
  "a/b\n",
  "é/a",
  `${"a".repeat(201)}/b`,
  "a\\b/c",
])("%j is no id of a file", async (id) => {
  await expect(db.query("select pgtrail.store_file($1, 1, 'x')", [id])).rejects.toMatchObject({
    code: "TR009",
  })
})

test("the files of an archive that an act tells of stay until another tells that it is removed, in the same transaction too", async () => {
  const files = (name: string) => ["manifest.json", "events.copy.gz"].map((file) => `${name}/${file}`)
  // The fixture's next name: its files are put there before the act.
  const name = nextName("event_2020_01")
  // As many bytes as the fixture says that they have.
  for (const id of files(name)) await put(id, ["x".repeat(500)])
  const archive = await makeArchive(db, "event_2020_01", { location: "table:" })
  expect(archive.name).toBe(name)
  for (const id of files(name)) {
    await expect(db.query("select pgtrail.remove_stored($1)", [id])).rejects.toMatchObject({
      code: "55000",
      message: `the file belongs to the archive ${name}, which act ${archive.act} tells of`,
    })
  }
  await db.query("begin")
  await db.query("select pgtrail.remove_archive($1, 'why')", [name])
  for (const id of files(name))
    expect(await db.query("select pgtrail.remove_stored($1) as gone", [id])).toEqual([{ gone: "t" }])
  await db.query("rollback")
  expect(await db.query("select count(*) from pgtrail.stored_files($1)", [`${name}/`])).toEqual([
    { count: "2" },
  ])
  await db.query("select pgtrail.remove_archive($1, 'why')", [name])
  for (const id of files(name))
    expect(await db.query("select pgtrail.remove_stored($1) as gone", [id])).toEqual([{ gone: "t" }])
  expect(
    await db.query("select count(*) from pgtrail.archive_storage_part where starts_with(id, $1)", [name]),
  ).toEqual([{ count: "0" }])
})

test("an auditor reads files and puts none; an operator puts them, and reads none of what they have; a reader and a writer see nothing of them", async () => {
  await put("c/x", ["1"])
  const calls = {
    reads: [
      "select * from pgtrail.stored_files('')",
      "select pgtrail.read_stored('c/x', 1)",
      "select pgtrail.note_retrieved('c/x')",
    ],
    writes: [
      "select pgtrail.store_file('c/y', 1, 'x')",
      "select pgtrail.store_done('c/x', 1)",
      "select pgtrail.remove_stored('c/x')",
      "select pgtrail.note_archive_failure('p', 'l', 'r', '{}')",
      "select pgtrail.forget_archive_failure('p', 'l')",
      "select pgtrail.restore_stage()",
    ],
  }
  const may: Readonly<Record<string, readonly string[]>> = {
    operator: [...calls.reads, ...calls.writes].filter((sql) => !/done|read_stored/.test(sql)),
    auditor: calls.reads,
    reader: [],
    writer: [],
    // Who erases writes archives anew.
    privacy: [
      ...calls.reads,
      ...calls.writes.filter((sql) => /store_file|remove_stored|restore_stage/.test(sql)),
    ],
  }
  for (const [right, allowed] of Object.entries(may)) {
    await db.asRole(`pgtrail_${right}`, async (client) => {
      for (const sql of [...calls.reads, ...calls.writes]) {
        const refused = await client.query(sql).then(
          () => false,
          (error: { code?: string }) => error.code === "42501",
        )
        if (!sql.includes("done"))
          expect(`${right} ${sql} ${refused}`).toBe(`${right} ${sql} ${!allowed.includes(sql)}`)
        else expect(refused).toBe(right !== "operator" && right !== "privacy")
      }
    })
  }
})

test("an operator reads what files have once he may read events, and is told which right that takes", async () => {
  await put("d/x", ["1"])
  const read = "select pgtrail.read_stored('d/x', 1) as data"
  const refused = { code: "42501", hint: expect.stringContaining("grant pgtrail_reader to it") }
  await db.asRole("pgtrail_operator", async (client) => {
    await expect(client.query(read)).rejects.toMatchObject(refused)
  })
  const alone = await db.role({ memberOf: ["pgtrail_operator"] })
  const both = await db.role({ memberOf: ["pgtrail_operator", "pgtrail_reader"] })
  const [refusing, reading] = [await alone.client(), await both.client()]
  try {
    await expect(refusing.query(read)).rejects.toMatchObject(refused)
    expect((await reading.query(read)).rows).toEqual([{ data: "\\x31" }])
  } finally {
    await Promise.all([refusing.end(), reading.end()])
  }
})

test("what could not be archived is noted with how often and why, until it could be", async () => {
  const note = (reason: string) =>
    db.query(
      "select pgtrail.note_archive_failure('event_2020_02', 'file:///full', $1, '{\"due\": true}') as times",
      [reason],
    )
  expect(await note("the disk is full")).toEqual([{ times: "1" }])
  expect(await note(`${"x".repeat(3000)}`)).toEqual([{ times: "2" }])
  expect(
    await db.query(
      "select failure_count, length(reason) as length, original, first_failed_at < last_failed_at as later from pgtrail.archive_failure where partition_name <> 'p'",
    ),
  ).toEqual([{ failure_count: "2", length: "2000", original: '{"due": true}', later: "t" }])
  for (const call of [
    "null, 'l', 'r', '{}'",
    "'p', '', 'r', '{}'",
    "'p', 'l', null, '{}'",
    "'p', 'l', 'r', '[]'",
    "'p', 'l', 'r', null",
  ]) {
    await expect(db.query(`select pgtrail.note_archive_failure(${call})`), call).rejects.toMatchObject({
      code: "TR009",
    })
  }
  const forget = "select pgtrail.forget_archive_failure('event_2020_02', 'file:///full') as was"
  expect(await db.query(forget)).toEqual([{ was: "t" }])
  expect(await db.query(forget)).toEqual([{ was: "f" }])
})
