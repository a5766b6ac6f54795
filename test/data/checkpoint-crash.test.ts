// Checkpoints on servers of their own: a crash takes none back, and a standby makes none.
import { afterAll, beforeAll, expect, test } from "vitest"
import { openCheckpoint } from "../../src/data/checkpoint/anchor.js"
import { folder, keyPair } from "./checkpoint-fixture.js"
import { type Cluster, canStart, startCluster } from "./cluster.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
const pair = keyPair()
const key = pair.secret
let cluster: Cluster

beforeAll(async () => {
  // What an application may do: commits that a crash takes back, unless somebody waits for the disk.
  if (canStart)
    cluster = await startCluster({ settings: { synchronous_commit: "off", wal_writer_delay: "10s" } })
})
afterAll(async () => {
  await cluster?.remove()
  remove()
})

test.runIf(canStart)(
  "a crash right after a checkpoint takes neither its act nor an event before it",
  async () => {
    const { primary } = cluster
    const trail = await primary.trail()
    await primary.query("insert into pgtrail.event (event_type) select 'a' from generate_series(1, 50)")
    const made = await trail.createCheckpoint({ key, out: path("crash") })
    await primary.stop("immediate")
    await primary.start()
    const [act] = await primary.query("select encode(hash, 'hex') as hash from pgtrail.act where seq = $1", [
      made.act.seq,
    ])
    expect(act?.hash).toBe(made.act.hash)
    const opened = await openCheckpoint(path("crash"), [pair.verifier])
    for (const head of opened.heads) {
      const rows = await primary.query(
        "select from pgtrail.event where organization_id = $1 and lane = $2 and seq = $3 and hash = $4::bytea",
        [head.organization_id, head.lane, head.seq, head.hash],
      )
      expect(rows.length).toBe(1)
    }
  },
)

test.runIf(canStart)(
  "on a standby it is refused with the reason, and those of the primary are listed",
  async () => {
    const standby = await cluster.primary.standby()
    const trail = await standby.trail()
    const error = await failureOf(trail.createCheckpoint({ key, out: path("standby") }))
    expect(error).toMatchObject({
      code: "read-only",
      message: "this server is a standby, where the act of a checkpoint cannot be recorded",
      hint: "nothing was changed; connect to the primary",
    })
    expect((await trail.checkpoints()).length).toBe(1)
    expect((await trail.incarnations()).length).toBe(1)
    const opening = trail.openIncarnation({ reason: "failover", checkpoint: path("crash"), publicKeys: [] })
    expect(await failureOf(opening)).toMatchObject({ code: "config" })
  },
)
