// What a redaction by SQL leaves as it is, and what it leaves nothing of.
import { generateKeyPairSync, sign, verify } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { recompute } from "../../src/data/canonical.js"
import type { TestDatabase, TextRow } from "../database.js"
import { redact, type Subject, whereabouts } from "./redact-fixture.js"
import { ann, json, type RedactLog, redactLog } from "./redact-log.js"

let log: RedactLog
beforeAll(async () => {
  log = await redactLog()
})
afterAll(() => log.db.drop())

describe("what must stay stays, and is counted:", () => {
  test("what is held", async () => {
    const organization = log.another()
    await log.appendTo(organization, [{ actor_id: "ann-1", event_type: "held.x" }, { actor_id: "ann-1" }])
    await log.db.query(
      "select pgtrail.add_hold('C-1', 'a claim', organization => $1, event_type => 'held')",
      [organization],
    )
    const [before] = await log.events(organization)
    expect(await redact(log.db, ann, { organizations: [organization] })).toMatchObject({
      events: "1",
      held: "1",
    })
    expect((await log.events(organization))[0]).toEqual(before)
    expect((await log.events(organization))[1]).toMatchObject({ actor_id: null })
    await log.db.query("select pgtrail.release_hold('C-1', 'settled')")
    expect(await redact(log.db, ann, { organizations: [organization] })).toMatchObject({
      events: "1",
      held: "0",
    })
    await log.isSound()
  })

  test("what does not verify: its evidence is not destroyed, nor made sound", async () => {
    const organization = log.another()
    await log.appendTo(organization, [{ actor_id: "ann-1" }, { actor_id: "ann-1" }, { actor_id: "bob" }])
    const client = await log.db.client()
    await client.query("set session_replication_role = replica")
    const alter = (name: string, seq: number) =>
      client.query("update pgtrail.event set actor_id = $1 where organization_id = $2 and seq = $3", [
        name,
        organization,
        seq,
      ])
    await alter("ann-1", 3)
    expect(await redact(log.db, ann, { organizations: [organization] })).toMatchObject({
      events: "2",
      unsound: "1",
    })
    expect(await log.events(organization, "actor_id")).toEqual([
      { actor_id: null },
      { actor_id: null },
      { actor_id: "ann-1" },
    ])
    // One that was redacted, and altered since.
    await alter("ann-1", 1)
    expect(await redact(log.db, ann, { organizations: [organization] })).toMatchObject({
      events: "0",
      unsound: "2",
    })
    await alter("bob", 3)
    await client.query("update pgtrail.event set actor_id = null where organization_id = $1 and seq = 1", [
      organization,
    ])
    await client.end()
    await log.isSound()
  })

  test("what stands in the frame", async () => {
    const organization = log.another()
    await log.appendTo(organization, [{ actor_id: "ann-1", external_id: "ann-1" }])
    await redact(log.db, ann, { organizations: [organization] })
    expect(await log.events(organization, "actor_id, external_id")).toEqual([
      { actor_id: null, external_id: "ann-1" },
    ])
  })

  test("another person's values in an event that is not the subject's", async () => {
    const organization = log.another()
    await log.appendTo(organization, [
      { actor_id: "bob", actor_name: "Bob", resource_name: "x", description: "ann-1 asked" },
    ])
    await redact(log.db, ann, { organizations: [organization], inText: true })
    expect(
      await log.events(organization, "actor_id, actor_name, resource_name, description, identity_digest"),
    ).toEqual([
      {
        actor_id: "bob",
        actor_name: "Bob",
        resource_name: "x",
        description: "[erased]",
        identity_digest: null,
      },
    ])
  })
})

describe("after the commit no table of the schema has", () => {
  const values = ["zoë%_o'\\\"hara", "ZOË@x.org", 'say "hi"\\\n', "10.9.8.7", "424242424242"]
  const [id, email, text, address, number] = values as [string, string, string, string, string]
  const subject: Subject = [
    ["id", id],
    ["email", email],
    ["text", text],
    ["ip", address],
    ["text", number],
    ["name", "Zoë".normalize("NFD")],
  ]

  test("the values that were erased, in any partition, batch, summary or act", async () => {
    const organization = log.another()
    const all = {
      actor_id: id,
      actor_email: email,
      ip_address: address,
      description: `by ${text} on ${number}`,
      details: json({ [id]: { a: 1 }, b: [text, Number(number), { c: `is ${email}!` }] }),
      request_params: json(text),
      tags: [id, `of ${email}`],
      resource_id: id,
    }
    await log.appendTo(organization, [
      all,
      { ...all, occurred_at: "2020-01-05Z" },
      { ...all, occurred_at: "1999-01-05Z" },
    ])
    await log.db.query("select pgtrail.append($1, gen_random_uuid())", [
      json([{ event_type: "a", organization_id: organization, actor_id: id, details: { who: email } }]),
    ])
    await log.db.query("select pgtrail.split_default('{event_2020_01}', '{2020-01-01Z}', '{2020-02-01Z}')")
    await log.db.query("select * from pgtrail.refresh_summary(100000)")
    expect((await whereabouts(log.db, values)).length).toBeGreaterThan(4)
    const before = await log.db.query("select batch_id, digest from pgtrail.append_batch")
    expect(await redact(log.db, subject, { organizations: [organization], inText: true })).toMatchObject({
      events: "4",
    })
    await log.db.query("select * from pgtrail.refresh_summary(100000)")
    await log.db.query("select * from pgtrail.recount_summary(100000)")
    expect(await whereabouts(log.db, values)).toEqual([])
    // A digest without a salt of what was appended would be a way to guess it.
    expect(await log.db.query("select batch_id, digest from pgtrail.append_batch")).not.toEqual(before)
    await log.isSound()
  })

  test("nor a digest with a salt that is known: no event that was guessed has the stored one", async () => {
    const organization = log.another()
    await log.appendTo(organization, [{ actor_email: "known@x.org", signature: "s" }])
    const [before] = await log.events(organization, "identity_salt")
    await redact(log.db, [["email", "known@x.org"]], { organizations: [organization] })
    expect(await whereabouts(log.db, [before?.identity_salt ?? ""])).toEqual([])
    const guess = (salt: string) =>
      log.db.query(
        `select count(*) from pgtrail.event e where e.organization_id = $1 and e.identity_digest in (
           select sha256(record_send(row('pgtrail identity'::text, ${salt}, null::text, null::text, 'known@x.org'::text, null::inet, null::text, null::text, null::text))))`,
        [organization],
      )
    expect(await guess(`'${before?.identity_salt}'::uuid`)).toEqual([{ count: "1" }])
    expect(await guess("e.identity_salt")).toEqual([{ count: "0" }])
    expect(await guess("e.content_salt")).toEqual([{ count: "0" }])
  })

  test("nor anything by which a known e-mail address could be tried: neither a digest, with any salt that is left, nor a signature that the application had put there", async () => {
    const organization = log.another()
    const { publicKey, privateKey } = generateKeyPairSync("ed25519")
    const details = { amount: "1.10", currency: "EUR" }
    /** What the application signs: values that anybody can guess, with a public key that anybody has. */
    const signed = (email: string) => Buffer.from(json({ actor_email: email, ...details }))
    const signature = (email: string) => sign(null, signed(email), privateKey).toString("base64")
    const known = ["ann@known.org", "bob@known.org", "zoe@known.org"]
    await log.appendTo(organization, [
      { actor_email: known[1], details: json(details), signature: signature(known[1] ?? "") },
      { actor_id: "else", details: json({ to: [known[1]] }), signature: signature(known[1] ?? "") },
    ])
    const tried = async () => {
      const events = await log.events(organization)
      const stored = await everyDigest(log.db)
      return known.filter((email) =>
        events.some((event) => {
          const { signature: kept } = event
          if (kept != null && verify(null, signed(email), publicKey, Buffer.from(kept, "base64"))) return true
          return guessesOf(event, email).some((digest) => stored.has(digest))
        }),
      )
    }
    expect(await tried()).toEqual([known[1]])
    const before = await log.events(organization, "signature, identity_salt, content_salt")
    expect(
      await redact(log.db, [["email", known[1] ?? ""]], { organizations: [organization], inText: true }),
    ).toMatchObject({ events: "2" })
    expect(await tried()).toEqual([])
    expect(await log.events(organization, "signature")).toEqual([{ signature: null }, { signature: null }])
    const gone = before.flatMap(({ signature: kept, content_salt: salt }) => [kept ?? "", salt ?? ""])
    expect(await whereabouts(log.db, [...gone, before[0]?.identity_salt ?? ""])).toEqual([])
    await log.isSound()
  })
})

/** All that is stored as bytes, of every row of every table of the schema, in hex. */
async function everyDigest(db: TestDatabase): Promise<Set<string>> {
  const columns = await db.query(
    `select format('select encode(t.%I, ''hex'') as digest from %s t where t.%1$I is not null', a.attname, c.oid::regclass) as query
     from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r' and a.atttypid = 'bytea'::regtype and not a.attisdropped`,
  )
  const rows = await db.query(columns.map(({ query }) => query).join(" union "))
  return new Set(rows.map(({ digest }) => digest ?? ""))
}

/** Digests of the event as it would have been with this address: of the group that has it, by each salt that is there, and of the event. */
function guessesOf(event: TextRow, email: string): string[] {
  const salts = [event.identity_salt, event.content_salt, "00000000-0000-0000-0000-000000000000"]
  const guesses = [
    ["identity", { actor_email: email }],
    ["content", { details: `{"to": ["${email}"]}` }],
  ] as const
  return salts.flatMap((salt) =>
    guesses.flatMap(([group, values]) => {
      const made = recompute({
        ...{ ...event, ...values },
        ...{ [`${group}_digest`]: null, [`${group}_salt`]: salt ?? null },
      })
      return [made[group], made.hash]
    }),
  )
}
