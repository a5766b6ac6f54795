// verification list and show on a read-only standby; accept says why it cannot.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Cluster, canStart, type Server, startCluster } from "./cluster.js"

describe.skipIf(!canStart)("on a standby", () => {
  let cluster: Cluster
  let standby: Server
  beforeAll(async () => {
    cluster = await startCluster({ settings: { track_commit_timestamp: "on" } })
    const { primary } = cluster
    await primary.query("insert into pgtrail.event (event_type) select 'a' from generate_series(1, 5)")
    await primary.query(
      "set session_replication_role = replica; update pgtrail.event set actor_id = 'x' where seq = 3",
    )
    await (await primary.trail()).verify({ jobs: 1 })
    standby = await primary.standby()
    await standby.caughtUp(primary)
  })
  afterAll(() => cluster?.remove())

  test("list and show work, with the time at which each row was written", async () => {
    const trail = await standby.trail()
    expect(await trail.verifications()).toMatchObject([{ verdict: "tampered", findings: "1" }])
    const { findings } = await trail.verification()
    expect(findings[0]?.explanation).toMatchObject({ still: true, found_by: "trial", groups: ["identity"] })
    expect(findings[0]?.explanation.rows[0]?.commit_time).toMatch(/^\d{4}-.*Z$/)
  })

  test("accept says that an act is recorded on the primary", async () => {
    const trail = await standby.trail()
    const [finding] = (await trail.verification()).findings
    await expect(trail.acceptFinding(finding?.id ?? "", { reason: "known" })).rejects.toMatchObject({
      code: "read-only",
      message: expect.stringContaining("this server is a standby"),
      hint: "nothing was accepted; connect to the primary",
    })
  })
})
