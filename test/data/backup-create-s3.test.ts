// Backups in a bucket: whole, incremental by copies that the server makes, and while the server fails.
import process from "node:process"
import { afterAll, beforeAll, expect, test } from "vitest"
import { listBackups } from "../../src/data/backup/at-place.js"
import { readBackupManifest } from "../../src/data/backup/open.js"
import { openStore } from "../../src/data/store/store.js"
import { type BackupLog, backupLog } from "./backup-fixture.js"
import { failureOf } from "./failure.js"
import { isPut, type S3Server, startS3 } from "./s3-server.js"
import { keys } from "./store-fixture.js"

let log: BackupLog
let server: S3Server
let to: string
beforeAll(async () => {
  log = await backupLog()
  await log.append(300, { policy: "standard" })
  server = await startS3()
  to = `s3://${server.bucket}/backups`
})
afterAll(async () => {
  await log.remove()
  await server.close()
})

const context = () => ({ s3: { ...server.settings, patience: { attempts: 2, pause: 1, silence: 2000 } } })

test("one is made, and the next takes over by copies on the server", async () => {
  const first = await log.create({ to, store: context() })
  server.quiet()
  const second = await log.create({ to, store: context(), incremental: true })
  const store = await openStore(to, context())
  const { manifest } = await readBackupManifest(store, second.name ?? "")
  const taken = manifest.tables.filter(({ taken_over }) => taken_over?.backup === first.name)
  expect(taken.map(({ name }) => name)).toContain("event_2020_01")
  const copies = server.seen.filter(({ headers }) => headers["x-amz-copy-source"] !== undefined)
  expect(copies).toHaveLength(taken.length)
  expect((await keys(store, `${second.name}/`)).sort()).toEqual(
    [...manifest.tables, ...manifest.lists]
      .map(({ file }) => `${second.name}/${file.name}`)
      .concat(`${second.name}/manifest.json`)
      .sort(),
  )
  await store.close()
})

test("a server that fails leaves no manifest, and the next run goes on from what is whole", async () => {
  server.fate = (seen) => (isPut(seen) && seen.url.includes("manifest.json") ? { answer: 500 } : undefined)
  const refused = await failureOf(log.create({ to, store: context() }))
  expect(refused).toMatchObject({ hint: expect.stringContaining("run it again with --incremental") })
  server.quiet()
  const made = await log.create({ to, store: context(), incremental: true })
  expect(Number(made.taken_over)).toBeGreaterThan(0)
})

test("sixteen jobs at once leave Node nothing to warn of, whatever they do with the backup", async () => {
  const warnings: string[] = []
  const warned = ({ message }: Error): void => {
    warnings.push(message)
  }
  process.on("warning", warned)
  try {
    const { signal } = new AbortController()
    const options = { jobs: 16, signal, store: context() }
    const { name } = await log.create({ to, ...options })
    await log.create({ to, ...options, incremental: true })
    await listBackups(to, options)
    expect(await log.trail.compareBackup(`${to}/${name}`, options)).toMatchObject({ verdict: "equal" })
  } finally {
    process.off("warning", warned)
  }
  expect(warnings).toEqual([])
})
