// Rights are given and taken back: the membership and the act that says so together, or neither; and nobody who is bound gets more.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import type { AccessRequest, Grant, Trail } from "../../src/data/index.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
let role: Role
let is16: boolean
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await trail.append([
    { event_type: "a", organization_id: "acme" },
    { event_type: "a", organization_id: "globex" },
  ])
  is16 = (await db.query("select current_setting('server_version_num')::int >= 160000 as is"))[0]?.is === "t"
})
beforeEach(async () => {
  role = await db.role()
})
afterAll(() => db.drop())

const acts = (name = role.name) =>
  db
    .query(
      `select a.kind, a.parameters->>'right' as "right", a.parameters->>'organization' as organization from pgtrail.act a
       where a.parameters->>'role' = $1 order by a.seq`,
      [name],
    )
    .then((rows) => rows.map((row) => `${row.kind} ${row.right} ${row.organization ?? "-"}`))
const groups = (name = role.name) =>
  db
    .query(
      `select g.rolname as name from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles r on r.oid = m.member
       where r.rolname = $1 group by 1 order by 1`,
      [name],
    )
    .then((rows) => rows.map((row) => row.name))
const bindings = (name = role.name) =>
  db
    .query(
      "select organization_id as name from pgtrail.organization_reader where role_name = $1 order by 1",
      [name],
    )
    .then((rows) => rows.map((row) => row.name))
const state = async (name = role.name) => ({
  groups: await groups(name),
  bindings: await bindings(name),
  acts: await acts(name),
})
const request = (right: AccessRequest["right"], ...organizations: string[]): AccessRequest => ({
  right,
  role: role.name,
  organizations,
})
const refused = async (work: Promise<unknown>) =>
  work.then(
    () => ["done"],
    ({ code, message, hint }) => [
      code,
      message.replaceAll(role.name, "ROLE"),
      hint?.replaceAll(role.name, "ROLE"),
    ],
  )

test.each(["writer", "reader", "auditor", "operator", "privacy"] as const)(
  "a role becomes a %s, once, and is none any more",
  async (right) => {
    const granted = await trail.grant(request(right))
    expect(granted.changes).toMatchObject([
      { right, organization: null, changed: true, act: expect.any(String) },
    ])
    expect((await trail.grant(request(right))).changes).toMatchObject([{ changed: false, act: null }])
    expect(await state()).toEqual({ groups: [`pgtrail_${right}`], bindings: [], acts: [`grant ${right} -`] })
    expect((await trail.revoke(request(right))).changes).toMatchObject([{ changed: true }])
    expect((await trail.revoke(request(right))).changes).toMatchObject([{ changed: false, act: null }])
    expect(await state()).toEqual({
      groups: [],
      bindings: [],
      acts: [`grant ${right} -`, `revoke ${right} -`],
    })
  },
)

test("a reader is bound to organizations one by one; with the last of them its group goes", async () => {
  const first = await trail.grant(request("reader", "acme", "acme"))
  expect(first).toMatchObject({
    changes: [{ organization: "acme", changed: true }],
    organizations: ["acme"],
    warnings: [],
  })
  const second = await trail.grant(request("reader", "acme", "globex"))
  expect(second.organizations).toEqual(["acme", "globex"])
  expect(second.changes.map((change) => [change.organization, change.changed])).toEqual([
    ["globex", true],
    ["acme", false],
  ])
  expect(await groups()).toEqual(["pgtrail_organization_reader"])
  expect((await trail.revoke(request("reader", "globex", "other"))).organizations).toEqual(["acme"])
  expect(await groups()).toEqual(["pgtrail_organization_reader"])
  expect((await trail.revoke(request("reader"))).organizations).toBe(null)
  expect(await state()).toEqual({
    groups: [],
    bindings: [],
    acts: ["grant reader acme", "grant reader globex", "revoke reader globex", "revoke reader acme"],
  })
  expect((await trail.verify({ record: false })).findings).toEqual([])
})

test("what would be done is told, and nothing is done, by a dry run and by the SQL alone; psql then does the same", async () => {
  const bound = request("reader", "acme", "it's")
  const before = await state()
  const dry = await trail.grant({ ...bound, dryRun: true })
  expect(dry.changes).toMatchObject([{ changed: true }, { changed: true }])
  const { sql } = await trail.grant({ ...bound, sqlOnly: true })
  expect(await state()).toEqual(before)
  expect(sql).toBe(
    `grant pgtrail_organization_reader to ${role.name}${is16 ? " with inherit true" : ""};\n` +
      `select pgtrail.record_access('grant', '${role.name}', 'reader', 'acme');\n` +
      `select pgtrail.record_access('grant', '${role.name}', 'reader', 'it''s');\n`,
  )
  await db.query(`begin; ${sql} commit`)
  expect(await bindings()).toEqual(["acme", "it's"])
  expect((await trail.grant({ ...bound, sqlOnly: true })).sql).toBe("")
  await db.query(`begin; ${(await trail.revoke({ ...request("reader"), sqlOnly: true })).sql} commit`)
  expect(await state()).toMatchObject({ groups: [], bindings: [] })
})

test("a name is taken as it is spelt, whatever is in it", async () => {
  const name = `${role.name} "Ünd; drop role x --'`
  await db.query(`create role ${JSON.stringify(name).replaceAll('\\"', '""')}`)
  await trail.grant({ right: "reader", role: name, organizations: ["a 'b\" \\ %I"] })
  expect(await state(name)).toMatchObject({
    groups: ["pgtrail_organization_reader"],
    bindings: ["a 'b\" \\ %I"],
  })
  await trail.revoke({ right: "reader", role: name })
  expect(await state(name)).toMatchObject({ groups: [], bindings: [] })
  expect(await refused(trail.grant({ right: "reader", role: name.toUpperCase() }))).toMatchObject([
    "not-found",
    expect.any(String),
    expect.any(String),
  ])
  await db.query(`drop role ${JSON.stringify(name).replaceAll('\\"', '""')}`)
})

test.each<[string, () => Promise<unknown>, readonly [string, string, string | undefined]]>([
  [
    "a role that does not exist",
    () => trail.grant({ right: "reader", role: `${role.name.slice(0, -1)}_` }),
    [
      "not-found",
      expect.stringMatching(/^there is no role "/),
      expect.stringContaining('did you mean "ROLE"? else: create role'),
    ],
  ],
  [
    "an organization for others than readers",
    () => trail.grant(request("auditor", "acme")),
    [
      "usage",
      "only a reader can be bound to an organization: whoever verifies must see every organization, or what he does not see could be missing",
      "nothing was changed; leave out --org, or grant reader",
    ],
  ],
  [
    "a superuser",
    () => trail.grant({ right: "reader", role: "postgres" }),
    ["usage", "postgres is a superuser, who may do everything", "nothing was changed"],
  ],
  [
    "a role of pgtrail's own",
    () => trail.grant({ right: "reader", role: "pgtrail_writer" }),
    ["usage", "pgtrail_writer is a role of pgtrail or of the server itself", "nothing was changed"],
  ],
  [
    "an organization without a name",
    () => trail.grant(request("reader", "")),
    ["usage", "an organization has a name of 1 to 128 characters", "nothing was changed"],
  ],
])("refused: %s", async (_, work, expected) => {
  const [code, message, hint] = expected
  const found = await refused(work())
  expect(found).toEqual([code, message, hint])
})

test("who may read everything, or places of everything, is not bound, however it came by that", async () => {
  for (const group of ["pgtrail_reader", "pgtrail_writer", "pgtrail_owner", "pg_read_all_data"]) {
    const between = await db.role({ memberOf: [group] })
    await db.query(`grant ${between.name} to ${role.name}`)
    expect(await refused(trail.grant(request("reader", "acme")))).toEqual([
      "usage",
      `ROLE sees events of every organization already: it is a member of ${group}`,
      "nothing was changed; take that away first: pgtrail status --grants tells who may what",
    ])
    await db.query(`revoke ${between.name} from ${role.name}`)
  }
  await db.query(`grant select (details) on pgtrail.event to ${role.name}`)
  expect(await refused(trail.grant(request("reader", "acme")))).toMatchObject([
    "usage",
    "ROLE sees events of every organization already: it is granted to it by name",
    expect.any(String),
  ])
  await db.query(`revoke select (details) on pgtrail.event from ${role.name}`)
  await db.query(`alter role ${role.name} createrole`)
  const { code } =
    (await trail.grant({ ...request("reader", "acme"), dryRun: true }).catch((error) => error)) ?? {}
  // Until 15 it may grant itself whatever it wants.
  expect(code).toBe(is16 ? undefined : "usage")
  expect(await state()).toEqual({ groups: [], bindings: [], acts: [] })
})

test("who is bound, or has a member who is, gets no other right", async () => {
  const group = await db.role()
  await db.query(`grant ${group.name} to ${role.name}`)
  await trail.grant(request("reader", "acme"))
  for (const to of [role.name, group.name]) {
    for (const right of ["reader", "writer", "auditor"] as const) {
      expect(await refused(trail.grant({ right, role: to }))).toEqual([
        "usage",
        `ROLE is bound to its organizations: as ${right} it would see others too`,
        "nothing was changed; free it first: pgtrail revoke reader ROLE",
      ])
    }
  }
  await trail.revoke(request("reader"))
  await trail.grant({ right: "reader", role: group.name })
  expect((await trail.revoke(request("reader"))).warnings).toEqual([
    `"${role.name}" still is a member of pgtrail_reader through another role: pgtrail status --grants`,
  ])
})

test("those who grant at once each get what they asked for", async () => {
  const organizations = ["acme", "globex", "acme", "a", "b", "c"]
  const results = await Promise.all(organizations.map((one) => trail.grant(request("reader", one))))
  expect(results.flatMap(({ changes }) => changes.filter((change) => change.changed))).toHaveLength(5)
  expect(await bindings()).toEqual(["a", "acme", "b", "c", "globex"])
  const other = await db.role()
  const both = await Promise.allSettled([
    trail.grant({ right: "reader", role: other.name }),
    trail.grant({ right: "reader", role: other.name, organizations: ["acme"] }),
    trail.grant({ right: "auditor", role: other.name }),
  ])
  // Bound or not, but never both: whoever came first decided it.
  expect(both.map(({ status }) => status)).toContain("rejected")
  expect((await groups(other.name)).includes("pgtrail_organization_reader")).toBe(
    (await bindings(other.name)).length > 0,
  )
})

test("an organization without events is warned of, with the name that was meant", async () => {
  expect((await trail.grant(request("reader", "acmee", "new"))).warnings).toEqual([
    'the organization "acmee" has no events yet: did you mean "acme"?',
    'the organization "new" has no events yet',
  ])
})

test("bindings of a role that was dropped are not those of the next one of its name", async () => {
  const name = `${role.name}_again`
  await db.query(`create role ${name}`)
  await trail.grant({ right: "reader", role: name, organizations: ["acme"] })
  await db.query(`drop role ${name}; create role ${name}`)
  const again = await trail.grant({ right: "reader", role: name, organizations: ["globex"] })
  expect(again.organizations).toEqual(["globex"])
  expect(again.warnings).toEqual([
    `"${name}" was no member of pgtrail_organization_reader any more: its earlier bindings to acme were taken back`,
  ])
  await db.query(`drop role ${name}`)
  expect((await trail.revoke({ right: "reader", role: name })).organizations).toBe(null)
  expect(await bindings(name)).toEqual([])
})

test("a role that inherits nothing is not bound where it would read nothing", async () => {
  const shy = await db.role({ attributes: "noinherit" })
  const bound = trail.grant({ right: "reader", role: shy.name, organizations: ["acme"] })
  if (!is16) {
    await expect(bound).rejects.toMatchObject({ code: "usage", hint: expect.stringContaining("inherit") })
    return
  }
  await bound
  const client = await shy.client()
  expect((await client.query("select count(*) from pgtrail.organization_event")).rows).toEqual([
    { count: "1" },
  ])
  await client.end()
})

test("who may not grant is told the words for a superuser, and after those it is recorded", async () => {
  const dba = await db.role({ memberOf: ["pgtrail_owner"] })
  const his = await db.trail({ url: dba.url })
  const to = role.name
  expect(await refused(his.grant(request("reader", "acme")))).toEqual([
    "privilege",
    "to grant or revoke pgtrail_organization_reader takes its admin option, which this role does not have",
    `nothing was changed; ask a superuser to run: grant pgtrail_organization_reader to ROLE${is16 ? " with inherit true" : ""}; then run this again`,
  ])
  await db.query(`grant pgtrail_organization_reader to ${to}`)
  expect((await his.grant(request("reader", "acme"))).changes).toMatchObject([{ changed: true }])
  const stranger = await db.role({ memberOf: ["pgtrail_reader"] })
  expect(await refused((await db.trail({ url: stranger.url })).grant(request("reader", "acme")))).toEqual([
    "privilege",
    `"${stranger.name}" may not record a grant: that is for the owner of the log`,
    `nothing was changed; connect as the role that installed the log, or ask a superuser to run: grant pgtrail_owner to ${stranger.name}`,
  ])
})

test("a member of the owner with the admin option grants, also one that inherits nothing", async () => {
  for (const attributes of ["", "noinherit"]) {
    const dba = await db.role({ memberOf: ["pgtrail_owner"], attributes })
    await db.query(`grant pgtrail_auditor to ${dba.name} with admin option`)
    const his = await db.trail({ url: dba.url })
    expect((await his.grant(request("auditor"))).changes).toMatchObject([{ changed: true }])
    expect((await his.revoke(request("auditor"))).changes).toMatchObject([{ changed: true }])
    expect(await groups()).toEqual([])
  }
})

test("what is granted by hand in between is revoked with it, whoever granted it", async () => {
  const dba = await db.role({ memberOf: ["pgtrail_owner"] })
  await db.query(`grant pgtrail_writer to ${dba.name} with admin option`)
  await (await db.trail({ url: dba.url })).grant(request("writer"))
  await db.query(`grant pgtrail_writer to ${role.name}`)
  await trail.revoke(request("writer"))
  expect(await groups()).toEqual([])
})

test("a grant that commits has its act, and record_access alone does not say what is not so", async () => {
  await expect(
    db.query(`select pgtrail.record_access('grant', '${role.name}', 'reader')`),
  ).rejects.toMatchObject({
    code: "TR009",
    hint: expect.stringContaining(`grant pgtrail_reader to ${role.name}`),
  })
  await trail.grant(request("reader"))
  await expect(
    db.query(`select pgtrail.record_access('revoke', '${role.name}', 'reader')`),
  ).rejects.toMatchObject({
    code: "TR009",
    hint: expect.stringContaining(`revoke pgtrail_reader from ${role.name}`),
  })
  await expect(
    db.query(`select pgtrail.record_access('give', '${role.name}', 'reader')`),
  ).rejects.toMatchObject({ code: "TR009" })
  await expect(db.query("delete from pgtrail.organization_reader")).rejects.toMatchObject({ code: "TR002" })
})

test("who may what is told of every role, with the way that leads to it, and what is odd", async () => {
  const group = await db.role()
  const seen = await db.role()
  await db.query(
    `alter role ${group.name} nologin; grant ${group.name} to ${role.name}; grant pgtrail_organization_reader to ${seen.name}; grant pg_read_all_data to ${seen.name}`,
  )
  await trail.grant({ right: "reader", role: group.name, organizations: ["acme", "globex"] })
  await db.query(
    `grant select on pgtrail.act to ${seen.name}; grant pgtrail_auditor to ${seen.name} with admin option`,
  )
  const { grants, superusers, roles } = await trail.grants()
  expect(roles).toBe(true)
  expect(superusers).toContain("postgres")
  const of = (name: string) =>
    grants
      .filter((one) => one.role === name)
      .map(({ right, organizations, via, login, admin, odd }) => ({
        right,
        organizations,
        via,
        login,
        admin,
        odd,
      }))
  const plain = { login: true, admin: false, via: "direct", odd: null }
  expect(of(group.name)).toEqual([
    { ...plain, right: "reader", organizations: ["acme", "globex"], login: false },
  ])
  expect(of(role.name)).toEqual([
    { ...plain, right: "reader", organizations: ["acme", "globex"], via: group.name },
  ])
  expect(of(seen.name)).toEqual([
    { ...plain, right: "auditor", organizations: null, admin: true },
    {
      ...plain,
      right: "reader",
      organizations: [],
      odd: "is a member of pgtrail_auditor, pg_read_all_data too, and so not bound",
    },
    {
      ...plain,
      right: "reader",
      organizations: null,
      odd: "by pg_read_all_data, which is of all tables of the server",
    },
    { ...plain, right: "SELECT on pgtrail.act", organizations: null, odd: "granted by hand" },
  ])
  // Anybody may ask; organizations are told to whoever may read the bindings.
  const anybody = await (await db.trail({ url: role.url })).grants()
  // Other tests make and drop roles on this server meanwhile.
  const here = [role.name, group.name, seen.name]
  const told = (all: readonly Grant[]) => all.filter((one) => here.includes(one.role)).map((one) => one.right)
  expect(told(anybody.grants)).toEqual(told(grants))
  expect(anybody.grants.find((one) => one.role === group.name)?.organizations).toBe(undefined)
  await db.query(`revoke select on pgtrail.act from ${seen.name}`)
})
