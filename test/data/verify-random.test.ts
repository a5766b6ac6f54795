// Random histories are intact; a random change to one is found. Seeded: a failure prints its seed.
import type pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
})
afterAll(() => db.drop())

/** mulberry32: small, seeded, good enough for choices. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const insert = (organization: string, pick: (below: number) => number): string =>
  `insert into pgtrail.event (organization_id, event_type, occurred_at, retention_policy, actor_id, details)
   select '${organization}', 'kind.${pick(5)}', now() + (${pick(400) - 200}) * interval '1 day', '${["standard", "short", "long"][pick(3)]}',
     'user-' || i, jsonb_build_object('i', i) from generate_series(1, ${1 + pick(6)}) i`

/** One random transaction: isolation level, several organizations, savepoints, sometimes rolled back. */
async function transaction(
  client: pg.Client,
  pick: (below: number) => number,
  organizations: readonly string[],
): Promise<void> {
  await client.query(
    `begin isolation level ${["read committed", "repeatable read", "serializable"][pick(3)]}`,
  )
  for (let step = 0; step <= pick(3); step++) {
    const organization = organizations[pick(organizations.length)] ?? ""
    if (pick(4) === 0) {
      await client.query("savepoint s")
      await client.query(insert(organization, pick))
      await client.query(pick(2) === 0 ? "rollback to savepoint s" : "release savepoint s")
    } else {
      await client.query(insert(organization, pick))
    }
  }
  await client.query(pick(6) === 0 ? "rollback" : "commit")
}

test("200 random clean histories: no finding", async () => {
  const clients = await Promise.all([db.client(), db.client()])
  for (let seed = 1; seed <= 200; seed++) {
    const pick = generator(seed)
    const organizations = Array.from({ length: 1 + pick(3) }, (_, index) => `org ${seed}.${index}`)
    await Promise.all(
      clients.map(async (client) => {
        for (let i = 0; i <= pick(3); i++) {
          await transaction(client, pick, organizations).catch(async (error: { code?: string }) => {
            // A serializable transaction may have to be run again: that is no finding.
            if (error.code !== "40001") throw error
            await client.query("rollback")
          })
        }
      }),
    )
    // A finding names the organization, and so its seed: the whole log now and then tells as much as each history by itself.
    const whole = seed % 20 === 0
    if (!whole && seed % 20 !== 1) continue
    const report = await trail.verify({
      jobs: 1,
      record: seed % 40 === 0,
      ...(whole ? {} : { organization: organizations[0] ?? "" }),
    })
    expect({ seed, findings: report.findings }).toEqual({ seed, findings: [] })
  }
  await Promise.all(clients.map((client) => client.end()))
})

const columns = [
  "actor_id",
  "event_type",
  "details",
  "occurred_at",
  "recorded_at",
  "previous_hash",
  "hash",
  "content_salt",
  "retention_policy",
  "compliance_tags",
]
const values: Record<string, string> = {
  details: "'{\"forged\": 1}'",
  occurred_at: "occurred_at + interval '1 microsecond'",
  recorded_at: "recorded_at - interval '1 microsecond'",
  previous_hash: "sha256('x')",
  hash: "sha256('x')",
  content_salt: "gen_random_uuid()",
  compliance_tags: "array['x']",
}

test("100 random changes past the triggers: every one is found, in its own organization", async () => {
  const client = await db.client()
  const expected: object[] = []
  for (let seed = 1001; seed <= 1100; seed++) {
    const pick = generator(seed)
    const organization = `tampered ${seed}`
    for (let i = 0; i < 3; i++) {
      await client.query(insert(organization, pick))
      await client.query(insert(organization, pick))
    }
    const [row] = await db.query(
      `select lane, seq, (select max(seq) from pgtrail.event m where m.organization_id = e.organization_id and m.lane = e.lane) as last
       from pgtrail.event e where organization_id = $1 order by md5(id::text || $2) limit 1`,
      [organization, String(seed)],
    )
    const place = `organization_id = '${organization}' and lane = ${row?.lane} and seq = ${row?.seq}`
    const column = columns[pick(columns.length)] ?? ""
    const deletes = pick(3) === 0
    await client.query("set session_replication_role = replica")
    await client.query(
      deletes
        ? `delete from pgtrail.event where ${place}`
        : `update pgtrail.event set ${column} = ${values[column] ?? "'forged'"} where ${place}`,
    )
    await client.query("set session_replication_role = origin")
    const only = row?.last === "1"
    const kind = deletes ? (only ? "vanished" : row?.seq === row?.last ? "truncated" : "missing") : "altered"
    const finding = {
      kind,
      organization_id: organization,
      lane: deletes && only ? expect.anything() : row?.lane,
      seq: only && deletes ? null : row?.seq,
    }
    expected.push(finding)
    if (seed % 10 !== 0) continue
    const report = await trail.verify({ jobs: 1, organization, record: false })
    expect({ seed, column, findings: report.findings }).toMatchObject({ seed, findings: [finding] })
  }
  const { findings } = await trail.verify({ jobs: 1, record: false })
  const byOrganization = [...findings].sort((a, b) =>
    (a.organization_id ?? "") < (b.organization_id ?? "") ? -1 : 1,
  )
  expect(byOrganization).toMatchObject(expected)
  await client.end()
})
