// Who may reveal, and that nobody learns anything of which no act remains.
import { expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { pseudonymLogs, subject } from "./subject-pseudonym-fixture.js"

let pseudonym = ""
const log = pseudonymLogs(async ({ pseudonymize }) => {
  pseudonym = (await pseudonymize("token")).organizations[0]?.pseudonym ?? ""
})

/** Every function that concerns keys and pseudonyms, and the tables themselves. */
const calls: readonly string[] = [
  "select pgtrail.add_privacy_key('x', sha256('x'))",
  "select * from pgtrail.destroy_privacy_key('k1')",
  "select * from pgtrail.privacy_keys()",
  "select pgtrail.add_pseudonym('{}', '{}', 'hash', 'k1', '{}', '{}')",
  "select * from pgtrail.find_pseudonym('{}')",
  "select pgtrail.forget_pseudonym('{}')",
  "select pgtrail.reveal('p1:h:k1:abcdefghijklmnopqrstuv', 'r')",
  "select * from pgtrail.revealed(1)",
  "select * from pgtrail.pseudonym",
  "select * from pgtrail.privacy_key",
  "update pgtrail.pseudonym set original = null",
  "insert into pgtrail.privacy_key values ('x', now(), 'active', 'x')",
  "copy pgtrail.pseudonym to stdout",
]

test.each(["writer", "reader", "organization_reader", "auditor", "operator"])(
  "a %s can neither pseudonymize nor reveal, nor read or change a key or a mapping, by SQL or by the library",
  async (right) => {
    const { db, trail, keys } = log()
    const role = await db.role({ memberOf: [`pgtrail_${right}`] })
    const client = await role.client()
    for (const call of calls) {
      await expect(client.query(call), call).rejects.toMatchObject({ code: "42501" })
    }
    const as = await db.trail({ url: role.url })
    const options = { reason: "r", requestedBy: "w", keys: keys("k1") }
    const id = [{ kind: "id" as const, value: subject.id }]
    for (const work of [
      () => as.privacyKeys(keys("k1")),
      () => as.addPrivacyKey({ out: `${log().folder}/${right}` }),
      () => as.destroyPrivacyKey("k1", { confirm: "k1", keys: keys("k1") }),
      () => as.reveal(pseudonym, options),
      () => as.pseudonymize(id, { ...options, strategy: "hash" }),
      () => as.pseudonymize(id, { ...options, strategy: "hash", dryRun: true }),
    ]) {
      expect(await failureOf(work())).toMatchObject({
        code: "privilege",
        hint: expect.stringContaining("grant privacy"),
      })
    }
    expect(await db.query("select 1 from pgtrail.act where kind = 'reveal'")).toEqual([])
    expect(await trail.privacyKeys(keys("k1"))).toMatchObject([
      { state: "active", originals: "2", here: "yes" },
    ])
  },
)

test("a role of privacy alone makes keys, pseudonymizes and reveals; and reads no mapping but by an act", async () => {
  const { db, folder, keys, trail } = log()
  const role = await db.role({ memberOf: ["pgtrail_privacy"] })
  const as = await db.trail({ url: role.url })
  await as.addPrivacyKey({ out: `${folder}/k2`, rotate: true })
  await trail.append({
    event_type: "x",
    occurred_at: "2026-03-15T00:00:00Z",
    organization_id: "acme",
    actor_id: subject.id,
  })
  const options = { reason: "r", requestedBy: "w", keys: keys("k1", "k2") }
  const done = await as.pseudonymize([{ kind: "id", value: subject.id }], { ...options, strategy: "hash" })
  expect(done.organizations[0]?.pseudonym).toMatch(/^p1:h:k2:/)
  for (const one of [pseudonym, done.organizations[0]?.pseudonym ?? ""]) {
    expect((await as.reveal(one, options)).identifiers[0]).toEqual({ kind: "id", value: subject.id })
  }
  const client = await role.client()
  for (const call of calls.filter((sql) => / pgtrail\.(pseudonym|privacy_key)\b(?!\w|\()/.test(sql))) {
    await expect(client.query(call), call).rejects.toMatchObject({ code: "42501" })
  }
  await as.destroyPrivacyKey("k1", { confirm: "k1", keys: keys("k1") })
})

test("a reason with an e-mail address is refused without an act, one that names the subject is told of, for the act comes first", async () => {
  const { db, trail, keys } = log()
  const options = { reason: `court order ${subject.email}`, requestedBy: "w", keys: keys("k1") }
  const failure = await failureOf(trail.reveal(pseudonym, options))
  expect(failure).toMatchObject({
    code: "usage",
    message: expect.stringContaining("--reason has an e-mail address"),
  })
  expect(failure.message + failure.hint).not.toContain(subject.email)
  expect(await db.query("select 1 from pgtrail.act where kind = 'reveal'")).toEqual([])
  const told = { ...options, reason: `court order on ${subject.id}` }
  expect(await trail.reveal(pseudonym, told)).toMatchObject({ act_names: true })
  expect(await trail.reveal(pseudonym, { ...told, reason: "court order 17" })).toMatchObject({
    act_names: false,
  })
})

test("what is revealed is told only after its act is committed, to whom made it, and for a short time", async () => {
  const { db } = log()
  const role = await db.role({ memberOf: ["pgtrail_privacy"] })
  const other = await db.role({ memberOf: ["pgtrail_privacy"] })
  const client = await role.client()
  await client.query("begin")
  const [first] = (await client.query("select pgtrail.reveal($1, 'r') as act", [pseudonym])).rows
  // Not in the transaction that could still take the act back, nor in a part of it.
  expect((await client.query("select * from pgtrail.revealed($1)", [first?.act])).rows).toEqual([])
  await client.query("savepoint s")
  expect((await client.query("select * from pgtrail.revealed($1)", [first?.act])).rows).toEqual([])
  await client.query("rollback")
  expect((await client.query("select * from pgtrail.revealed($1)", [first?.act])).rows).toEqual([])

  const [act] = (await client.query("select pgtrail.reveal($1, 'r') as act", [pseudonym])).rows
  const told = "select original is not null as told from pgtrail.revealed($1)"
  expect((await client.query(told, [act?.act])).rows).toEqual([{ told: "t" }])
  const stranger = await other.client()
  expect((await stranger.query(told, [act?.act])).rows).toEqual([])
  await db.query("set session_replication_role = replica")
  await db.query("update pgtrail.act set recorded_at = recorded_at - interval '11 minutes' where seq = $1", [
    act?.act,
  ])
  await db.query("reset session_replication_role")
  expect((await client.query(told, [act?.act])).rows).toEqual([])
  // An act of another kind opens nothing.
  expect((await client.query(told, ["1"])).rows).toEqual([])
})

test("what is no pseudonym, stands for nobody, or is a token of an erasure is refused without an act, and is not repeated", async () => {
  const { db, trail, keys } = log()
  const said: string[] = []
  for (const typed of [
    "anna@example.org",
    "p1:x:k1:abcdefghijklmnopqrstuv",
    "p1:t:k1:short",
    "p1:t:none:abcdefghijklmnopqrstuv",
    "p1:t:k9:abcdefghijklmnopqrstuv",
    "p1:t:k1:abcdefghijklmnopqrstuv",
  ]) {
    const error = await failureOf(trail.reveal(typed, { reason: "r", keys: keys("k1") }))
    expect(`${error.message} ${error.hint}`).not.toContain(typed)
    said.push(`${error.code}: ${error.message}`)
  }
  expect(said).toEqual([
    "usage: this is no pseudonym: one is p1:h:KEY:..., p1:t:KEY:... or p1:e:KEY:...",
    "usage: this is no pseudonym: one is p1:h:KEY:..., p1:t:KEY:... or p1:e:KEY:...",
    "usage: this is no pseudonym: one is p1:h:KEY:..., p1:t:KEY:... or p1:e:KEY:...",
    "not-found: this is the token of an erasure: nobody has noted whom it stood for",
    'not-found: this log has no privacy key "k9"',
    "not-found: the log does not know, or does not know any more, whom this stands for",
  ])
  for (const reason of ["", " \n", "x".repeat(2001)]) {
    expect(await failureOf(trail.reveal(pseudonym, { reason, keys: keys("k1") }))).toMatchObject({
      code: "usage",
    })
  }
  expect(await db.query("select 1 from pgtrail.act where kind = 'reveal'")).toEqual([])
})

test("a wrong or missing key reveals nothing and makes no act", async () => {
  const { db, trail, having } = log()
  for (const keys of [having({}), having({ k1: Buffer.alloc(32).toString("base64") }), having({ k1: "x" })]) {
    expect(await failureOf(trail.reveal(pseudonym, { reason: "r", keys }))).toMatchObject({
      code: "config",
      hint: expect.stringMatching(/^nothing was revealed; /),
    })
  }
  expect(await db.query("select 1 from pgtrail.act where kind = 'reveal'")).toEqual([])
})

test.each([
  [
    "was altered",
    "update pgtrail.pseudonym set original = set_byte(original, 20, (get_byte(original, 20) + 1) % 256)",
  ],
  ["was cut", "update pgtrail.pseudonym set original = substr(original, 1, 40)"],
  [
    "is that of another",
    "update pgtrail.pseudonym p set original = o.original from pgtrail.pseudonym o where o.pseudonym <> p.pseudonym",
  ],
])("a mapping that %s names nobody", async (_, sql) => {
  const { db, trail, keys } = log()
  await db.query(sql)
  expect(await failureOf(trail.reveal(pseudonym, { reason: "r", keys: keys("k1") }))).toMatchObject({
    code: "forged",
  })
})

test("a mapping says in no byte whom it is of, nor how long the name is", async () => {
  const { db, pseudonymize, keys, trail } = log()
  await trail.append([
    { event_type: "x", occurred_at: "2026-03-15T00:00:00Z", organization_id: "acme", actor_id: "b" },
    { event_type: "x", occurred_at: "2026-03-15T00:00:00Z", organization_id: "acme", actor_id: "bbbbbbbbbb" },
  ])
  const options = { reason: "r", requestedBy: "w", keys: keys("k1") }
  const made: number[] = []
  for (const value of ["b", "bbbbbbbbbb"]) {
    const done = await trail.pseudonymize([{ kind: "id", value }], { ...options, strategy: "encrypt" })
    made.push(done.organizations[0]?.pseudonym?.length ?? 0)
  }
  expect(new Set(made).size).toBe(1)
  await pseudonymize("hash")
  const rows = await db.query(
    "select octet_length(original) as n, position('4711'::bytea in original) as at from pgtrail.pseudonym",
  )
  expect(new Set(rows.slice(2).map(({ n }) => n)).size).toBe(1)
  expect(rows.every(({ at }) => at === "0")).toBe(true)
})
