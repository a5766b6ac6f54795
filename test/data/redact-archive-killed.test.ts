// kill -9 of the command line at each step at which an erasure writes an archive anew: one of the two is in force and whole, and the same
// again completes it.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { archiveRows, readArchiveManifest } from "../../src/data/archive/read.js"
import { openStore, type Store } from "../../src/data/store/store.js"
import { runInProcess } from "../cli/io.js"
import { type Held, hold, holdCommits, letCommit } from "./archive-crash-fixture.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { until } from "./cluster.js"
import { type S3Server, type Seen, startS3 } from "./s3-server.js"

const root = join(import.meta.dirname, "../..")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

let log: ArchiveLog
let server: S3Server
let prefix = 0
beforeAll(async () => {
  log = await archiveLog()
  await log.append(30)
  await log.keep()
  server = await startS3()
})
afterEach(async () => {
  server.quiet()
  await log.reset()
})
afterAll(async () => {
  await log.remove()
  await server.close()
})

const argv = ["gdpr", "erase", "u3", "--reason", "r", "--requested-by", "w", "--confirm", "u3"]
const env = () => ({
  PGTRAIL_URL: log.db.url,
  HOME: "/nonexistent",
  AWS_ACCESS_KEY_ID: server.settings.accessKeyId,
  AWS_SECRET_ACCESS_KEY: server.settings.secretAccessKey,
  AWS_REGION: server.settings.region,
  AWS_ENDPOINT_URL_S3: server.settings.endpoint ?? "",
})
const context = () => ({ s3: server.settings })

function newBucket(): string {
  prefix += 1
  return `s3://${server.bucket}/archives-${prefix}`
}

async function archived(to: string): Promise<string> {
  const { partitions } = await log.create({ partition: "event_2020_01", to, store: context() })
  return partitions[0]?.archive ?? ""
}

const started = () =>
  spawn(process.execPath, [join(root, "bin/pgtrail.js"), ...argv], {
    env: { PATH: process.env.PATH, ...env() },
    stdio: "ignore",
  })

const ended = (child: ReturnType<typeof started>) =>
  new Promise<unknown>((resolve) => child.on("close", (_, signal) => resolve(signal)))

/** A statement that was sent goes on for nobody. */
const gone = () =>
  until("its sessions are gone", async () => {
    const left = await log.db.query(
      "select from pg_stat_activity where datname = current_database() and application_name = 'pgtrail'",
    )
    return left.length === 0
  })

/** Those that lie there, be they whole or not. */
async function namesIn(store: Store): Promise<string[]> {
  const names = new Set<string>()
  for await (const { key } of store.list("")) names.add(key.split("/")[0] ?? "")
  for await (const { key } of store.unfinished("")) names.add(key.split("/")[0] ?? "")
  return [...names].sort()
}

async function textOf(store: Store, name: string): Promise<string> {
  const { manifest } = await readArchiveManifest(store, name)
  const chunks: Uint8Array[] = []
  for await (const chunk of archiveRows(store, manifest, {})) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** The archive in force verifies, and is what the acts say of it: as it was, or without the values. */
async function inForce(store: Store): Promise<{ name: string; acts: string }> {
  const [row] = await log.db.query(
    "select a.name, (select count(*) from pgtrail.act where kind = 'redact') as acts from pgtrail.archive a",
  )
  const { name = "", acts = "" } = row as Record<"name" | "acts", string>
  expect(
    await log.trail.verify({ jobs: 1, record: false, archives: ["recorded"], stores: context() }),
  ).toMatchObject({ verdict: "intact", findings: [], covered: { events: "0", archived: "30" } })
  expect((await textOf(store, name)).includes("\tu3\t")).toBe(acts === "0")
  return { name, acts }
}

/** The same again, and what it tells to do of what it may not take away by itself. */
async function complete(location: string, before: string, isDone: boolean): Promise<void> {
  const store = await openStore(location, context())
  try {
    expect((await inForce(store)).acts).toBe(isDone ? "1" : "0")
    const first = await runInProcess(argv, { env: env() })
    const told = /pgtrail (archive remove \S+ --confirm \S+ --at \S+)/.exec(first.stdout)
    if (told !== null) {
      expect(first.exit).toBe(4)
      expect(await runInProcess((told[1] ?? "").split(" "), { env: env() })).toMatchObject({ exit: 0 })
    }
    const last = told === null ? first : await runInProcess(argv, { env: env() })
    expect(last, last.both).toMatchObject({ exit: 0 })
    expect(last.stdout).toMatch(/^complete: /m)
    const { name, acts } = await inForce(store)
    expect([acts, name === before]).toEqual(["1", false])
    expect(await namesIn(store)).toEqual([name])
  } finally {
    await store.close()
  }
}

const isWrite = ({ method }: Seen): boolean => method !== "GET" && method !== "HEAD"
const stepOf = ({ method, url }: Seen): string => `${method} ${url.replace(/^.*\/|\?.*$/g, "")}`
const writes = ["PUT events.copy.gz", "PUT manifest.json", "DELETE events.copy.gz", "DELETE manifest.json"]

test("an erasure that nobody disturbs writes the new files, and takes the old ones away after its act", async () => {
  const to = newBucket()
  const name = await archived(to)
  server.quiet()
  expect(await runInProcess(argv, { env: env() })).toMatchObject({ exit: 0 })
  const seen = server.seen.filter(isWrite)
  expect(seen.map(stepOf)).toEqual(writes)
  expect(seen.map(({ url }) => url.includes(name))).toEqual([false, false, true, true])
})

// What is in the bucket and in the log when one of its requests is on the way is what the one before it has left.
test.skipIf(!isBuilt).each(writes)("a tool that is killed at %s", async (step) => {
  const to = newBucket()
  const name = await archived(to)
  let child: ReturnType<typeof started> | undefined
  server.fate = (seen) => {
    if (!isWrite(seen) || stepOf(seen) !== step) return undefined
    child?.kill("SIGKILL")
    return "silence"
  }
  child = started()
  expect(await ended(child)).toBe("SIGKILL")
  server.quiet()
  await gone()
  await complete(to, name, step.startsWith("DELETE"))
})

const steps: readonly Held[] = ["waits for the chain of acts", "is at its commit"]
test.skipIf(!isBuilt).each(steps)(
  "a tool that is killed while it %s, of an archive in a folder",
  async (at) => {
    await holdCommits(log)
    const name = await archived(log.to)
    let child: ReturnType<typeof started> | undefined
    const { holder } = await hold(log, at, () => {
      child = started()
    })
    const over = child === undefined ? undefined : ended(child)
    child?.kill("SIGKILL")
    expect(await over).toBe("SIGKILL")
    expect(await log.files()).toHaveLength(2)
    await holder.end()
    await gone()
    await letCommit(log)
    // Its commit had been sent: the server carries it out for nobody.
    await complete(log.to, name, at === "is at its commit")
  },
)

test("of what lies beside archives, nothing is taken away that another log or another run may need, and what may have values is told", async () => {
  const name = await archived(log.to)
  const { cp, readFile, writeFile } = await import("node:fs/promises")
  const orphan = async (
    other: string,
    change: (manifest: Record<string, unknown>) => void,
  ): Promise<string> => {
    await cp(join(log.folder, name), join(log.folder, other), { recursive: true })
    const path = join(log.folder, other, "manifest.json")
    const manifest = JSON.parse(await readFile(path, "utf8"))
    change(manifest)
    await writeFile(path, JSON.stringify(manifest))
    return other
  }
  const replaces = { name, manifest_sha256: "ab".repeat(32) }
  const left = [
    await orphan("event_2020_01-20200301T000000Z-aaaaaa", () => undefined),
    await orphan("event_2020_01-20200301T000000Z-bbbbbb", (manifest) =>
      Object.assign(manifest, { replaces }),
    ),
  ]
  const foreign = await orphan("event_2020_01-20200301T000000Z-cccccc", (manifest) =>
    Object.assign(manifest, { log_id: "0197a3c0-0000-7000-8000-000000000000" }),
  )
  const { exit, stdout } = await runInProcess(argv, { env: env() })
  expect(exit).toBe(4)
  for (const one of left)
    expect(stdout).toMatch(new RegExp(`${one}: still has values: no act tells of it.*archive remove ${one}`))
  expect(stdout).not.toContain(foreign)
  expect(await log.files()).toEqual(expect.arrayContaining([...left, foreign]))
})
