// A reader of one organization: what it comes by when others are dropped, renamed or made anew.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail

beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await trail.append([
    { organization_id: "acme", event_type: "a" },
    { organization_id: "globex", event_type: "a" },
  ])
})
afterAll(async () => {
  await db.drop()
})

const seen = (role: string, source: string): Promise<unknown> =>
  db.asRole(role, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select distinct organization_id as name from pgtrail.${source} order by 1`,
    )
    return rows.map(({ name }) => name)
  })

test("whoever gets the name of a role that was dropped has not its bindings, by way of a group either", async () => {
  const team = await db.role()
  const bob = await db.role()
  await trail.grant({ right: "reader", role: team.name, organizations: ["acme"] })
  await trail.grant({ right: "reader", role: bob.name, organizations: ["globex"] })
  expect(await seen(bob.name, "organization_event")).toEqual(["globex"])
  await db.query(`drop role "${bob.name}"`)
  await db.query(`create role "${bob.name}" login; grant "${team.name}" to "${bob.name}"`)
  expect(await seen(bob.name, "organization_event")).toEqual(["acme"])
  expect(await seen(bob.name, "organization_head")).toEqual(["acme"])
  const { grants } = await trail.grants()
  expect(grants.filter(({ role }) => role === bob.name)).toMatchObject([
    { via: team.name, organizations: ["acme"], odd: null },
    {
      via: "direct",
      organizations: ["globex"],
      odd: "is no member of pgtrail_organization_reader: it reads nothing",
    },
  ])
  const granted = await trail.grant({ right: "reader", role: bob.name, organizations: ["acme"] })
  expect(granted.organizations).toEqual(["acme"])
  expect(await seen(bob.name, "organization_event")).toEqual(["acme"])
})

test("a revoke that takes only the membership back says so: another database may have bound the role", async () => {
  const role = await db.role({ memberOf: ["pgtrail_organization_reader"] })
  const { changes, warnings } = await trail.revoke({ right: "reader", role: role.name })
  expect(changes).toMatchObject([{ changed: false }])
  expect(warnings).toEqual([
    `"${role.name}" was bound to nothing here, but a member of pgtrail_organization_reader: it is none any more, and reads no other log of this server by it either`,
  ])
  expect((await trail.revoke({ right: "reader", role: role.name })).warnings).toEqual([])
})
