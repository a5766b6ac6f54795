// Pseudonyms while others work on the same: one subject by two at once, and keys that change meanwhile.
import { expect, test } from "vitest"
import { failureOf } from "./failure.js"
import { here } from "./retention-fixture.js"
import { pseudonymLogs, subject } from "./subject-pseudonym-fixture.js"

const log = pseudonymLogs()

test("two that pseudonymize one subject at once with tokens give him one and the same", async () => {
  const { db, trail, keys } = log()
  const others = await Promise.all([1, 2, 3].map(() => db.trail()))
  const work = [trail, ...others].map((one) =>
    one.pseudonymize([{ kind: "id", value: subject.id }], {
      ...{ strategy: "token", reason: "r", requestedBy: "w", keys: keys("k1") },
    }),
  )
  const done = await Promise.all(work)
  expect(done.map(({ events }) => events).sort()).toEqual(["0", "0", "0", "6"])
  expect(await db.query("select count(*) as n from pgtrail.pseudonym")).toEqual([{ n: "2" }])
  expect(await trail.verify()).toMatchObject({ verdict: "intact" })
})

test.each(["rotate", "destroy"])(
  "to %s a key waits for a redaction that makes pseudonyms with it",
  async (change) => {
    const { db, trail, folder, keys } = log()
    const bytes = `decode(repeat('ab', 32), 'hex')`
    const redactor = await db.client()
    await redactor.query("begin; select pgtrail.subject_stage(); select pgtrail.redact_begin()")
    const add = `select pgtrail.add_pseudonym(array['p1:h:k1:abcdefghijklmnopqrstuv'], array['acme'], 'hash', 'k1', array[${bytes}], array[${bytes}])`
    await redactor.query(add)
    const changed =
      change === "rotate"
        ? trail.addPrivacyKey({ out: `${folder}/k2`, rotate: true })
        : trail.destroyPrivacyKey("k1", { confirm: "k1", keys: keys("k1") })
    await until(() =>
      db.query(
        `select 1 from pg_locks where locktype = 'advisory' and not granted and classid = 1885828210 and ${here}`,
      ),
    )
    expect(await db.query("select state from pgtrail.privacy_key")).toEqual([{ state: "active" }])
    await redactor.query("rollback")
    await changed
    // From then on none is made with it, whoever had begun to.
    await redactor.query("begin; select pgtrail.subject_stage(); select pgtrail.redact_begin()")
    await expect(redactor.query(add)).rejects.toMatchObject({ code: "TR009" })
    await redactor.query("rollback")
  },
)

test("a key that is rotated between the reading and the redaction is noticed, and nothing changes", async () => {
  const { db, trail, folder, keys } = log()
  const k1 = keys("k1")
  let reads = 0
  const slow = {
    ...k1,
    read: async (id: string) => {
      reads += 1
      const text = await k1.read(id)
      if (reads === 1) await (await db.trail()).addPrivacyKey({ out: `${folder}/k2`, rotate: true })
      return text
    },
  }
  const error = await failureOf(
    trail.pseudonymize([{ kind: "id", value: subject.id }], {
      ...{ strategy: "hash", reason: "r", requestedBy: "w", keys: slow },
    }),
  )
  expect(error.message).toMatch(/k2 is needed|rotated meanwhile/)
  expect(await db.query("select count(*) as n from pgtrail.event where actor_id like 'p1:%'")).toEqual([
    { n: "0" },
  ])
  expect(await db.query("select count(*) as n from pgtrail.pseudonym")).toEqual([{ n: "0" }])
})

/** As soon as it has rows. */
async function until(rows: () => Promise<readonly unknown[]>): Promise<void> {
  while ((await rows()).length === 0) await new Promise((done) => setImmediate(done))
}

test("pseudonyms are made within a redaction alone, in their form, and with the active key alone", async () => {
  const { db } = log()
  const client = await db.client()
  const add = (pseudonym: string, strategy = "hash", key = "k1", bytes = 32) =>
    client.query(
      "select pgtrail.add_pseudonym(array[$1], array['acme'], $2, $3, array[$4::bytea], array[$5::bytea])",
      [pseudonym, strategy, key, Buffer.alloc(bytes), Buffer.alloc(bytes)],
    )
  const good = "p1:h:k1:abcdefghijklmnopqrstuv"
  await expect(add(good)).rejects.toThrow("within a redaction alone")
  for (const work of [
    () => add("anna@example.org"),
    () => add(good, "token"),
    () => add(good, "erase"),
    () => add(good, "hash", "k2"),
    () => add("p1:h:k2:abcdefghijklmnopqrstuv", "hash", "k2"),
    () => add("p1:t:none:abcdefghijklmnopqrstuv", "token", "none"),
    () => add(`${good}${"x".repeat(2100)}`),
    () => add(good, "hash", "k1", 31),
    () =>
      client.query(
        `select pgtrail.add_pseudonym(array['${good}'], array['a', 'b'], 'hash', 'k1', '{}', '{}')`,
      ),
  ]) {
    await client.query("begin; select pgtrail.subject_stage(); select pgtrail.redact_begin()")
    await expect(work()).rejects.toMatchObject({ code: "TR009" })
    await client.query("rollback")
  }
  await expect(client.query("select pgtrail.forget_pseudonym(array['x'])")).rejects.toThrow(
    "within a redaction alone",
  )
})
