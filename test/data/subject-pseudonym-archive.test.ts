// Pseudonyms in archives: the same as in the log, by the same machinery as an erasure's; and what cannot be written anew is told.
import { mkdir, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gunzipSync } from "node:zlib"
import { expect, test } from "vitest"
import { readIdentities } from "../../src/data/archive/age.js"
import type { PseudonymizeOptions } from "../../src/data/index.js"
import { notePseudonymized } from "../../src/data/subject/describe-pseudonym.js"
import { readIdentifiers } from "../../src/data/subject/identifiers.js"
import { runInProcess } from "../cli/io.js"
import { keyLogs } from "./subject-key-fixture.js"

/** January can be archived; what is in February stays in the log. `old` is an organization of January alone. */
const log = keyLogs(async ({ db, trail, folder }) => {
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await db.query("select pgtrail.create_partitions('2026-01-01Z', '2026-03-01Z')")
  await db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, ip_address, details)
    select o, d::timestamptz, 'auth.login', a, a || '@example.org', inet '10.1.2.3', jsonb_build_object('who', a)
    from unnest(array['acme', 'globex']) o, unnest(array['2026-01-15Z', '2026-02-15Z']) d, unnest(array['u-1', 'u-2']) a
    union all select 'old', '2026-01-16Z', 'auth.login', 'u-1', null, null, null`)
  await trail.addPrivacyKey({ out: `${folder}/k1` })
})

const strategies = ["hash", "token", "encrypt"] as const
const place = () => join(log().folder, "archives")

async function archive(options: object = {}): Promise<string> {
  await mkdir(place(), { recursive: true })
  const to = pathToFileURL(place()).href
  const { partitions } = await log().trail.createArchives({ to, partition: "event_2026_01", ...options })
  return partitions[0]?.archive ?? ""
}

const pseudonymize = (options: Partial<PseudonymizeOptions> = {}) =>
  log().trail.pseudonymize(readIdentifiers("u-1", ["email=u-1@example.org"]), {
    ...{ strategy: "hash", reason: "R-12", requestedBy: "dpo", keys: log().keys("k1") },
    ...options,
  })

/** Not among the letters of a pseudonym, where it comes by chance. */
const his = /(?<![\w-])u-1(?![\w-])/

const textOf = async (name: string): Promise<string> =>
  gunzipSync(await readFile(join(place(), name, "events.copy.gz"))).toString()

const expectIntact = async (): Promise<void> =>
  expect(await log().trail.verify({ jobs: 1, record: false, archives: ["recorded"] })).toMatchObject({
    verdict: "intact",
    findings: [],
  })

test.each(strategies)(
  "with %s an archive has the pseudonyms of the log, one organization's own too, and both verify",
  async (strategy) => {
    const { db, trail, keys } = log()
    const name = await archive()
    const done = await pseudonymize({ strategy })
    expect(done).toMatchObject({ events: "2", complete: true, failed: [] })
    expect(done.archives).toMatchObject([{ archive: name, events: "3", why: null, act: expect.any(String) }])
    expect(done.organizations).toMatchObject([
      { organization_id: "acme", events: "1", archived: "1" },
      { organization_id: "globex", events: "1", archived: "1" },
      { organization_id: "old", events: "0", archived: "1" },
    ])
    const now = done.archives[0]?.new_name ?? ""
    expect(await readdir(place())).toEqual([now])
    const text = await textOf(now)
    expect(text).not.toMatch(his)
    expect(text).toContain("u-2@example.org")
    for (const { organization_id: organization, pseudonym } of done.organizations) {
      expect(pseudonym).toMatch(new RegExp(`^p1:${strategy[0]}:k1:`))
      const own = text.split("\n").filter((line) => line.includes(`\t${organization}\t`))
      expect(own.filter((line) => line.includes(`\t${pseudonym}\t`))).toHaveLength(1)
      const { identifiers } = await trail.reveal(pseudonym ?? "", { reason: "r", keys: keys("k1") })
      expect(identifiers[0]).toEqual({ kind: "id", value: "u-1" })
    }
    expect(
      await db.query(
        "select distinct organization_id as o, actor_id as a from pgtrail.event where actor_id <> 'u-2' order by 1",
      ),
    ).toEqual(done.organizations.slice(0, 2).map((one) => ({ o: one.organization_id, a: one.pseudonym })))
    await expectIntact()
    expect(await pseudonymize({ strategy })).toMatchObject({ act: null, archives: [], complete: true })
    expect(notePseudonymized(done)).toContain(`archive ${name}: 3 events, written anew as ${now}`)
  },
)

test("a run that was stopped before the archives is finished by the next, with the tokens of the first", async () => {
  const name = await archive()
  const first = await pseudonymize({ strategy: "token", archives: false })
  expect(first).toMatchObject({ events: "2", archives: [], complete: false })
  expect(first.limits.join()).toContain("the log has 1 archive that may have the subject")
  expect(await readdir(place())).toEqual([name])
  const next = await pseudonymize({ strategy: "token" })
  expect(next).toMatchObject({ act: null, events: "0", complete: true })
  expect(notePseudonymized(next)).toMatch(/^nothing in the log was to have a pseudonym\narchive /)
  expect(next.organizations.slice(0, 2).map((one) => one.pseudonym)).toEqual(
    first.organizations.map((one) => one.pseudonym),
  )
})

test("the command ends with 4 where archives were left out, and with 0 when they have the pseudonyms too", async () => {
  const name = await archive()
  const { db, folder } = log()
  const line = [
    "gdpr",
    "pseudonymize",
    "u-1",
    "--strategy",
    "hash",
    "--reason",
    "R-12",
    "--requested-by",
    "dpo",
  ]
  const run = (...more: readonly string[]) =>
    runInProcess([...line, "--privacy-key", "k1=file:k1", ...more], {
      env: { PGTRAIL_URL: db.url },
      cwd: folder,
    })
  expect(await run("--no-archives")).toMatchObject({
    exit: 4,
    stderr: expect.stringContaining(
      "archives were not searched: the log has 1 archive that may have the subject",
    ),
  })
  const done = await run()
  expect(done).toMatchObject({
    exit: 0,
    stderr: expect.stringContaining(`archive ${name}: 3 events, written anew as`),
  })
  expect(done.stdout).toMatch(/^acme +p1:h:k1:\S+ +0 +1$/m)
})

test("a dry run tells of archives what a real run does, and changes nothing", async () => {
  const name = await archive()
  const acts = () => log().db.query("select count(*) as n from pgtrail.act")
  const before = await acts()
  const tried = await pseudonymize({ dryRun: true })
  expect(tried.archives).toMatchObject([{ archive: name, events: "3", new_name: null, act: null, why: null }])
  expect(notePseudonymized(tried)).toContain(`archive ${name}: 3 events would have a pseudonym`)
  expect([await acts(), await readdir(place())]).toEqual([before, [name]])
  const { organizations } = await pseudonymize()
  const counts = (all: typeof organizations) => all.map(({ pseudonym: _, ...one }) => one)
  expect(counts(organizations)).toEqual(counts(tried.organizations))
})

test("an encrypted archive needs its key, and is told without: then it is not complete", async () => {
  const { generateIdentity, identityToRecipient } = await import("age-encryption")
  const secret = await generateIdentity()
  const name = await archive({ recipients: [await identityToRecipient(secret)] })
  const without = await pseudonymize()
  expect(without).toMatchObject({
    events: "2",
    complete: false,
    archives: [
      { archive: name, new_name: null, act: null, why: expect.stringMatching(/encrypted.*--identity/) },
    ],
  })
  expect(notePseudonymized(without)).toMatch(/archive .* still has values: .*, kept until 20/)
  const identities = await readIdentities(secret)
  expect(await pseudonymize({ identities })).toMatchObject({
    complete: true,
    archives: [{ events: "3", why: null }],
  })
})

test("what a hold is on stays in an archive too, where it is all of an organization's", async () => {
  const name = await archive()
  await log().trail.addHold({ case: "C", reason: "r", organization: "old" })
  const done = await pseudonymize()
  expect(done).toMatchObject({ complete: false, archives: [{ archive: name, events: "2", held: "1" }] })
  expect(done.organizations.map((one) => one.organization_id)).toEqual(["acme", "globex"])
  const now = done.archives[0]?.new_name ?? ""
  expect((await textOf(now)).match(/\tu-1\t/g)).toHaveLength(1)
  await expectIntact()
})

test("an archive whose events came back into the log gets the pseudonyms that they have there", async () => {
  const name = await archive()
  await log().trail.restoreArchive(name, { reason: "why" })
  const done = await pseudonymize()
  expect(done).toMatchObject({ events: "5", complete: true, archives: [{ archive: name, why: null }] })
  const text = await textOf(done.archives[0]?.new_name ?? "")
  expect(text).not.toMatch(his)
  expect(text).toContain(`\t${done.organizations[2]?.pseudonym}\t`)
})

test("the request in the register is told the acts of archives too", async () => {
  await log().db.query("select pgtrail.add_request('objection', request => 'R-1')")
  await archive()
  const { act, archives } = await pseudonymize({ request: "R-1" })
  expect((await log().trail.subjectRequest("R-1")).acts).toEqual([act, archives[0]?.act])
})
