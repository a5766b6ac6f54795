// Backups of servers that are killed meanwhile, and of standbys, whose replay may come first.
import { type FSWatcher, watch } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type BackupFolder, backupFolder } from "./backup-fixture.js"
import { type Cluster, canStart, type Server, startCluster, until } from "./cluster.js"
import { failureOf } from "./failure.js"

describe.skipIf(!canStart)("a backup", () => {
  let cluster: Cluster
  let primary: Server
  let place: BackupFolder
  beforeAll(async () => {
    place = await backupFolder()
    cluster = await startCluster({ settings: { synchronous_commit: "local", full_page_writes: "on" } })
    primary = cluster.primary
    await primary.query("select pgtrail.create_partitions('2020-01-01Z', '2020-03-01Z')")
    for (const month of ["01", "02"]) {
      await primary.query(
        `insert into pgtrail.event (organization_id, occurred_at, event_type, description)
         select 'acme', '2020-${month}-02Z', 'a.b', repeat(md5(i::text), 100) from generate_series(1, 1000) i`,
      )
    }
  })
  afterAll(async () => {
    await cluster?.remove()
    await place?.remove()
  })

  const create = (trail: Trail, progress?: (doing: string) => void) =>
    trail.createBackup({ to: place.to, jobs: 1, incremental: true, progress })

  test("of a standby is whole, and says why no act records it; one that its replay ended begins again", async () => {
    const standby = await primary.standby({ max_standby_streaming_delay: "0" })
    const trail = await standby.trail()
    const made = await create(trail)
    expect(made).toMatchObject({ act: null, not_recorded: "this server is a standby", events: "2000" })
    expect((await place.manifest(made.name)).is_standby).toBe(true)
    expect(await place.closes(made.name)).toBe(2000)
    const told: string[] = []
    let isDone = false
    const again = await trail.createBackup({
      to: place.to,
      jobs: 1,
      progress: (doing) => {
        told.push(doing)
        if (isDone || !/^[1-9]/.test(doing)) return
        isDone = true
        // What every snapshot before sees goes, and the replay of that waits for nobody.
        void primary
          .query(
            "insert into pgtrail.event (event_type) select 'a' from generate_series(1, 300); vacuum pgtrail.chain_head",
          )
          .catch(() => undefined)
      },
    })
    expect(await place.closes(again.name)).toBeGreaterThanOrEqual(2000)
    await standby.stop("fast")
  })

  test("of a server that is killed ends, and the next one after its recovery goes on", async () => {
    const trail = await primary.trail()
    let stopping: Promise<void> | undefined
    const refused = await failureOf(
      trail.createBackup({
        to: place.to,
        jobs: 1,
        progress: (doing) => {
          if (/^[1-9].* [1-9]\d* of /.test(doing)) stopping ??= primary.stop("kill")
        },
      }),
    )
    expect(["connection-lost", "unreachable"]).toContain(refused.code)
    await stopping
    await primary.start()
    const made = await create(await primary.trail())
    expect(Number(made.taken_over)).toBeGreaterThan(0)
    expect(await place.closes(made.name)).toBeGreaterThanOrEqual(2000)
  })

  /** What has a manifest is whole; the next one is. */
  async function expectGoesOn(before: readonly string[]): Promise<void> {
    await primary.start()
    for (const name of (await place.names()).filter((one) => !before.includes(one))) {
      if ((await place.files(name)).includes("manifest.json")) expect(await place.closes(name)).toBe(2000)
    }
    const made = await create(await primary.trail())
    expect(made.act).not.toBeNull()
    expect(await place.closes(made.name)).toBe(2000)
  }

  test.each([
    ["plans", /^looking at the log/],
    ["writes its lists", /^writing the lists/],
  ])("of a server that is killed while it %s leaves none that is not whole", async (_, when) => {
    await primary.query("delete from pgtrail.event where event_type = 'a'").catch(() => undefined)
    const before = await place.names()
    let stopping: Promise<void> | undefined
    const trail = await primary.trail()
    await create(trail, (doing) => {
      if (when.test(doing)) stopping ??= primary.stop("kill")
    }).catch((error: unknown) =>
      expect(error).toMatchObject({ code: expect.stringMatching(/^(connection-lost|unreachable)$/) }),
    )
    await stopping
    await expectGoesOn(before)
  })

  test("of a server that is killed when the last list is written, or when it is to be recorded, is whole, and says that no act records it", async () => {
    for (const step of ["runs.copy.gz", "act"]) {
      const before = await place.names()
      const trail = await primary.trail()
      let inside: FSWatcher | undefined
      let stopping: Promise<void> | undefined
      const holder = await primary.client()
      holder.on("error", () => undefined)
      if (step === "act") await holder.query("begin; lock table pgtrail.act in exclusive mode")
      const outside = watch(place.folder, (_, name) => {
        if (step === "act" || inside !== undefined || name === null || before.includes(name)) return
        inside = watch(join(place.folder, name), (_, file) => {
          if (file === step) stopping ??= primary.stop("kill")
        })
      })
      const making = create(trail)
      making.catch(() => undefined)
      if (step === "act") {
        await until("it waits to be recorded", async () => {
          const waiting = await primary.query("select from pg_locks where not granted")
          return waiting.length > 0
        })
        stopping = primary.stop("kill")
      }
      const made = await making.catch((error: unknown) => error)
      outside.close()
      inside?.close()
      await stopping
      if (step === "act")
        expect(made).toMatchObject({ act: null, not_recorded: expect.stringContaining("lost") })
      if (made instanceof Error)
        expect(made).toMatchObject({ code: expect.stringMatching(/connection-lost|unreachable/) })
      await expectGoesOn(before)
    }
  })
})
