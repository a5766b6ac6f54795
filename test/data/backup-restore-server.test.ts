// kill -9 of the whole server while a backup is restored over a log: that log is there whole, and the same again replaces it.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Cluster, canStart, type Server, startCluster, until } from "./cluster.js"
import { failureOf } from "./failure.js"

describe.skipIf(!canStart)("a server", () => {
  let cluster: Cluster
  let server: Server
  let trail: Trail
  let folder: string
  let backup: string
  beforeAll(async () => {
    cluster = await startCluster({ settings: { synchronous_commit: "on", full_page_writes: "on" } })
    server = cluster.primary
    trail = await server.trail()
    folder = await mkdtemp(join(tmpdir(), "pgtrail-backup-"))
    await server.query("insert into pgtrail.event (event_type) select 'x' from generate_series(1, 50)")
    const { name } = await trail.createBackup({ to: pathToFileURL(folder).href })
    backup = `${pathToFileURL(folder).href}/${name}`
    await server.query("insert into pgtrail.event (event_type) select 'late' from generate_series(1, 5)")
  })
  afterAll(async () => {
    await trail?.close()
    await cluster?.remove()
    await rm(folder, { recursive: true, force: true })
  })

  test.each([
    ["loads a partition", "CREATE INDEX", "to_regnamespace('pgtrail_restore') is not null"],
    ["replaces the log", "CREATE FUNCTION", "true"],
    ["is about to open an incarnation", "GRANT", "to_regnamespace('pgtrail_replaced') is not null"],
  ])("that dies while a restore %s has the log that it had", async (step, tag, condition) => {
    await server.query(
      `create function public.stop() returns event_trigger language plpgsql as $$
       begin if ${condition} then perform pg_advisory_xact_lock_shared(42, 7); end if; end $$;
       create event trigger stop on ddl_command_end when tag in ('${tag}') execute function public.stop()`,
    )
    const holder = await server.client()
    await holder.query("select pg_advisory_lock(42, 7)")
    const refused = failureOf(trail.restoreBackup(backup, { confirm: "pgtrail", verify: false }))
    await until(`it ${step}`, async () => {
      const waiting = await server.query(
        "select from pg_locks where locktype = 'advisory' and classid = 42 and not granted",
      )
      return waiting.length === 1
    })
    await server.stop("kill")
    expect(await refused).toMatchObject({ code: expect.stringMatching(/connection-lost|unreachable/) })
    await server.start()
    await server.query("drop event trigger stop; drop function public.stop()")
    expect(await server.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "55" }])
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
  })

  const there = () =>
    server.query(
      "select nspname as n from pg_namespace where nspname like any ('{pgtrail%,copy%}') order by 1",
    )

  test("that dies while a restore copies has the log that it had, and of a schema beside it nothing", async () => {
    for (const options of [{ confirm: "pgtrail", verify: false }, { schema: "copy" }]) {
      let stopping: Promise<void> | undefined
      const progress = (doing: string): void => {
        if (doing.endsWith(" MB loaded")) stopping ??= server.stop("kill")
      }
      const error = await failureOf(trail.restoreBackup(backup, { ...options, jobs: 1, progress }))
      expect(error).toMatchObject({ code: expect.stringMatching(/connection-lost|unreachable/) })
      await stopping
      await server.start()
      expect((await there()).map(({ n }) => n)).toEqual(["pgtrail", "pgtrail_restore"])
      expect(await server.query("select count(*) as n from pgtrail.event")).toEqual([{ n: "55" }])
    }
    expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({ verdict: "intact", findings: [] })
    await trail.restoreBackup(backup, { schema: "copy" })
    expect((await there()).map(({ n }) => n)).toEqual(["copy", "pgtrail"])
    await server.query("drop schema copy cascade")
  })

  test.each([
    ["begins", /^verifying/],
    ["has read the events", /^verified/],
  ])(
    "that dies while the verification of the restored log %s has both logs, and whoever waits for it hears so",
    async (_when, when) => {
      let stopping: Promise<void> | undefined
      const progress = (doing: string): void => {
        if (when.test(doing)) stopping ??= server.stop("immediate")
      }
      const failure = await failureOf(trail.restoreBackup(backup, { confirm: "pgtrail", progress }))
      expect(failure).toMatchObject({
        code: "incomplete",
        message: expect.stringMatching(/^the log is restored; then: /),
        hint: expect.stringMatching(
          /^run it by itself: pgtrail verify .*is still in schema pgtrail_replaced/,
        ),
      })
      await stopping
      await server.start()
      expect((await there()).map(({ n }) => n)).toEqual(["pgtrail", "pgtrail_replaced"])
      expect(await trail.verify({ jobs: 1, record: false })).toMatchObject({
        verdict: "intact",
        findings: [],
      })
    },
  )

  test("that has died replaces the log when it is told so again", async () => {
    const done = await trail.restoreBackup(backup, { confirm: "pgtrail" })
    expect(done).toMatchObject({ replaced: { newer: "0" }, verification: { verdict: "intact" } })
    expect(await server.query("select nspname as n from pg_namespace where nspname like 'pgtrail%'")).toEqual(
      [{ n: "pgtrail" }],
    )
  })
})
