// A store in the database: a file is there when its transaction is, and it is read in short statements.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { openStore } from "../../src/data/store/store.js"
import { openTable } from "../../src/data/store/table.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { startProxy } from "./proxy.js"
import { begun, content, digest, failureOf, itIsAStore, keys, read, text } from "./store-fixture.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
})
afterAll(() => db.drop())

describe("a table", () => {
  itIsAStore(() => openStore("table:", { target: async () => ({ connectionString: db.url }) }))

  test("has parts of a mebibyte, and counts what was read", async () => {
    const store = openTable({ connectionString: db.url })
    await store.put("parts/a.bin", content(2_500_000))
    const sizes =
      "select octet_length(data) as n from pgtrail.archive_storage_part where id = 'parts/a.bin' order by part"
    expect(await db.query(sizes)).toEqual([{ n: "1048576" }, { n: "1048576" }, { n: "402848" }])
    const count = "select retrieved_count as n from pgtrail.archive_storage where id = 'parts/a.bin'"
    expect(await db.query(count)).toEqual([{ n: "0" }])
    await digest(await store.get("parts/a.bin"))
    expect(await db.query(count)).toEqual([{ n: "1" }])
    await store.close()
  })

  test("holds no snapshot while somebody reads, and ends the session of a reading that was left", async () => {
    const store = openTable({ connectionString: db.url, applicationName: "reader" })
    await store.put("slow/a.bin", content(2_500_000))
    const states =
      "select state, backend_xmin from pg_stat_activity where application_name = 'reader' and datname = current_database()"
    const chunks = (await store.get("slow/a.bin"))[Symbol.asyncIterator]()
    await chunks.next()
    expect(await db.query(states)).toEqual([{ state: "idle", backend_xmin: null }])
    await chunks.return?.()
    await expect.poll(() => db.query(states)).toEqual([])
    await store.get("slow/a.bin")
    await store.close()
    await expect.poll(() => db.query(states)).toEqual([])
  })

  test("says so when a file is removed while it is read", async () => {
    const store = openTable({ connectionString: db.url })
    await store.put("race/removed.bin", content(2_500_000))
    const chunks = await store.get("race/removed.bin")
    const reading = async (): Promise<void> => {
      for await (const _ of chunks) await store.remove("race/removed.bin")
    }
    expect(await failureOf(reading())).toMatchObject({
      code: "not-found",
      message: "file race/removed.bin in the database (table:) was removed while it was read",
    })
    await store.close()
  })

  test("keeps the files of an archive that an act tells of", async () => {
    const store = openTable({ connectionString: db.url })
    await store.put("archived/a.txt", text("a"))
    await db.query("alter table pgtrail.archive disable trigger all")
    await db.query(
      `insert into pgtrail.archive (act_seq, name, location, partition_name, since, until, events, bytes, manifest, oldest_occurred_at,
         newest_occurred_at)
       values (1, 'archived', 'table:', 'event_default', now(), now(), 1, 1, '', now(), now())`,
    )
    const { message, hint } = await failureOf(store.remove("archived/a.txt"))
    expect(message).toBe("the file belongs to the archive archived, which act 1 tells of")
    expect(hint).toMatch(/^Nothing was removed/i)
    expect(await read(store, "archived/a.txt")).toBe("a")
    await store.close()
  })

  test("keeps nothing of a session that was killed", async () => {
    const store = openTable({ connectionString: db.url, applicationName: "victim" })
    async function* killing(): AsyncGenerator<Uint8Array> {
      yield* content(1_500_000)
      await db.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'",
      )
      yield* content(1_500_000)
    }
    expect((await failureOf(store.put("killed/a.bin", killing()))).code).toBe("connection-lost")
    expect([await keys(store, "killed/"), await begun(store)]).toEqual([[], []])
    const parts = "select count(*) as n from pgtrail.archive_storage_part where id like 'killed/%'"
    expect(await db.query(parts)).toEqual([{ n: "0" }])
    await store.close()
  })

  test.each([
    ["commit\0", true],
    ["store_done", false],
  ])("finds out what became of a file when the connection is lost at its %s", async (statement, isThere) => {
    const proxy = await startProxy(db.url)
    const store = openTable({ connectionString: proxy.url })
    proxy.swallowAnswerTo(statement)
    const key = `lost/${statement.replace("\0", "")}.bin`
    if (isThere) expect(await store.put(key, content(1_200_000))).toBe(1_200_000n)
    else expect((await failureOf(store.put(key, content(1_200_000)))).code).toBe("connection-lost")
    expect(await keys(store, "lost/")).toEqual(isThere ? [key] : [])
    if (isThere) await store.remove(key)
    await store.close()
    await proxy.close()
  })
})

test("a role without the right is told so, and nothing is stored", async () => {
  const { url } = await db.role({ memberOf: ["pgtrail_writer"] })
  const store = openTable({ connectionString: url })
  expect((await failureOf(store.put("right/a.txt", text("a")))).code).toBe("privilege")
  expect((await failureOf(keys(store))).code).toBe("privilege")
  await store.close()
})
