// Archives in a place that lets go of nothing, and files that no act tells of: whoever looks for a subject is told before anything is erased.
import { spawnSync } from "node:child_process"
import { chmod, cp, rm } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { openStore } from "../../src/data/store/store.js"
import { describeFoundSubject, limitWords } from "../../src/data/subject/describe-found.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"
import { type S3Server, startS3 } from "./s3-server.js"

let log: ArchiveLog
let server: S3Server
beforeAll(async () => {
  log = await archiveLog()
  server = await startS3()
  await log.append(30)
  await log.keep()
})
afterEach(async () => {
  server.quiet()
  await log.reset()
})
afterAll(async () => {
  await log.remove()
  await server.close()
})

const subject = [{ kind: "id", value: "u3" }] as const
const why = { reason: "r", requestedBy: "w" }
const erase = (options: object = {}) => log.trail.eraseSubject(subject, { ...why, confirm: "u3", ...options })
const create = async (options: object = {}): Promise<string> =>
  (await log.create({ partition: "event_2020_01", ...options })).partitions[0]?.archive ?? ""

let places = 0
/** Another place in the bucket for each test: files stay there. */
const bucket = (): { name: string; to: string; store: object } => {
  places += 1
  const name = `place-${places}`
  return { name, to: `s3://${server.bucket}/${name}`, store: { s3: server.settings } }
}

/** Nothing in it can be removed from then on; false where this system, or this user, cannot do that. */
async function marked(path: string, isFixed: boolean): Promise<boolean> {
  if (process.getuid?.() === 0) return spawnSync("chattr", [isFixed ? "+i" : "-i", path]).status === 0
  await chmod(path, isFixed ? 0o500 : 0o700)
  return true
}

test("of a folder that lets go of nothing find and a dry run say so, and that it is not complete", async ({
  skip,
}) => {
  const name = await create()
  const path = join(log.folder, name)
  skip(!(await marked(path, true)), "this file system, or this user, has no such mark")
  try {
    const found = await log.trail.findSubject(subject)
    expect(found.archives).toMatchObject([
      { archive: name, searched: true, stays: expect.stringContaining(path) },
    ])
    expect(describeFoundSubject(found)).toContain(
      `cannot be erased there: its files, or their bytes, would stay`,
    )
    expect(limitWords(found)).toContain(`archive ${name}: cannot be erased there`)
    const dry = await erase({ dryRun: true })
    expect(dry).toMatchObject({ complete: false, would: { archives: [{ stays: expect.any(String) }] } })
    expect(await log.files()).toEqual([name])
  } finally {
    await marked(path, false)
  }
  expect((await log.trail.findSubject(subject)).archives).toMatchObject([{ archive: name, stays: null }])
})

const versions = (status: string) => ({
  answer: 200,
  body: `<VersioningConfiguration>${status}</VersioningConfiguration>`,
})
const lock = { "x-amz-object-lock-mode": "COMPLIANCE", "x-amz-version-id": "v1" }
test.each([
  [
    "object lock",
    { ...lock, "x-amz-object-lock-retain-until-date": "2099-01-02T00:00:00.000Z" },
    "<Status>Enabled</Status>",
    "object lock (compliance) until 2099-01-02T00:00:00.000Z; the bucket keeps versions",
  ],
  [
    "a hold of the bucket",
    { ...lock, "x-amz-object-lock-legal-hold": "ON" },
    "",
    "a legal hold of the bucket is on it",
  ],
  [
    "versions",
    { "x-amz-version-id": "v1" },
    "<Status>Suspended</Status>",
    "the bucket keeps versions of what is removed (version v1)",
  ],
  [
    "a lock that is over",
    { ...lock, "x-amz-object-lock-retain-until-date": "2020-01-02T00:00:00Z" },
    "<Status>Enabled</Status>",
    "the bucket keeps versions of what is removed (version v1)",
  ],
] as const)(
  "a bucket with %s keeps the bytes of what is removed: told before, and by the erasure itself",
  async (_, headers, status, words) => {
    const { name: place, to, store } = bucket()
    const name = await create({ to, store })
    server.also = ({ method }) => (method === "HEAD" ? headers : {})
    server.fate = ({ method, url }) =>
      method === "GET" && url.includes("versioning=") ? versions(status) : undefined
    const found = await log.trail.findSubject(subject, { store })
    const next = `aws s3api delete-object --bucket audit --key ${place}/${name}/events.copy.gz --version-id v1`
    expect(found.archives).toMatchObject([{ archive: name, stays: expect.stringContaining(words) }])
    expect(found.archives[0]?.stays).toContain(next)
    expect(await erase({ store, dryRun: true })).toMatchObject({ complete: false })
    const { request } = await log.trail.addRequest({ kind: "erasure" })
    const done = await erase({ store, request })
    expect(done.complete).toBe(false)
    // The new one has no values: what is to be seen to are the bytes of the old one.
    const { recipients } = await log.trail.subjectRequest(request)
    expect(recipients).toEqual([{ kind: "files of archive", name, location: to }])
    const [archive] = done.receipt?.archives ?? []
    expect(archive).toMatchObject({ archive: name, events: "3", new_name: expect.any(String) })
    expect(archive?.why).toContain(`${name} was removed, and its bytes stay in ${to}: ${words}`)
  },
)

/** A bucket that keeps versions, each locked by these headers; s3rver has none itself. Its answers, by key. */
function keeping(headers: Readonly<Record<string, string>>) {
  const removed = new Map<string, Buffer>()
  server.also = ({ method }) => (method === "HEAD" ? { "x-amz-version-id": "v1", ...headers } : {})
  server.fate = ({ url }) => {
    const { pathname, searchParams: query } = new URL(url, "http://localhost")
    const key = decodeURIComponent(pathname).split("/").slice(2).join("/")
    if (query.has("versioning")) return versions("<Status>Enabled</Status>")
    if (query.has("versions")) {
      const prefix = query.get("prefix") ?? ""
      const listed = [...removed.keys()].filter((one) => one.startsWith(prefix))
      const elements = listed.map((one) => `<Version><Key>${one}</Key><VersionId>v1</VersionId></Version>`)
      return { answer: 200, body: `<ListVersionsResult>${elements.join("")}</ListVersionsResult>` }
    }
    const body = query.get("versionId") === "v1" ? removed.get(key) : undefined
    if (body !== undefined) return { answer: 200, headers: { "x-amz-version-id": "v1", ...headers }, body }
    return undefined
  }
  return removed
}
/** What is there now stays as it is, whatever is removed. */
async function versioned(removed: Map<string, Buffer>, to: string, store: object): Promise<void> {
  const opened = await openStore(to, store)
  for await (const { key } of opened.list("")) {
    const parts: Uint8Array[] = []
    for await (const part of await opened.get(key)) parts.push(part)
    removed.set(`${to.split("/").slice(3).join("/")}/${key}`, Buffer.concat(parts))
  }
  await opened.close()
}

test("a second erasure says what the first said of bytes that a bucket keeps, and the request stays open", async () => {
  const { to, store } = bucket()
  const name = await create({ to, store })
  const removed = keeping({
    "x-amz-object-lock-mode": "COMPLIANCE",
    "x-amz-object-lock-retain-until-date": "2099-01-02T00:00:00.000Z",
  })
  await versioned(removed, to, store)
  const { request } = await log.trail.addRequest({ kind: "erasure" })
  const first = await erase({ store, request })
  const [{ why: said } = {}] = first.receipt?.archives ?? []
  expect(said).toContain(
    `${name} was removed, and its bytes stay in ${to}: object lock (compliance) until 2099`,
  )
  for (const options of [{ request }, {}]) {
    const again = await erase({ store, ...options })
    expect(again.receipt?.archives).toMatchObject([{ archive: expect.any(String), act: null, why: said }])
    expect([again.complete, again.receipt?.complete]).toEqual([false, false])
  }
  // So do find and a dry run.
  expect((await log.trail.findSubject(subject, { store })).archives).toMatchObject([{ stays: said }])
  expect(await erase({ store, dryRun: true })).toMatchObject({ complete: false })
  expect((await log.trail.subjectRequest(request)).recipients).toEqual([
    { kind: "files of archive", name, location: to },
  ])
  // When the lock is over and somebody has deleted the version, nothing is left.
  removed.clear()
  expect(await erase({ store })).toMatchObject({ complete: true })
})

test("of whom the kept bytes have nothing, an erasure is complete; of whom they have, all of them are told", async () => {
  const { to, store } = bucket()
  const name = await create({ to, store })
  const removed = keeping({})
  await versioned(removed, to, store)
  await erase({ store })
  const other = (id: string) =>
    log.trail.eraseSubject([{ kind: "id", value: id }], { ...why, confirm: id, store })
  expect(await other("u-not-there")).toMatchObject({ complete: true })
  await versioned(removed, to, store)
  const [second = ""] = [...removed.keys()].flatMap((key) => {
    const [, archive = ""] = key.split("/")
    return archive === name ? [] : [archive]
  })
  const done = await other("u4")
  expect(done.complete).toBe(false)
  for (const old of [name, second]) {
    expect(done.receipt?.archives[0]?.why).toContain(`${old} was removed, and its bytes stay`)
  }
  // The second has u3 no more, and is told all the same: nobody reads more than the oldest.
  expect((await erase({ store })).receipt?.archives[0]?.why).toContain(`${name} was removed`)
})

test.each([
  ["what is hidden by a marker is kept", "<IsLatest>false</IsLatest>", true],
  ["what is there was not removed", "<IsLatest>true</IsLatest>", false],
])("of the versions that a bucket lists, %s", async (_, latest, isKept) => {
  const { to, store, name } = bucket()
  const element = `<Version><Key>${name}/old/manifest.json</Key><VersionId>v7</VersionId>${latest}</Version>`
  server.fate = ({ url }) =>
    url.includes("versions=")
      ? { answer: 200, body: `<ListVersionsResult>${element}</ListVersionsResult>` }
      : undefined
  const opened = await openStore(to, store)
  const kept = await opened.kept?.("old", "new/manifest.json")
  expect(kept?.stays.why.includes("(version v7)") ?? false).toBe(isKept)
  await opened.close()
})

test("where versions may not be listed nobody can tell whose bytes are kept, and that is told", async () => {
  const { to, store } = bucket()
  await create({ to, store })
  const removed = keeping({})
  await versioned(removed, to, store)
  await erase({ store })
  const { fate } = server
  server.fate = (seen, before) =>
    seen.url.includes("versions=") ? { answer: 403, code: "AccessDenied" } : fate(seen, before)
  const [archive] = (await erase({ store })).receipt?.archives ?? []
  expect(archive?.why).toContain("this key may not list them; give it s3:ListBucketVersions")
  server.also = () => ({})
  expect(await erase({ store })).toMatchObject({ complete: true })
})

test.each([
  ["no versions", { "x-amz-version-id": "null" }, ""],
  ["a version and no versioning", { "x-amz-version-id": "v1" }, ""],
])("a bucket that tells of %s lets go", async (_, headers, status) => {
  const { to, store } = bucket()
  const name = await create({ to, store })
  server.also = ({ method }) => (method === "HEAD" ? headers : {})
  server.fate = ({ method, url }) =>
    method === "GET" && url.includes("versioning=") ? versions(status) : undefined
  expect((await log.trail.findSubject(subject, { store })).archives).toMatchObject([
    { archive: name, stays: null },
  ])
  expect(await erase({ store })).toMatchObject({ complete: true })
})

test("where one may not ask a bucket for its versioning, a version of the file is taken for what it says", async () => {
  const { to, store } = bucket()
  await create({ to, store })
  server.also = ({ method }) => (method === "HEAD" ? { "x-amz-version-id": "v1" } : {})
  server.fate = ({ method, url }) =>
    method === "GET" && url.includes("versioning=") ? { answer: 403, code: "AccessDenied" } : undefined
  expect((await log.trail.findSubject(subject, { store })).archives[0]?.stays).toContain("keeps versions")
})

test("files of an archive that no act tells of are told by find and a dry run, as the erasure tells them", async () => {
  const name = await create()
  const copy = `${log.folder}-copy`
  await cp(join(log.folder, name), copy, { recursive: true })
  const done = await erase()
  const [now = ""] = await log.files()
  expect(done.receipt?.archives[0]?.new_name).toBe(now)
  // As a run that was killed leaves it: of another partition, so that no rerun takes it away.
  const orphan = "event_2019_01-20260101T000000Z-abcdef"
  await cp(copy, join(log.folder, orphan), { recursive: true })
  await rm(copy, { recursive: true })
  const words = `no act tells of it: it is being made, or its run was stopped; where none is at work: pgtrail archive remove ${orphan} --confirm ${orphan} --at ${log.to}`
  const found = await log.trail.findSubject(subject)
  expect(found.archives).toMatchObject([{ archive: orphan, searched: false, why: words }])
  expect(found.limits).toContain(`archive ${orphan} was not searched: ${words}`)
  expect(await erase({ dryRun: true })).toMatchObject({ complete: false })
  expect((await log.trail.findSubject(subject, { archives: false })).archives).toEqual([])
})
