// A disk that becomes full under a backup, under the tables of a restore, and under the whole server: nothing half done is taken for whole, and the same again completes it. Over 250 lines because each place that fills up is a case of its own, on one server.
import { execFileSync } from "node:child_process"
import { statfsSync } from "node:fs"
import { chown, mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { env } from "node:process"
import { pathToFileURL } from "node:url"
import { Client } from "pg"
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest"
import { listBackups } from "../../src/data/backup/at-place.js"
import { verifyBackup } from "../../src/data/backup/verify.js"
import { startEmbedded, stopEmbedded } from "../../src/data/embedded/index.js"
import { invoker, serverOwner } from "../../src/data/embedded/owner.js"
import { open, type Trail } from "../../src/data/index.js"
import { openFolder } from "../../src/data/store/folder.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { serverFolder, serverSettings } from "../server-folder.js"
import { urlOfDatabase } from "../url.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"
import { copyStopped } from "./cluster-copy.js"
import { failureOf } from "./failure.js"

/** A small file system; undefined where none may be mounted: only root may, and not in every container. */
interface Small {
  readonly path: string
  resize(kilobytes: number): void
  /** Leaves so many kilobytes free. */
  leave(kilobytes: number): void
  remove(): Promise<void>
}

async function smallDisk(): Promise<Small | undefined> {
  const path = await mkdtemp(join(serverFolder, "pgtrail-small-"))
  const options = (size: number) => `size=${size}k,mode=0711`
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options(1_000_000), "pgtrail-test", path], {
      stdio: "ignore",
    })
  } catch {
    await rm(path, { recursive: true })
    return undefined
  }
  const resize = (kilobytes: number): void => {
    execFileSync("mount", ["-o", `remount,${options(kilobytes)}`, path], { stdio: "ignore" })
  }
  const leave = (kilobytes: number, tries = 50): void => {
    const { blocks, bfree, bsize } = statfsSync(path)
    try {
      // What has no size at all is unbounded.
      resize(Math.max(4, ((blocks - bfree) * bsize) / 1024 + kilobytes))
    } catch (error) {
      // The server wrote meanwhile, and it cannot be made smaller than what is in it.
      if (tries === 0) throw error
      leave(kilobytes, tries - 1)
    }
  }
  return {
    path,
    resize,
    leave: (kilobytes) => leave(kilobytes),
    async remove() {
      execFileSync("umount", [path])
      await rm(path, { recursive: true })
    },
  }
}

const disk = await smallDisk()
const none = { path: "/", resize: () => undefined, leave: () => undefined }
const plenty = 500_000

let log: TestDatabase
let trail: Trail
let folder: string
let backup: string
beforeAll(async () => {
  if (disk === undefined) return
  log = await testDatabase()
  trail = await log.trail()
  // 1.5 MB, of which little can be compressed away.
  await log.query(
    `insert into pgtrail.event (organization_id, event_type, description)
     select 'o' || i % 3, 'a.b', string_agg(md5(i::text || j), '') from generate_series(1, 600) i, generate_series(1, 80) j group by i`,
  )
  folder = await mkdtemp(join(serverFolder, "pgtrail-backup-"))
  const to = pathToFileURL(folder).href
  const { name } = await trail.createBackup({ to, level: 1 })
  backup = `${to}/${name}`
})
afterAll(async () => {
  if (disk === undefined) return
  await disk.remove()
  await log.drop()
  await rm(folder, { recursive: true })
})

/** How many kilobytes are left, and from when on: of the first file, of one in the middle, of the lists, of the manifest. */
const moments = [
  [/ 0 of \d+ files/, 0],
  [/ 20 of \d+ files/, 4],
  [/^writing the lists/, 0],
  [/^writing the lists/, 4],
  [/^writing the lists/, 16],
] as const

/** Calls `work` once, when it is told that. */
function once(when: RegExp, work: () => void): (doing: string) => void {
  let isDone = false
  return (doing) => {
    if (isDone || !when.test(doing)) return
    isDone = true
    work()
  }
}

describe.skipIf(disk === undefined)("a disk that becomes full", () => {
  const { path, resize, leave } = disk ?? none

  test("is asked before a backup is begun: too small for it, it gets no folder and no file", async () => {
    resize(plenty)
    leave(100)
    const to = pathToFileURL(path).href
    expect(await failureOf(trail.createBackup({ to }))).toMatchObject({
      code: "disk-full",
      message: expect.stringMatching(/ has 1\d\d\.\d kB free, and the backup will need about [\d.]+ [kM]B$/),
      hint: expect.stringMatching(/^nothing was written; free space there/),
    })
    expect(await readdir(path)).toEqual([])
  })

  test("while a backup is written leaves nothing that passes for one, wherever that is, and the next run goes on", async () => {
    const to = pathToFileURL(path).href
    const hints = new Set<string>()
    for (const [when, kilobytes] of moments) {
      resize(plenty)
      const progress = once(when, () => leave(kilobytes))
      const error = await failureOf(
        trail.createBackup({ to, level: 1, jobs: 1, incremental: true, progress }),
      )
      expect(error).toMatchObject({ code: "disk-full", message: expect.stringMatching(/: no space left$/) })
      hints.add((error.hint ?? "").replace(/backup-\w+-\w+ at \S+/, "NAME"))
      expect((await listBackups(to)).filter(({ state }) => state !== "unfinished")).toEqual([])
    }
    expect([...hints].sort()).toEqual([
      "1 file of NAME is whole, and it has no manifest; free space; run it again with --incremental to go on from there",
      "nothing was backed up; free space and run it again",
    ])
    resize(plenty)
    const made = await trail.createBackup({ to, level: 1, incremental: true })
    expect(Number(made.taken_over)).toBeGreaterThan(0)
    const report = await verifyBackup(openFolder(to), made.name ?? "")
    expect(report).toMatchObject({ verdict: "intact", findings: [] })
  })

  describe.skipIf(!canStart)("below a database", () => {
    let cluster: Cluster
    let db: Server
    let restored: Trail
    beforeAll(async () => {
      resize(plenty)
      cluster = await startCluster({ empty: true })
      const { uid, gid } = serverOwner(invoker(), undefined)
      const space = join(path, "space")
      await mkdir(space)
      await chown(space, uid, gid)
      db = cluster.primary
      await db.query(`create tablespace small location '${space}'`)
      await db.query("create database small tablespace small template template0 encoding 'UTF8'")
      restored = await open({ connectionString: urlOfDatabase(db.url, "small") })
    })
    afterAll(async () => {
      await restored?.close()
      await cluster?.remove()
    })
    const query = async (sql: string) => {
      const client = new Client({ connectionString: urlOfDatabase(db.url, "small") })
      await client.connect()
      try {
        return (await client.query<Record<string, string>>(sql)).rows
      } finally {
        await client.end()
      }
    }
    const schemas = async () =>
      (await query("select nspname as name from pg_namespace where nspname like 'pgtrail%' order by 1")).map(
        ({ name }) => name,
      )

    test.each([
      ["making the tables", /^making the tables/],
      ["loading", / MB loaded$/],
      ["attaching the partitions", /^attaching/],
      ["making the log appear", /^making the log appear/],
    ])("while %s leaves no log and nothing else, and says what to do", async (_, when) => {
      resize(plenty)
      const progress = once(when, () => leave(0))
      const error = await failureOf(restored.restoreBackup(backup, { progress }))
      expect(error).toMatchObject({
        code: "disk-full",
        message: "the server's disk is full",
        hint: "nothing was restored; free space and run it again",
      })
      expect(await schemas()).toEqual([])
    })

    test("is no more in the way when there is room, and then leaves the log that was to be replaced as it is", async () => {
      resize(plenty)
      expect(await restored.restoreBackup(backup)).toMatchObject({ verification: { verdict: "intact" } })
      await query("insert into pgtrail.event (event_type) values ('late')")
      const progress = once(/^making the log appear/, () => leave(0))
      const error = await failureOf(restored.restoreBackup(backup, { confirm: "small", progress }))
      expect(error).toMatchObject({ code: "disk-full", sqlstate: "53100" })
      expect(await schemas()).toEqual(["pgtrail"])
      expect(await restored.verify({ jobs: 1, record: false })).toMatchObject({
        verdict: "intact",
        covered: { events: "601" },
      })
      resize(plenty)
      expect(await restored.restoreBackup(backup, { confirm: "small" })).toMatchObject({
        replaced: { newer: "1" },
        verification: { verdict: "intact" },
      })
      expect(await schemas()).toEqual(["pgtrail"])
    })
  })

  describe.skipIf(!canStart)("below a whole server", () => {
    const dataDir = join(path, "server")
    afterAll(() => stopEmbedded({ dataDir }))

    test("and ends it, for it cannot write its WAL, restores nothing, and the same again completes it", async () => {
      resize(plenty)
      await mkdir(dataDir, { mode: 0o711 })
      const seed = inject("newCluster")
      if (seed !== "") await copyStopped(seed, join(dataDir, "pgdata"))
      const nativeDir = env.PGTRAIL_TEST_BINARIES
      const settings = { ...serverSettings, autovacuum: "off", log_min_messages: "fatal" }
      const start = () => startEmbedded({ dataDir, nativeDir, settings })
      const { url } = await start()
      const connection = await open({ connectionString: url })
      const client = new Client({ connectionString: url })
      await client.connect()
      // Then the next segment, of 16 MB, is needed soon.
      await client.query(
        `select pg_logical_emit_message(false, 'test', repeat('x', (16777216 - 300000 - mod(pg_current_wal_lsn() - '0/0', 16777216))::int))`,
      )
      await client.end()
      leave(12_000)
      const error = await failureOf(connection.restoreBackup(backup, { jobs: 1 }))
      // A session hears why only if it is the one that ends the server: otherwise that its connection is gone, which it may hear first or after its own error.
      const told = `${error.code}: ${error.hint ?? ""}`
      expect(told).toMatch(
        /^disk-full: nothing was restored; the server (went down with it|does not answer any more)|^disk-full: nothing was restored; .* still stands in schema pgtrail_restore|^connection-lost: /,
      )
      resize(plenty)
      await start()
      const after = new Client({ connectionString: url })
      await after.connect()
      const schemas = "select nspname as name from pg_namespace where nspname like 'pgtrail%'"
      const left = (await after.query<{ name: string }>(schemas)).rows.map(({ name }) => name)
      expect(["", "pgtrail_restore"]).toContain(left.join())
      expect(await connection.restoreBackup(backup)).toMatchObject({ verification: { verdict: "intact" } })
      expect((await after.query(schemas)).rows).toEqual([{ name: "pgtrail" }])
      await after.end()
      await connection.close()
    })
  })
})
