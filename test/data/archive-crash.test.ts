// kill -9 of the command line, and of its session, at every step: nothing is lost, nothing goes twice, no file without an act is taken for
// an archive, and the same again completes it.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Held, hold, holdCommits, letCommit, proxyTo } from "./archive-crash-fixture.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { until } from "./cluster.js"
import { failureOf } from "./failure.js"

const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

let log: ArchiveLog
beforeAll(async () => {
  log = await archiveLog()
  await log.append(20)
  await log.keep()
})
beforeEach(() => holdCommits(log))
afterEach(() => log.reset())
afterAll(() => log.remove())

const january = { partition: "event_2020_01" }
type What = "create" | "restore" | "remove"

/** An archive is there already, for what needs one. */
async function prepared(what: What): Promise<string> {
  if (what === "create") return ""
  return (await log.create(january)).partitions[0]?.archive ?? ""
}

const words = (what: What, name: string): readonly string[] =>
  what === "create"
    ? ["archive", "create", "--partition", "event_2020_01", "--to", log.folder]
    : what === "restore"
      ? ["archive", "restore", name, "--reason", "why"]
      : ["archive", "remove", name, "--reason", "why", "--confirm", name]

/** The same by the library. */
const work = (what: What, name: string, trail: Trail = log.trail): Promise<unknown> =>
  what === "create"
    ? trail.createArchives({ to: log.to, ...january })
    : what === "restore"
      ? trail.restoreArchive(name, { reason: "why" })
      : trail.removeArchive(name, { reason: "why", confirm: name })

const before = {
  create: { live: 20, archived: 0, purged: 0 },
  restore: { live: 0, archived: 20, purged: 0 },
  remove: { live: 0, archived: 20, purged: 0 },
}
const after = {
  create: { live: 0, archived: 20, purged: 0 },
  restore: { live: 20, archived: 0, purged: 0 },
  remove: { live: 0, archived: 0, purged: 20 },
}

const gone = (pid: string) =>
  until("its session is gone", async () => {
    const left = await log.db.query("select from pg_stat_activity where pid = $1", [pid])
    return left.length === 0
  })

/** The same again, where it was not done; then only orphans are left besides, which go by their names. */
async function complete(what: What, name: string, isDone: boolean): Promise<void> {
  await letCommit(log)
  expect(await log.whole()).toEqual(isDone ? after[what] : before[what])
  if (!isDone) {
    await work(what, name)
    expect(await log.whole()).toEqual(after[what])
  }
  const listed = await log.trail.archives({ at: log.to })
  const known = listed.filter(({ state }) => state !== "orphan")
  expect(known).toHaveLength(1)
  for (const { name: orphan } of listed.filter(({ state }) => state === "orphan")) {
    await log.trail.removeArchive(orphan, { at: log.to, confirm: orphan })
  }
  expect(await log.files()).toEqual(what === "remove" ? [] : known.map((one) => one.name))
  if (what !== "create") return
  await log.trail.restoreArchive(known[0]?.name ?? "", { reason: "why" })
  expect(await log.whole()).toEqual({ live: 20, archived: 0, purged: 0 })
}

const steps: readonly (readonly [What, Held])[] = [
  ["create", "reads the partition"],
  ["create", "waits for the chain of acts"],
  ["create", "is at its commit"],
  ["restore", "waits for the chain of acts"],
  ["restore", "is at its commit"],
  ["remove", "waits for the chain of acts"],
  ["remove", "is at its commit"],
]

test.skipIf(!isBuilt).each(steps)("archive %s whose program is killed while it %s", async (what, at) => {
  const name = await prepared(what)
  let child: ReturnType<typeof spawn> | undefined
  const { holder, waiting } = await hold(log, at, () => {
    child = spawn(process.execPath, [join(root, "bin/pgtrail.js"), ...words(what, name)], {
      env: { PATH: process.env.PATH, PGTRAIL_URL: log.db.url },
      stdio: "ignore",
    })
  })
  const ended = new Promise((resolve) => child?.on("close", (_, signal) => resolve(signal)))
  child?.kill("SIGKILL")
  expect(await ended).toBe("SIGKILL")
  await holder.end()
  await gone(waiting)
  // Its commit had been sent: the server carries it out for nobody.
  await complete(what, name, at === "is at its commit")
})

test.each(steps)("archive %s whose session is ended while it %s", async (what, at) => {
  const name = await prepared(what)
  let refused: Promise<unknown> | undefined
  const { holder, waiting } = await hold(log, at, () => {
    refused = failureOf(work(what, name))
  })
  await log.db.query("select pg_terminate_backend($1)", [waiting])
  await gone(waiting)
  await holder.end()
  expect(await refused).toMatchObject({ code: "connection-lost" })
  // Of an archive that was not made no file is left.
  if (what === "create") expect(await log.files()).toEqual([])
  await complete(what, name, false)
})

test.each(["create", "restore"] as const)(
  "archive %s whose connection is cut while it is at its commit asks anew, and finds it done",
  async (what) => {
    const name = await prepared(what)
    const proxy = await proxyTo(log.db.url)
    const trail = await log.db.trail({ url: proxy.url })
    let running: Promise<unknown> | undefined
    const { holder } = await hold(log, "is at its commit", () => {
      running = work(what, name, trail)
    })
    try {
      proxy.cut()
      await log.waitsForActs()
      await holder.end()
      if (what === "restore") expect(await running).toMatchObject({ events: "20" })
      else {
        const hint = expect.stringMatching(
          /^20 events archived before, by act \d+; run it again for the rest$/,
        )
        expect(await failureOf(running as Promise<unknown>)).toMatchObject({ code: "connection-lost", hint })
      }
    } finally {
      await trail.close()
      await proxy.close()
    }
    await complete(what, name, true)
  },
)

test("where nobody can be asked whether it is recorded the files stay, and it says so", async () => {
  const proxy = await proxyTo(log.db.url)
  const trail = await log.db.trail({ url: proxy.url })
  let refused: ReturnType<typeof failureOf> | undefined
  const { holder, waiting } = await hold(log, "is at its commit", () => {
    refused = failureOf(work("create", "", trail))
  })
  // The next connection is refused.
  const closed = proxy.close()
  await closed
  expect(await refused).toMatchObject({
    code: "connection-lost",
    hint: expect.stringContaining("archive list --at"),
  })
  expect(await log.files()).toHaveLength(1)
  await holder.end()
  await gone(waiting)
  await trail.close()
  await letCommit(log)
  const { live, archived } = await log.whole()
  expect(live + archived).toBe(20)
  expect(await log.files()).toHaveLength(1)
})
