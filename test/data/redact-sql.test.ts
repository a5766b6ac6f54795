// A redaction by SQL: what stands in the place of the values, and what it records of itself.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { redact, redactOn } from "./redact-fixture.js"
import { ann, hers, json, type RedactLog, redactLog } from "./redact-log.js"

let log: RedactLog
beforeAll(async () => {
  log = await redactLog()
})
afterAll(() => log.db.drop())

describe("in the place of values stands", () => {
  test("null or the marker after an erasure", async () => {
    const organization = log.another()
    await log.appendTo(organization, [hers])
    expect(await redact(log.db, ann, { organizations: [organization] })).toMatchObject({
      events: "1",
      identity: "1",
      content: "1",
      held: "0",
      unsound: "0",
      kept: "0",
    })
    expect(await log.events(organization)).toMatchObject([
      {
        actor_id: null,
        actor_name: null,
        actor_email: null,
        ip_address: null,
        user_agent: null,
        session_id: null,
        device_id: null,
        resource_id: "[erased]",
        resource_name: "[erased]",
        namespace: "kept",
        description: "[erased]",
        tags: "{kept,[erased],[erased]}",
        details: '{"who": "[erased]", "deep": [{"to": "[erased]"}], "kept": 1.5, "checksum": "[erased]"}',
        signature: null,
      },
    ])
    expect(await log.entries(organization)).toEqual([
      {
        seq: "1",
        group_name: "content",
        number: "1",
        fields: expect.stringMatching(
          /^\{resource_id,resource_name,description,tags(\.1,tags\.2)?,details\.0,details\.1\.0\.0,details\.3,signature\}$/,
        ),
      },
      {
        seq: "1",
        group_name: "identity",
        number: "1",
        fields: "{actor_id,actor_name,actor_email,ip_address,user_agent,session_id,device_id}",
      },
    ])
    await log.isSound()
  })

  test.each(["hash", "token", "encrypt"])(
    "his pseudonym of that organization after %s, and what is no name is null",
    async (strategy) => {
      const here = log.another()
      const there = log.another()
      await log.appendTo(here, [hers])
      await log.appendTo(there, [{ actor_id: "ann-1" }])
      const replacements = {
        [here]: `p1:${strategy[0]}:key-1:abcdefghijklmnopqrstuv`,
        [there]: `p1:${strategy[0]}:key-1:vutsrqponmlkjihgfedcba`,
      }
      await redact(log.db, ann, { strategy, replacements, organizations: [here, there] })
      const pseudonym = replacements[here]
      expect(await log.events(here)).toMatchObject([
        {
          actor_id: pseudonym,
          actor_name: pseudonym,
          actor_email: pseudonym,
          ip_address: null,
          user_agent: null,
          session_id: null,
          device_id: null,
          resource_id: pseudonym,
          resource_name: "[erased]",
          description: "[erased]",
          tags: `{kept,${pseudonym},[erased]}`,
          details: `{"who": "${pseudonym}", "deep": [{"to": "[erased]"}], "kept": 1.5, "checksum": "[erased]"}`,
          signature: null,
        },
      ])
      expect(await log.events(there, "actor_id")).toEqual([{ actor_id: replacements[there] }])
      await log.isSound()
    },
  )

  test("a token of nobody where a law keeps the event: one an organization, another each time, and null for the rest", async () => {
    const here = log.another()
    const there = log.another()
    await log.db.query("select pgtrail.set_retention('floor', 'pci', 36500, compliance_tag => 'PCI')")
    await log.db.query("select pgtrail.set_retention('floor', 'over', 1, compliance_tag => 'OVER')")
    await log.db.query("select pgtrail.add_subject_rule(kind => 'keep', event_type => 'tax')")
    await log.db.query("select pgtrail.add_subject_rule(kind => 'keep', classification => 'PHI')")
    const kept = { ...hers, compliance_tags: ["PCI"] }
    await log.appendTo(here, [
      kept,
      { actor_id: "ann-1", event_type: "tax.paid" },
      { actor_id: "ann-1", event_type: "taxi" },
      { actor_id: "ann-1", data_classification: "PHI" },
      { actor_id: "ann-1", compliance_tags: ["OVER"], occurred_at: "2001-01-01Z" },
    ])
    await log.appendTo(there, [kept])
    const done = await redact(log.db, ann, { organizations: [here, there] })
    expect(done).toMatchObject({ events: "6", kept: "4" })
    const [first, tax, taxi, phi, over] = await log.events(here)
    const token = first?.actor_id ?? ""
    expect(token).toMatch(/^p1:t:none:[A-Za-z0-9_-]{16,}$/)
    expect(first).toMatchObject({
      actor_name: token,
      actor_email: token,
      ip_address: null,
      user_agent: null,
      session_id: null,
      device_id: null,
      resource_id: token,
      resource_name: "[erased]",
      description: "[erased]",
      tags: `{kept,${token},[erased]}`,
      details: `{"who": "${token}", "deep": [{"to": "[erased]"}], "kept": 1.5, "checksum": "[erased]"}`,
      signature: null,
    })
    expect([tax?.actor_id, phi?.actor_id]).toEqual([token, token])
    expect([taxi?.actor_id, over?.actor_id]).toEqual([null, null])
    const [other] = await log.events(there)
    expect(other?.actor_id).toMatch(/^p1:t:none:/)
    expect(other?.actor_id).not.toBe(token)
    const [act] = await log.db.query("select parameters->'kept' as kept from pgtrail.act where seq = $1", [
      done.seq,
    ])
    expect(JSON.parse(act?.kept ?? "")).toMatchObject({ "floor pci": 2 })
    // Whom it stands for is nowhere.
    expect(await log.db.query("select * from pgtrail.pseudonym where pseudonym like 'p1:t:none:%'")).toEqual(
      [],
    )
    await log.isSound()
  })
})

test("hash and chain of a redacted event stay, its salts do not, and a group that was not touched stays as it was", async () => {
  const organization = log.another()
  await log.appendTo(organization, [{ actor_id: "bob" }, hers, { actor_id: "ann-1" }, { actor_id: "bob" }])
  const columns = "hash, previous_hash, identity_salt, content_salt, identity_digest, content_digest"
  const before = await log.events(organization, columns)
  await redact(log.db, ann, { organizations: [organization] })
  const after = await log.events(organization, columns)
  for (const [at, row] of after.entries()) {
    expect([row.hash, row.previous_hash]).toEqual([before[at]?.hash, before[at]?.previous_hash])
  }
  expect(after[0]).toEqual(before[0])
  expect(after[3]).toEqual(before[3])
  for (const at of [1, 2]) {
    expect(after[at]?.identity_salt).not.toBe(before[at]?.identity_salt)
    expect(after[at]?.identity_digest).not.toBe(null)
  }
  expect(after[1]?.content_salt).not.toBe(before[1]?.content_salt)
  expect(after[2]?.content_salt).toBe(before[2]?.content_salt)
  expect(after[2]?.content_digest).toBe(null)
  await log.isSound()
})

test("an event that was redacted is redacted again: its entries follow one another, and its stored digest stays the first", async () => {
  const organization = log.another()
  await log.appendTo(organization, [
    { actor_id: "ann-1", details: json({ by: "ann-1", for: "bob-2", also: "cid-3" }), description: "bob-2" },
  ])
  await redact(log.db, [["id", "ann-1"]], { organizations: [organization] })
  const [first] = await log.events(organization, "identity_digest, content_digest")
  await redact(log.db, [["id", "bob-2"]], { organizations: [organization], inText: true })
  await redact(log.db, [["id", "cid-3"]], { organizations: [organization], inText: true })
  expect(await log.events(organization, "identity_digest, content_digest, details, description")).toEqual([
    {
      ...first,
      details: '{"by": "[erased]", "for": "[erased]", "also": "[erased]"}',
      description: "[erased]",
    },
  ])
  expect(await log.entries(organization)).toEqual([
    { seq: "1", group_name: "content", number: "1", fields: "{details.0}" },
    { seq: "1", group_name: "content", number: "2", fields: "{description,details.1}" },
    { seq: "1", group_name: "content", number: "3", fields: "{details.2}" },
    { seq: "1", group_name: "identity", number: "1", fields: "{actor_id}" },
  ])
  await log.isSound()
})

test("a pseudonym is erased like any other identifier", async () => {
  const organization = log.another()
  const pseudonym = "p1:h:key-1:ABCDEFGHIJKLMNOPQRSTUV"
  await log.appendTo(organization, [hers])
  await redact(log.db, ann, {
    strategy: "hash",
    replacements: { [organization]: pseudonym },
    organizations: [organization],
  })
  await redact(log.db, [["id", pseudonym]], { organizations: [organization] })
  const [event] = await log.events(organization)
  expect(event).toMatchObject({
    actor_id: null,
    actor_name: null,
    actor_email: null,
    resource_id: "[erased]",
  })
  expect(JSON.stringify(event)).not.toContain("p1:h")
  await log.isSound()
})

test("an erasure that finds nothing left changes no event", async () => {
  const organization = log.another()
  await log.appendTo(organization, [hers])
  await redact(log.db, ann, { organizations: [organization] })
  const before = [await log.events(organization), await log.entries(organization)]
  expect(await redact(log.db, ann, { organizations: [organization], inText: true })).toMatchObject({
    events: "0",
  })
  expect([await log.events(organization), await log.entries(organization)]).toEqual(before)
  await log.isSound()
})

test("the act says how many of what, why and for whom, and nothing of the subject", async () => {
  const organization = log.another()
  await log.appendTo(organization, [hers, { actor_id: "ann-1" }])
  const done = await redact(log.db, ann, { organizations: [organization], since: "2001-01-01Z" })
  const [act] = await log.db.query(
    "select kind, parameters, digest is not null as digest from pgtrail.act where seq = $1",
    [done.seq],
  )
  expect(act).toMatchObject({ kind: "redact", digest: "t" })
  expect(JSON.parse(act?.parameters ?? "")).toMatchObject({
    strategy: "erase",
    events: 2,
    identity: 2,
    content: 1,
    fields: { actor_id: 2, actor_name: 1, actor_email: 1, resource_id: 1, details: 1, signature: 1, tags: 1 },
    kept: {},
    held: 0,
    unsound: 0,
    organizations: 1,
    partitions: 1,
    reason: "asked for",
    requested_by: "the officer",
    request: null,
    text: false,
    since: "2001-01-01T00:00:00.000000Z",
    until: null,
    archive: null,
  })
  for (const [, value] of ann) expect(act?.parameters?.toLowerCase()).not.toContain(value.toLowerCase())
})

test("two of one session are two acts, and the second knows nothing of the stage of the first", async () => {
  const organization = log.another()
  await log.appendTo(organization, [{ actor_id: "ann-1", details: json({ a: "bob-2" }) }])
  const client = await log.db.client()
  const one = await redactOn(client, [["id", "ann-1"]], { organizations: [organization] })
  const two = await redactOn(client, [["id", "bob-2"]], { organizations: [organization], inText: true })
  expect(Number(two.seq)).toBe(Number(one.seq) + 1)
  await client.end()
  await log.isSound()
})
