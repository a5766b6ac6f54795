// Following while the server stops, crashes, is a standby, or is set back: it goes on exactly where it was, or says why it does not.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type FollowOptions, type Trail, TrailError } from "../../src/data/index.js"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"

describe.skipIf(!canStart)("following", () => {
  let cluster: Cluster
  let server: Server
  let trail: Trail
  beforeAll(async () => {
    cluster = await startCluster({ settings: { synchronous_commit: "local" } })
    server = cluster.primary
    trail = await server.trail()
  })
  afterAll(() => cluster?.remove())

  const append = (on: Server, name: string, count = 1) =>
    on.query(
      "insert into pgtrail.event (organization_id, event_type) select 'o' || i % 3, $1 from generate_series(1, $2::int) i",
      [name, count],
    )

  interface Read {
    readonly types: string[]
    readonly told: string[]
    readonly error: unknown
    readonly cursor: { readonly cursor: string }
  }

  /** `on`: called when the first event of a type has come, before the next is asked for. */
  async function read(
    from: Trail,
    options: FollowOptions,
    on: Record<string, () => Promise<unknown>> = {},
  ): Promise<Read> {
    const types: string[] = []
    const told: string[] = []
    const following = await from.follow({ pollMs: 5, tell: (message) => told.push(message), ...options })
    let error: unknown
    try {
      for await (const { event_type: type } of following) {
        const isFirst = !types.includes(type ?? "")
        types.push(type ?? "")
        if (isFirst) await on[type ?? ""]?.()
        if (type === "end") break
      }
    } catch (cause) {
      error = cause
    }
    return { types, told, error, cursor: { cursor: following.cursor() } }
  }

  test("goes on over a stop, a crash and the end of its session, each event once, and says so once", async () => {
    await append(server, "first", 3000)
    const restart = async (mode: "fast" | "immediate", next: string) => {
      await server.stop(mode)
      // Nobody is there for a while.
      await server.start()
      await append(server, next, 5)
    }
    const { types, told, error } = await read(
      trail,
      { from: "beginning", keepsOn: true, verify: true },
      {
        first: () => restart("fast", "second"),
        second: () => restart("immediate", "third"),
        async third() {
          await server.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test' and pid <> pg_backend_pid()",
          )
          await append(server, "fourth", 5)
        },
        fourth: () => append(server, "end"),
      },
    )
    expect(error).toBeUndefined()
    const count = (type: string) => types.filter((one) => one === type).length
    expect(["first", "second", "third", "fourth", "end"].map(count)).toEqual([3000, 5, 5, 5, 1])
    expect(told.filter((message) => message.includes("trying again"))).toHaveLength(3)
  }, 60_000)

  test("without going on a lost server ends it, and the cursor is where it was", async () => {
    const { cursor } = await read(trail, { from: { newest: 0 } })
    await append(server, "more", 50)
    const first = await read(trail, { from: cursor }, { more: () => server.stop("fast") })
    expect(first.types.length).toBeGreaterThan(0)
    await expect(
      trail.follow({ from: cursor }).then((one) => one[Symbol.asyncIterator]().next()),
    ).rejects.toMatchObject({
      code: "unreachable",
    })
    await server.start()
    const rest = await read(trail, { from: first.cursor })
    // One page had come already.
    expect(first.types.length + rest.types.length).toBe(50)
    expect(rest.error).toBeUndefined()
  })

  test("other errors end it: a right that was taken away", async () => {
    await server.query("create role watcher login in role pgtrail_reader")
    const { open } = await import("../../src/data/index.js")
    const own = await open({ connectionString: server.url.replace("postgres@", "watcher@") })
    await append(server, "before")
    const { error } = await read(
      own,
      { from: { newest: 1 }, keepsOn: true },
      {
        async before() {
          await server.query("revoke pgtrail_reader from watcher")
          await append(server, "after")
        },
      },
    )
    await own.close()
    expect(error).toMatchObject({ code: "privilege" })
  })

  test("a standby is followed, and one that lags behind a cursor is no log that was set back", async () => {
    const standby = await server.standby()
    const reader = await standby.trail()
    const { cursor } = await read(reader, { from: { newest: 0 } })
    const following = read(
      reader,
      { from: cursor, keepsOn: true },
      {
        live: () => append(server, "end"),
      },
    )
    await append(server, "live", 3)
    expect((await following).types).toEqual(["live", "live", "live", "end"])

    await standby.query("select pg_wal_replay_pause()")
    await append(server, "ahead", 5)
    const ahead = (await read(trail, { from: { newest: 0 } })).cursor
    const late = await read(reader, { from: ahead })
    expect(late).toMatchObject({
      types: [],
      error: { code: "retry", message: expect.stringContaining("the standby has not come to") },
    })
    const waiting = read(reader, { from: ahead, keepsOn: true, filter: {} })
    await standby.query("select pg_wal_replay_resume()")
    await standby.caughtUp(server)
    await append(server, "end")
    expect(await waiting).toMatchObject({ types: ["end"], error: undefined })
    await standby.stop("immediate")
  }, 60_000)

  test("a log that was set back is said to be, also when it was written on since, and nothing is skipped", async () => {
    const { cursor: early } = await read(trail, { from: { newest: 0 } })
    await server.stop("fast")
    const old = await server.copy()
    await server.start()
    await append(server, "lost", 30)
    const { cursor } = await read(trail, { from: early })
    const other = (await read(trail, { from: { newest: 0 } })).cursor
    await server.stop("fast")
    await server.takeDataOf(old)
    await server.start()
    const short = await read(trail, { from: cursor })
    expect(short.error).toBeInstanceOf(TrailError)
    expect(short).toMatchObject({
      types: [],
      error: {
        code: "broken",
        message: expect.stringMatching(/lane o\d\/\d+ ends at \d+, and had come to \d+/),
      },
    })
    expect((short.error as TrailError).hint).toContain("pgtrail incarnation list")
    // As many events as before, and more: other ones.
    await append(server, "new", 60)
    for (const options of [{ from: cursor }, { from: other }, { from: other, verify: true }]) {
      const found = await read(trail, options)
      expect(found).toMatchObject({ types: [], error: { code: "broken" } })
    }
    expect((await read(trail, { from: early })).types).toHaveLength(60)
  }, 60_000)
})
