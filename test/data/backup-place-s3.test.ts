// The backups of a bucket: listed, kept and pruned without a database, and what becomes of them where the store refuses.
import { afterAll, beforeAll, expect, test } from "vitest"
import {
  keepBackup,
  listBackups,
  pruneBackups,
  releaseBackup,
  showBackup,
} from "../../src/data/backup/at-place.js"
import { openStore, type Store } from "../../src/data/store/store.js"
import { runInProcess } from "../cli/io.js"
import { type Place, place } from "./backup-place-fixture.js"
import { type S3Server, startS3 } from "./s3-server.js"
import { failureOf, keys } from "./store-fixture.js"

let server: S3Server
let here: Place
let bucket: Store
let location: string
beforeAll(async () => {
  server = await startS3()
  here = place()
  location = `s3://${server.bucket}/backups`
  bucket = await openStore(location, context())
})
afterAll(async () => {
  await bucket.close()
  await server.close()
  here.close()
})
const context = () => ({ s3: { ...server.settings, patience: { attempts: 2, pause: 1, silence: 2000 } } })
const options = () => ({ store: context() })

/** As it lies in the folder. */
async function moved(name: string): Promise<string> {
  for await (const { key } of here.store.list(`${name}/`)) {
    await bucket.put(key, await here.store.get(key))
  }
  return name
}

test("a bucket's backups are listed, shown, kept, released and pruned as a folder's are", async () => {
  const [first, second, third] = [
    await moved(here.lay("2026-11-19T01:00:00Z")),
    await moved(here.lay("2026-11-20T01:00:00Z")),
    await moved(here.lay("2026-11-21T01:00:00Z")),
  ]
  const states = (await listBackups(location, options())).map(({ name, state }) => [name, state])
  expect(states).toEqual([third, second, first].map((name) => [name, "finished"]))
  expect((await showBackup(location, options())).backup.name).toBe(third)
  await keepBackup(
    `${location}/${first}`,
    { reason: "why", by: "dba", at: "2026-11-21T02:00:00Z" },
    options(),
  )
  const prune = (confirmed: boolean) =>
    pruneBackups(location, { ...options(), rules: { last: 1 }, confirmed })
  const refused = async (): Promise<(readonly [string, string, string | null])[]> =>
    (await prune(true)).map(({ backup, outcome, problem }) => [backup.name, outcome, problem])

  // A store that never deletes.
  server.fate = ({ method }) => (method === "DELETE" ? { answer: 403, code: "AccessDenied" } : undefined)
  expect(await refused()).toEqual([
    [third, "stays", null],
    [second, "left", expect.stringMatching(/^cannot remove .*manifest\.json: access denied$/)],
    [first, "stays", null],
  ])
  const { accessKeyId, secretAccessKey, endpoint = "", region } = server.settings
  const env = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION: region,
  }
  const said = await runInProcess(
    ["backup", "prune", location, "--keep-last", "1", "--confirm", location, "--quiet"],
    { env },
  )
  expect(said.exit).toBe(4)
  expect(said.stdout).toMatch(new RegExp(`${second} .* left .*access denied`))
  expect(said.stdout).not.toContain(third)
  // One that is away stops it.
  server.fate = ({ method }) => (method === "DELETE" ? { answer: 503 } : undefined)
  expect(await failureOf(prune(true))).toMatchObject({
    code: "unreachable",
    hint: expect.stringContaining("0 were removed before it"),
  })
  server.quiet()
  expect((await listBackups(location, options())).every(({ state }) => state === "finished")).toBe(true)
  expect((await prune(false)).map(({ outcome }) => outcome)).toEqual(["stays", "goes", "stays"])
  expect(await refused()).toEqual([
    [third, "stays", null],
    [second, "removed", null],
    [first, "stays", null],
  ])
  expect(await keys(bucket, `${second}/`)).toEqual([])
  expect(await releaseBackup(`${location}/${first}`, options())).toMatchObject({ reason: "why" })
  await prune(true)
  expect((await listBackups(location, options())).map(({ name }) => name)).toEqual([third])
})

test("what is on its way into a bucket counts as unfinished, also where nobody may see that", async () => {
  const name = await moved(here.lay("2026-11-22T01:00:00Z"))
  await bucket.remove(`${name}/manifest.json`)
  const state = async () => (await listBackups(location, options())).find((one) => one.name === name)?.state
  expect(await state()).toBe("unfinished")
  server.fate = ({ url }) => (url.includes("uploads") ? { answer: 403, code: "AccessDenied" } : undefined)
  expect(await state()).toBe("unfinished")
  server.quiet()
})
