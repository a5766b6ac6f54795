// After an erasure nothing of a person is left in an event that came through a profile, whatever he or his proxy gave for an address.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await db.query("set timezone = 'UTC'; create schema governance")
  await trail.installProfile("memoric")
  await trail.installProfile("mem0", { schema: "governance" })
})
afterAll(() => db.drop())

/** What a column of addresses refuses, or would spell otherwise. */
const addresses = [
  "010.1.1.1",
  "unknown",
  "adas-laptop.example.org",
  "2001:0DB8:0000::0009",
  "fe80::1%eth0",
  "203.0.113.9, 198.51.100.4",
  "192.0.2.44:51234",
  "not an address (Ada)",
  "198.51.100.0/24",
]

/** Every byte of every event: its text, and what its row is stored as. */
const rowsWith = (text: string) =>
  db.query(
    `select id from pgtrail.event e
     where strpos(lower(e::text), lower($1)) > 0 or strpos(encode(record_send(e), 'hex'), encode(convert_to($1, 'UTF8'), 'hex')) > 0`,
    [text],
  )

const insert = {
  memoric:
    "insert into audit_logs (event_type, user_id, ip_address, metadata, timestamp) values ('auth.login', $1, $2, $3, now())",
  mem0: "insert into governance.audit_logs (operation, action_result, user_id, ip_address, details) values ('mem0_search', 'allowed', $1, $2, $3)",
} as const
const shown = {
  memoric:
    "select ip_address, metadata as details from audit_logs where event_type = 'auth.login' order by id",
  mem0: "select ip_address, details from governance.audit_logs order by details ->> 'n'",
} as const

test.each(["memoric", "mem0"] as const)(
  "an address that %s takes as text goes with the person, and the rest of the details stays",
  async (profile) => {
    for (const [n, address] of addresses.entries()) {
      await db.query(insert[profile], ["ada", address, `{"n": ${n}}`])
    }
    await db.query(insert[profile], ["ben", "10.20.30.40-ben", '{"n": 99}'])
    const before = await db.query(shown[profile])
    expect(before.map((row) => row.ip_address)).toEqual([...addresses, "10.20.30.40-ben"])
    for (const address of addresses) expect((await rowsWith(address)).length, address).toBeGreaterThan(0)
    const { receipt } = await trail.eraseSubject([{ kind: "id", value: "ada" }], {
      reason: "she asked",
      requestedBy: "dpo",
      confirm: "ada",
    })
    expect(receipt).toMatchObject({ complete: true })
    for (const address of [...addresses, "203.0.113.9", "198.51.100.4", "192.0.2.44", "2001:db8::9"]) {
      expect(await rowsWith(address), address).toEqual([])
    }
    expect(await db.query(shown[profile])).toEqual(
      before.map((row) => (row.ip_address === "10.20.30.40-ben" ? row : { ...row, ip_address: null })),
    )
    await trail.eraseSubject([{ kind: "id", value: "ben" }], {
      reason: "r",
      requestedBy: "dpo",
      confirm: "ben",
    })
    expect(await rowsWith("10.20.30.40")).toEqual([])
  },
)

test("who is known by such an address alone is found by it, as a device", async () => {
  await db.query(insert.memoric, [null, "kiosk-7.example.org", null])
  const found = await trail.findSubject([{ kind: "device", value: "kiosk-7.example.org" }])
  expect(found.found.events).toMatchObject([{ event_type: "auth.login", events: "1", as_actor: "1" }])
})

test("the log is intact after it all", async () => {
  expect(await trail.verify({ record: false })).toMatchObject({ verdict: "intact", findings: [] })
})
