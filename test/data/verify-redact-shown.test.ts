// A redacted event as it is shown, followed and explained: what was replaced and how often, and what is wrong with it, if something is.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { describeEvent } from "../../src/data/query/describe.js"
import { append, type RedactedLog, redactedLog } from "./verify-redact-fixture.js"

let log: RedactedLog
beforeAll(async () => {
  log = await redactedLog()
})
beforeEach(() => log.restore())
afterAll(() => log.db.drop())

const at = (seq: number) => `organization_id = 'acme' and seq = ${seq}`
const show = (seq: number) => log.trail.show({ organization: "acme", lane: "0", seq: String(seq) })

test("an event whose values were replaced verifies, and says which and how often, and by no act", async () => {
  const shown = await show(1)
  expect(shown).toMatchObject({
    verifies: true,
    problems: [],
    redactions: [
      {
        group: "identity",
        times: 1,
        fields: ["actor_email", "actor_id", "actor_name", "ip_address", "user_agent"],
      },
      {
        group: "content",
        times: 1,
        fields: [
          "after_state",
          "description",
          "details.1.0",
          "details.1.1.1",
          "details.2",
          "signature",
          "tags",
        ],
      },
    ],
  })
  expect(describeEvent(shown)).toMatch(
    /^redacted +identity, once: actor_email, actor_id, actor_name, ip_address, user_agent; the values recorded were others$/m,
  )
  expect((await show(2)).redactions?.map(({ times }) => times)).toEqual([2, 2])
  expect(await show(3)).toMatchObject({ verifies: true, redactions: [] })
})

test.each([
  [
    "altered",
    `update pgtrail.event set actor_name = 'Eve' where ${at(1)}`,
    "its identity was altered after it was redacted",
  ],
  [
    "without its entry",
    `delete from pgtrail.redaction_entry where ${at(1)} and group_name = 'identity'`,
    "its identity was redacted, and no redaction was recorded there",
  ],
  [
    "with the entry of another",
    `update pgtrail.redaction_entry set old_digest = sha256('x') where ${at(1)} and group_name = 'identity'`,
    "its identity was redacted, and the entries of its redactions do not fit it: they are not of this event",
  ],
])("one that is %s does not, when it is shown and when it is followed", async (_what, sql, problem) => {
  await log.tamper(sql)
  expect(await show(1)).toMatchObject({ verifies: false, problems: [problem] })
  const following = await log.trail.follow({ verify: true, filter: { organization: "acme" } })
  await expect(
    (async () => {
      for await (const _ of following);
    })(),
  ).rejects.toMatchObject({
    code: "broken",
    message: `the ${problem.slice(4).replace(" ", " of event acme/0/1 ")}`,
  })
})

test("an event that only has an entry is shown as one whose values came back", async () => {
  await log.tamper(
    `insert into pgtrail.redaction_entry values ('acme', 0, 3, 'identity', 1, '{actor_id}', sha256('x'), sha256('y'))`,
  )
  expect(await show(3)).toMatchObject({
    verifies: false,
    problems: [
      "its identity was redacted, and has values that no redaction left: somebody brought them back",
    ],
  })
})

test("redacted events are followed as others are, and checked", async () => {
  await append(log.db, 5, "acme")
  const following = await log.trail.follow({ verify: true })
  let count = 0
  for await (const _ of following) count += 1
  expect(count).toBe(65)
  expect(following.checked).toBe(65n)
})

test("a finding about a redacted group is explained as long as it is so", async () => {
  await log.tamper(`update pgtrail.event set actor_name = 'Eve' where ${at(1)}`)
  const { act } = await log.trail.verify({ jobs: 1 })
  const explained = async () => (await log.trail.verification({ act: act ?? "" })).findings[0]?.explanation
  expect(await explained()).toMatchObject({
    still: true,
    says: expect.arrayContaining(["its identity was altered after it was redacted"]),
  })
  await log.tamper(`update pgtrail.event set actor_name = null where ${at(1)}`)
  expect(await explained()).toMatchObject({
    still: false,
    says: ["what is there now is what its redactions left"],
  })
})
