// What happened to a resource: what is a change, what a read, and how a change reads, digit by digit.
import { isDeepStrictEqual } from "node:util"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { jsonDiff, pathWords } from "../../src/data/investigate/json-diff.js"
import { accessOf, type ResourceEvent, type ResourceOptions } from "../../src/data/investigate/resource.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query(`insert into pgtrail.event (organization_id, event_type, action, outcome, actor_id, resource_type, resource_id, before_state, after_state,
      occurred_at) values
    ('acme', 'file.created', null, 'success', 'u1', 'file', 'a/b', null, '{"title": "x", "price": 1.10, "n": 9007199254740993}', '2026-01-01Z'),
    ('acme', 'file.opened', 'READ', 'success', 'u2', 'file', 'a/b', null, null, '2026-02-01Z'),
    ('acme', 'file.op', null, 'success', 'u1', 'file', 'a/b', '{"title": "x", "price": 1.10, "n": 9007199254740993, "tags": ["a", "b"]}',
      '{"title": "y", "price": 1.1, "n": 9007199254740992, "tags": ["z", "a", "b"], "odd key": {"a": null}}', '2026-03-01Z'),
    ('acme', 'file.update', null, 'denied', 'u3', 'file', 'a/b', null, null, '2026-04-01Z'),
    ('acme', 'file.blessed', null, 'success', 'u4', 'file', 'a/b', null, null, '2026-05-01Z'),
    ('acme', 'file.read', 'read', 'success', 'u5', 'file', 'a', null, null, '2026-05-01Z'),
    ('globex', 'file.read', null, 'success', 'secret', 'file', 'a/b', null, null, '2026-06-01Z')`)
})
afterAll(() => db.drop())

async function history(
  typed: string,
  options: ResourceOptions = {},
): Promise<{ events: ResourceEvent[]; more: boolean }> {
  const found = await trail.resource(typed, options)
  const events: ResourceEvent[] = []
  for await (const event of found) events.push(event)
  return { events, more: found.more }
}

test("changes and reads stand newest first, over organizations, each with who did it", async () => {
  const { events, more } = await history("file/a/b")
  expect(events.map(({ access, row, place }) => [access, row.actor_id, place])).toEqual([
    ["read", "secret", "globex/0/1"],
    ["other", "u4", "acme/0/5"],
    ["change", "u3", "acme/0/4"],
    ["change", "u1", "acme/0/3"],
    ["read", "u2", "acme/0/2"],
    ["change", "u1", "acme/0/1"],
  ])
  expect(more).toBe(false)
})

test("changes alone: the limit counts them, and what differs is told path by path without losing a digit", async () => {
  const { events, more } = await history("file/a/b", { organization: "acme", changes: true, limit: 2 })
  expect(more).toBe(true)
  expect(events.map(({ place }) => place)).toEqual(["acme/0/4", "acme/0/3"])
  expect(events[1]?.changes).toEqual([
    { path: "$.n", old: "9007199254740993", new: "9007199254740992" },
    { path: "$.tags[0]", old: null, new: '"z"' },
    { path: "$.price", old: "1.10", new: "1.1" },
    { path: "$.title", old: '"x"', new: '"y"' },
    { path: '$."odd key"', old: null, new: '{"a": null}' },
  ])
  const { events: all } = await history("file/a/b", { organization: "acme", changes: true })
  expect(all.at(-1)?.changes).toContainEqual({ path: "$.price", old: null, new: "1.10" })
})

test("a type alone is refused, and what does not exist has no events", async () => {
  expect(await failureOf(trail.resource("file"))).toMatchObject({
    code: "usage",
    hint: "pgtrail resource list file",
  })
  expect((await failureOf(trail.resource("/x"))).code).toBe("usage")
  expect((await history("file/'; drop schema pgtrail; --")).events).toEqual([])
  expect((await history("file/%")).events).toEqual([])
})

test("a reader of one organization is told nothing of the others", async () => {
  const role = await db.role()
  await trail.grant({ right: "reader", role: role.name, organizations: ["acme"] })
  const his = await db.trail({ url: role.url })
  const seen: string[] = []
  for await (const { place } of await his.resource("file/a/b")) seen.push(place)
  expect(seen).toEqual(["acme/0/5", "acme/0/4", "acme/0/3", "acme/0/2", "acme/0/1"])
  const { rows } = await his.resources({ since: "2026-01-01T00:00:00Z", until: "2026-07-01T00:00:00Z" })
  expect(
    rows.map((row) => `${row.organization_id}/${row.resource_type}/${row.resource_id} ${row.events}`),
  ).toEqual(["acme/file/a/b 5", "acme/file/a 1"])
})

describe("what an event did to its resource", () => {
  const event = (given: Record<string, string | null>) =>
    accessOf({ event_type: "x", outcome: "success", ...given })
  test.each([
    ["change", { action: "delete" }],
    ["change", { action: "CREATE" }],
    ["change", { event_type: "user.password.changed" }],
    ["change", { event_type: "memory_updated" }],
    ["change", { action: "read", before_state: "{}", after_state: '{"a": 1}' }],
    ["change", { after_state: "{}" }],
    ["read", { action: "export" }],
    ["read", { action: "read", after_state: "{}" }],
    ["read", { event_type: "memory.searched" }],
    ["read", { event_type: "memory.retrieved", action: null }],
    ["other", { event_type: "auth.login" }],
    ["other", { event_type: "file.read", action: "touched by hand" }],
  ])("%s: %j", (access, given) => {
    expect(event(given)).toBe(access)
  })
})

describe("the difference of two JSON texts", () => {
  /** Puts the changes into the older value: what comes out must be the newer. */
  function applied(old: unknown, changes: ReturnType<typeof jsonDiff>): unknown {
    let value = structuredClone(old)
    // From behind, so that a place in an array still means what it meant.
    for (const { path, new: now } of [...changes].reverse()) {
      const steps = [...path.matchAll(/\.("(?:[^"\\]|\\.)*"|\w+)|\[(\d+)\]/g)].map(([, name, at]) =>
        at === undefined ? (name?.startsWith('"') ? JSON.parse(name) : name) : Number(at),
      )
      if (steps.length === 0) {
        value = now === null ? undefined : JSON.parse(now)
        continue
      }
      let parent = value as Record<string, unknown>
      for (const one of steps.slice(0, -1)) parent = parent[one] as Record<string, unknown>
      const last = steps.at(-1)
      if (now === null) {
        if (Array.isArray(parent)) parent.splice(last, 1)
        else delete parent[last]
      } else if (Array.isArray(parent) && changes.find((change) => change.path === path)?.old === null) {
        parent.splice(last, 0, JSON.parse(now))
      } else
        Object.defineProperty(parent, last, {
          value: JSON.parse(now),
          enumerable: true,
          writable: true,
          configurable: true,
        })
    }
    return value
  }

  const leaf = fc.oneof(
    fc.integer(),
    fc.string({ unit: "binary", maxLength: 5 }),
    fc.boolean(),
    fc.constant(null),
  )
  const key = fc
    .oneof(fc.constantFrom("a", "b", "c"), fc.string({ maxLength: 4 }))
    .filter((name) => name !== "__proto__")
  const json = (withArrays: boolean) =>
    fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.dictionary(key, tie("value"), { maxKeys: 4 }),
        ...(withArrays ? [fc.array(tie("value"), { maxLength: 4 })] : []),
      ),
    })).value

  test("of objects, whatever they hold, is enough to make the newer from the older", () => {
    fc.assert(
      fc.property(json(false), json(false), (old, now) => {
        expect(applied(old, jsonDiff(JSON.stringify(old), JSON.stringify(now)))).toEqual(now)
      }),
      { numRuns: 200 },
    )
  })

  test("is empty for equal values alone, and never tells what is the same", () => {
    fc.assert(
      fc.property(json(true), json(true), (a, b) => {
        const [old, now] = [JSON.stringify(a), JSON.stringify(b)]
        const changes = jsonDiff(old, now)
        expect(changes.length === 0).toBe(isDeepStrictEqual(JSON.parse(old), JSON.parse(now)))
        expect(changes.filter((change) => change.old === change.new)).toEqual([])
        expect(jsonDiff(old, old)).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  test("of arrays tells what was put in or taken out, not all behind it", () => {
    expect(jsonDiff('["a", "b", "c"]', '["a", "x", "b", "c"]')).toEqual([
      { path: "$[1]", old: null, new: '"x"' },
    ])
    expect(jsonDiff('["a", "b", "c"]', '["b", "c"]')).toEqual([{ path: "$[0]", old: '"a"', new: null }])
    expect(jsonDiff('[1, {"a": [1, 2]}, 3]', '[1, {"a": [1, 4]}, 3]')).toEqual([
      { path: "$[1].a[1]", old: "2", new: "4" },
    ])
    expect(jsonDiff("[1, 1, 1]", "[1, 1]")).toEqual([{ path: "$[2]", old: "1", new: null }])
    expect(jsonDiff("[]", "[]")).toEqual([])
  })

  test("of equal texts, of texts that are no objects, and of nothing", () => {
    expect(jsonDiff(null, null)).toEqual([])
    expect(jsonDiff('{"a": 1}', '{"a": 1}')).toEqual([])
    expect(jsonDiff("1.0", "1.00")).toEqual([{ path: "$", old: "1.0", new: "1.00" }])
    expect(jsonDiff(null, "{}")).toEqual([{ path: "$", old: null, new: "{}" }])
    expect(jsonDiff('{"a": 1}', null)).toEqual([{ path: "$.a", old: "1", new: null }])
    expect(jsonDiff('{"a": null}', "{}")).toEqual([{ path: "$.a", old: "null", new: null }])
    expect(jsonDiff('{"a": 1}', "[1]")).toEqual([{ path: "$", old: '{"a": 1}', new: "[1]" }])
    expect(["$", "$.a.b[1]", '$."odd key"', "$[0]"].map(pathWords)).toEqual([
      "(all)",
      "a.b[1]",
      '"odd key"',
      "[0]",
    ])
  })

  test("of texts that are nested deeper than anybody reads is found quickly", () => {
    const deep = (inner: string) => `${'{"a": '.repeat(5000)}${inner}${"}".repeat(5000)}`
    const [change, ...others] = jsonDiff(deep("1"), deep("2"))
    expect(others).toEqual([])
    expect(change?.path).toBe(`$${".a".repeat(40)}`)
  })
})
