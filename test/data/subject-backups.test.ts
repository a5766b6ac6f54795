// Backups that were made while a subject's events stood in the log: an erasure names those that are still there, and so does its request.
import { mkdir, rm, writeFile } from "node:fs/promises"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { describeReceipt } from "../../src/data/subject/describe-erased.js"
import { describeRequest } from "../../src/data/subject/request-words.js"
import { subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()

let number = 0
interface Laid {
  readonly location?: string
  readonly organization?: string
  readonly partition?: string
  /** False: it is recorded, and does not lie there. */
  readonly lies?: boolean
  readonly kept?: boolean
  readonly days?: number
}

/** As a backup leaves it: a folder with a manifest, and an act. */
async function lay({
  location,
  organization,
  partition,
  lies = true,
  kept = false,
  days = 0,
}: Laid = {}): Promise<string> {
  const { db, path } = log()
  number += 1
  const name = `backup-20260101T000000Z-${String(number).padStart(6, "0")}`
  if (lies) {
    await mkdir(path(`backups/${name}`), { recursive: true })
    for (const file of ["manifest.json", ...(kept ? ["keep.json"] : [])])
      await writeFile(path(`backups/${name}/${file}`), "{}")
  }
  await db.query(
    `select pgtrail.record_backup($1, $2, sha256('x'), now() - $3::int * interval '1 day', 1, 1, 1, 0, $4, $5, false, null, '1.0')`,
    [name, location ?? pathToFileURL(path("backups")).href, days, partition ?? null, organization ?? null],
  )
  return name
}

/** Recorded now, of one organization. */
const appear = (id: string, organization = "acme") =>
  log().db.query(
    "insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id) values ($1, '2026-02-01Z', 'a', $2)",
    [organization, id],
  )

const erase = async (id: string, options: object = {}) => {
  const why = { reason: "r", requestedBy: "w", confirm: id }
  const { receipt, complete } = await log().trail.eraseSubject([{ kind: "id", value: id }], {
    ...why,
    ...options,
  })
  if (receipt === null) throw new Error("it is no dry run")
  return { receipt, complete, names: receipt.copies.known_backups.map(({ name }) => name) }
}

test("those made since the first event was recorded, of its organization and partition, and that lie there, are named with the day on which they go", async () => {
  await lay()
  await appear("u-new")
  const whole = await lay({ days: 1 })
  const own = await lay({ organization: "acme", partition: "event_2026_02" })
  const kept = await lay({ kept: true })
  await lay({ organization: "globex" })
  await lay({ partition: "event_2026_03" })
  await lay({ lies: false })
  const { receipt, names, complete } = await erase("u-new", { backupsKeptDays: 30 })
  // They are there for as long as they are meant to be: nothing that the erasure left undone.
  expect(complete).toBe(true)
  expect(names).toEqual([whole, own, kept])
  const [first, , last] = receipt.copies.known_backups
  expect(first).toMatchObject({
    seen: true,
    kept: false,
    until: expect.stringMatching(/^20/),
    organization: null,
  })
  expect(Date.parse(first?.until ?? "") - Date.parse(first?.at ?? "")).toBe(30 * 86_400_000)
  expect(last).toMatchObject({ kept: true, until: null })
  const words = describeReceipt(receipt)
  expect(words).toContain(`backup      ${whole} in file://`)
  expect(words).toMatch(new RegExp(`${kept} .* has them until somebody releases it`))
  // What was made after it does not have them.
  await lay()
  expect((await erase("u-new")).names).toEqual([])
})

test("of a place that nobody can look at, or where none of them lies, they are named too, unless they are to be gone by now", async () => {
  await appear("u-new")
  const away = await lay({ location: "s3://elsewhere/backups", lies: false, days: 2 })
  const unmounted = await lay({ location: "file:///nonexistent/backups", lies: false, days: 3 })
  const other = await lay({ location: pathToFileURL(log().folder).href, lies: false, days: 4 })
  await lay({ location: "file:///nonexistent/backups", lies: false, days: 40 })
  const { receipt, names } = await erase("u-new", { backupsKeptDays: 30 })
  expect(names).toEqual([other, unmounted, away])
  expect(receipt.copies.known_backups.map(({ seen }) => seen)).toEqual([false, false, false])
  expect(describeReceipt(receipt)).toMatch(/has them until 20.* if it is still there: nobody could look/)
})

test("events of an archive were in the backups that were made before they left the log, and are in none that was made since", async () => {
  const { trail, path, db } = log()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  await appear("u-new")
  const before = await lay()
  await mkdir(path("archives"))
  await trail.createArchives({ to: pathToFileURL(path("archives")).href, partition: "event_2026_02" })
  await lay()
  const { receipt, names } = await erase("u-new")
  expect(receipt).toMatchObject({ act: null, archives: [{ events: "1", why: null }] })
  expect(names).toEqual([before])
  expect(describeReceipt(receipt)).toMatch(/^copies {6}backups made before/m)
})

test("the request has the exports and backups whom it must be seen to, once; also where the run was killed that erased", async () => {
  const { trail, db, path } = log()
  const { request } = await trail.addRequest({ kind: "erasure" })
  await appear("u-new")
  const name = await lay()
  await db.query("select pgtrail.record_act('export', $1), pgtrail.record_act('export', $2)", [
    '{"kind": "extract", "organizations": []}',
    '{"kind": "extract", "organizations": ["globex"]}',
  ])
  const { receipt } = await erase("u-new", { request })
  await erase("u-new", { request })
  const noted = await trail.subjectRequest(request)
  expect(noted.acts).toEqual([receipt.act])
  expect(noted.recipients).toMatchObject([
    { kind: "export", what: "extract" },
    {
      kind: "backup",
      name,
      location: pathToFileURL(path("backups")).href,
      at: expect.any(String),
      until: null,
    },
  ])
  expect(describeRequest(noted)).toContain(`  backup ${name}, at 20`)
  await db.query(
    "set session_replication_role = replica; update pgtrail.subject_request set acts = '{}', recipients = '[]'; reset session_replication_role",
  )
  await erase("u-new", { request })
  const again = await trail.subjectRequest(request)
  expect(again.acts).toEqual([receipt.act])
  expect(again.recipients.map(({ kind }) => kind)).toEqual(["export", "export", "backup"])
})

test("a restriction names the backups too: one that is restored does not bring it back", async () => {
  const { trail, path } = log()
  const { request } = await trail.addRequest({ kind: "restriction" })
  const name = await lay()
  const gone = await lay()
  await rm(path(`backups/${gone}`), { recursive: true })
  await trail.restrictSubject([{ kind: "id", value: "u-jane" }], { reason: "r", requestedBy: "w", request })
  expect((await trail.subjectRequest(request)).recipients.map((one) => one.name)).toEqual([name])
})
