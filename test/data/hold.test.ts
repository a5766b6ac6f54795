// Legal holds: what they name, what the answers count, and what is refused.
import { expect, test } from "vitest"
import type { NewHold } from "../../src/data/index.js"
import { failureOf } from "./failure.js"
import { heldLogs, idOf } from "./hold-fixture.js"

const log = heldLogs()

test.each<[string, Partial<NewHold>, number[]]>([
  ["an organization", { organization: "acme" }, [1, 2, 3]],
  ["an actor, in any organization, letter by letter", { actor: "u1" }, [1, 4]],
  ["all resources of a type", { resourceType: "doc" }, [1, 2, 4]],
  ["one resource: an event without an id is not it", { resourceType: "doc", resourceId: "1" }, [1]],
  ["a correlation", { correlation: "c1" }, [1, 3]],
  ["a type and what begins with it and a dot: not authz", { type: "auth" }, [1, 2, 4]],
  ["a longer type", { type: "auth.login" }, [2, 4]],
  ["a time on, with its first moment", { since: "2026-01-03T00:00:00Z" }, [3, 4, 5, 6]],
  ["a time up to, without its last moment", { until: "2026-01-03T00:00:00Z" }, [1, 2]],
  ["all of it at once", { organization: "acme", actor: "u1", type: "auth" }, [1]],
  ["what no event has", { actor: "u1", correlation: "c9" }, []],
  ["half of it", { organization: "globex", resourceType: "document" }, []],
])("a hold on %s holds these and no others, and counts them", async (_, what, events) => {
  const { db, heldBy, hold } = log()
  const { held } = await hold(what)
  expect(await heldBy()).toEqual(events)
  expect(held?.events).toBe(String(events.length))
  const sum = held?.months.reduce((total, month) => total + Number(month.events), 0)
  expect(sum).toBe(events.length)
  // What retention would take is counted with the same condition.
  const plan = await db.query(
    "select sum(p.held) as held from pgtrail.partitions() n, pgtrail.retention_plan(n.name, '2999-01-01Z') p",
  )
  expect(Number(plan[0]?.held ?? 0)).toBe(events.filter((n) => n !== 6).length)
})

test("an event that is appended after the hold, late or not, is held as those before", async () => {
  const { trail, heldBy, hold } = log()
  await hold({ actor: "late" })
  expect(await heldBy()).toEqual([])
  await trail.append({ event_type: "x", actor_id: "late", id: idOf(7).slice(1, -1) })
  await trail.append({
    event_type: "x",
    actor_id: "late",
    occurred_at: "2001-01-01T00:00:00Z",
    id: idOf(8).slice(1, -1),
  })
  expect(await heldBy()).toEqual([7, 8])
  expect((await trail.hold("C")).held).toMatchObject({ events: "2" })
})

test("to release one case leaves what another holds; the answer counts what may go now", async () => {
  const { db, trail, heldBy, hold } = log()
  await hold({ actor: "u1" })
  await hold({ organization: "globex" })
  await trail.addHold({ case: "D", reason: "r", organization: "globex", type: "auth" })
  expect((await trail.hold("C")).held).toMatchObject({ events: "4" })
  const released = await trail.releaseHold("C", { reason: "settled", requestedBy: "Legal 4" })
  expect(released.holds.map(({ case_id }) => case_id)).toEqual(["C", "C"])
  expect(released).toMatchObject({
    held: { events: "4" },
    free: {
      events: "3",
      organizations: [
        { organization_id: "acme", events: "1" },
        { organization_id: "globex", events: "2" },
      ],
      months: [{ month: "2026-01" }, { month: "2026-02" }, { month: "infinity" }],
    },
  })
  expect(await heldBy()).toEqual([4])
  expect(await failureOf(trail.releaseHold("C", { reason: "again" }))).toMatchObject({ code: "not-found" })
  expect(await db.query("select parameters from pgtrail.act where kind = 'release'")).toEqual([
    {
      parameters: expect.stringMatching(
        /"case": "C".*"holds": \[\d+, \d+\].*"reason": "settled".*"requested_by": "Legal 4"/,
      ),
    },
  ])
})

test.each<[Partial<NewHold>, string]>([
  [{}, "a hold names an organization, an actor, a resource, a correlation, a type or a time"],
  [{ organization: "" }, "what a hold names is not empty, and a resource has a type"],
  [{ resourceId: "1", organization: "acme" }, "what a hold names is not empty, and a resource has a type"],
  [{ type: "auth." }, "the type of a hold is the beginning of types, without a dot or a star at its end"],
  [{ actor: "u", since: "2026-01-02Z", until: "2026-01-02Z" }, "a hold begins before it ends"],
  [{ actor: "u", expires: "2020-01-01Z" }, "a hold expires in the future"],
  [{ actor: "u", expires: "infinity" }, "a hold expires in the future"],
  [{ actor: "u", case: " " }, "a hold takes a case, of 200 characters at most"],
  [{ actor: "u", reason: "\n" }, "a hold takes a reason, of 2000 characters at most"],
  [{ actor: "\0" }, "actor has the character NUL (\\u0000), which PostgreSQL cannot store"],
])("what is no hold is refused, and nothing is recorded: %j", async (what, message) => {
  const { db, trail, hold } = log()
  expect(await failureOf(hold(what))).toMatchObject({ code: "usage", message, hint: "nothing was held" })
  expect(await trail.holds({ all: true })).toEqual([])
  expect(await db.query("select from pgtrail.act where kind = 'hold'")).toEqual([])
})

test("what is hostile is text and nothing else, and no act has what may be personal", async () => {
  const { db, trail, hold } = log()
  const evil = "'); drop schema pgtrail cascade; --%I $1"
  await trail.append({
    event_type: "x",
    actor_id: evil,
    correlation_id: evil,
    resource_type: "r",
    resource_id: evil,
  })
  const { held } = await hold({ actor: evil, correlation: evil, resourceType: "r", resourceId: evil })
  expect(held?.events).toBe("1")
  expect(await db.query("select from pgtrail.act where parameters::text like '%drop schema%'")).toEqual([])
})

test("who is stopped while it counts is told that the hold is in force all the same", async () => {
  const { trail } = log()
  const stop = new AbortController()
  const hold = { case: "C 1", reason: "r", actor: "u1" }
  const work = () => trail.addHold(hold, { signal: stop.signal, progress: () => stop.abort() })
  expect(await failureOf(work)).toMatchObject({
    code: "cancelled",
    message: expect.stringMatching(/^the hold is in force, act \d+; the events were not counted: stopped$/),
    hint: 'pgtrail hold show "C 1" tells of it',
  })
  expect(await trail.holds()).toMatchObject([{ case_id: "C 1", state: "in force" }])
  const release = () => trail.releaseHold("C 1", { reason: "r", signal: stop.signal })
  expect((await failureOf(release)).message).toMatch(/^the case is released, act \d+; the events were not/)
  expect(await trail.holds()).toEqual([])
})
