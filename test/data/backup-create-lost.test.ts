// A backup whose connection is lost, or whose disk is full, in the middle of a file: it ends, says so, and leaves nothing half written.
import { execFileSync } from "node:child_process"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { TrailError } from "../../src/data/index.js"
import { type BackupLog, backupFolder, backupLog } from "./backup-fixture.js"
import { runBlocking } from "./blocking.js"
import { failureOf } from "./failure.js"
import { type MutedProxy, proxyTo } from "./muted-proxy.js"

let log: BackupLog
let proxy: MutedProxy
beforeAll(async () => {
  log = await backupLog()
  // 6 MB: more than fits into the buffers on the way.
  await log.db.query(
    `insert into pgtrail.event (occurred_at, event_type, description)
     select '2020-01-02Z', 'a.b', string_agg(md5(i::text || j), '') from generate_series(1, 200) i, generate_series(1, 1000) j group by i`,
  )
  proxy = await proxyTo(log.db.url)
})
afterEach(() => proxy.heal())
afterAll(async () => {
  await proxy.close()
  await log.remove()
})

/** Fails the backup once rows have come. */
async function failing(
  how: () => void,
  options: Parameters<BackupLog["create"]>[0] = {},
  when = /^[1-9]/,
): Promise<TrailError> {
  const trail = await log.db.trail({ url: proxy.url })
  let isDone = false
  try {
    return await failureOf(
      trail.createBackup({
        to: log.to,
        jobs: 1,
        level: 1,
        progress: (doing) => {
          if (isDone || !when.test(doing)) return
          isDone = true
          how()
        },
        ...options,
      }),
    )
  } finally {
    proxy.heal()
    await trail.close()
  }
}

/** Nothing has a name that is not whole; the next one is. */
async function expectClean(): Promise<void> {
  for (const name of await log.names()) {
    expect((await log.files(name)).filter((file) => file.includes(".partial-"))).toEqual([])
  }
  const made = await log.create({ incremental: true, level: 1 })
  expect(await log.closes(made.name)).toBe(200)
}

test("cut by what lies between", async () => {
  const error = await failing(() => proxy.cut())
  expect(error).toMatchObject({ code: "connection-lost" })
  expect(error.hint).toMatch(/nothing was backed up|run it again with --incremental/)
  await expectClean()
})

test("gone silent: nobody says that it is lost, and it is noticed", async () => {
  const began = performance.now()
  const error = await failing(() => proxy.mute(), { silenceMs: 150 })
  expect(error).toMatchObject({ code: "connection-lost" })
  expect(performance.now() - began).toBeLessThan(20_000)
  await expectClean()
})

test("gone silent before the first file, and while the last is written about", async () => {
  for (const when of [/^looking/, /^writing the lists/]) {
    expect(await failing(() => proxy.mute(), { silenceMs: 150 }, when)).toMatchObject({
      code: "connection-lost",
    })
  }
  await expectClean()
})

test("a comparison gone silent notices it, before its first file and within one, and one that is stopped says so", async () => {
  const { name } = await log.create({ level: 1 })
  for (const when of [/^looking/, /events read/]) {
    const trail = await log.db.trail({ url: proxy.url })
    const progress = (doing: string) => when.test(doing) && proxy.mute()
    const comparing = trail.compareBackup(`${log.to}/${name}`, { jobs: 1, silenceMs: 150, progress })
    expect(await failureOf(comparing)).toMatchObject({ code: "connection-lost" })
    proxy.heal()
    await trail.close()
  }
  const stop = new AbortController()
  const progress = () => stop.abort()
  expect(
    await failureOf(log.trail.compareBackup(`${log.to}/${name}`, { signal: stop.signal, progress })),
  ).toMatchObject({ code: "cancelled", message: "stopped before the end" })
})

test("its session ended by the server", async () => {
  const error = await failing(() => {
    // Meanwhile this thread stands still, and takes nothing: the rest does not fit on the way.
    runBlocking(
      log.db.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query ilike 'copy pgtrail.event_2020_01%'`,
    )
  })
  expect(error).toMatchObject({ code: "connection-lost" })
  await expectClean()
})

test("stopped by whoever started it", async () => {
  const stop = new AbortController()
  expect(await failing(() => stop.abort(), { signal: stop.signal })).toMatchObject({ code: "cancelled" })
  await expectClean()
})

/** Only root may mount, and not in every container. */
function mount(path: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2560k", "pgtrail-test", path], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

test("a disk that becomes full in the middle has nothing half written, and the next run goes on from what is whole", async ({
  skip,
}) => {
  const place = await backupFolder()
  const isMounted = mount(place.folder)
  try {
    skip(!isMounted, "needs the right to mount a small file system")
    // Little of it can be compressed away, which the estimate does not know.
    const error = await failureOf(log.create({ to: place.to, jobs: 1, level: 1 }))
    expect(error).toMatchObject({
      code: "disk-full",
      message: expect.stringMatching(/^cannot write .*event_2020_01\.copy\.gz: no space left$/),
    })
    const lying = await Promise.all((await place.names()).map((name) => place.files(name)))
    expect(lying.flat()).toEqual([])
    execFileSync("mount", ["-o", "remount,size=40m", place.folder])
    const made = await log.create({ to: place.to, incremental: true, level: 1 })
    expect(await place.closes(made.name)).toBe(Number(made.events))
  } finally {
    if (isMounted) execFileSync("umount", [place.folder])
    await place.remove()
  }
})
