// pgtrail archive verify, word by word: archives in folders, to each of which something else was done.
import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { writeArchive } from "../../src/data/archive/write.js"
import { openStore } from "../../src/data/store/store.js"
import { about, copied, folderStore, inPieces } from "../data/archive-files-fixture.js"
import { testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { replay } from "./transcript.js"

let files: Awaited<ReturnType<typeof folderStore>>
let secret: string
const first = "event_2026_10-20261121T190000Z-0a1b2c"
const second = "event_2026_11-20261121T190001Z-0a1b2d"

beforeAll(async () => {
  files = await folderStore()
  const { generateIdentity, identityToRecipient } = await import("age-encryption")
  secret = await generateIdentity()
  const recipients = [await identityToRecipient(secret)]
  const db = await testDatabase()
  await db.query(
    `insert into pgtrail.event (organization_id, occurred_at, event_type, details)
     select 'acme', '2026-10-01Z'::timestamptz + i * interval '1 day', 'x', jsonb_build_object('i', i) from generate_series(0, 59) i`,
  )
  const client = await db.client()
  const rows = [
    await copied(client, "where e.seq <= 30 order by e.seq"),
    await copied(client, "where e.seq > 30 order by e.seq"),
  ]
  const facts = [await about(db, first), await about(db, second)]
  await db.drop()
  const write = async (folder: string, options: object = {}) => {
    mkdirSync(join(files.base, folder))
    const store = await openStore(`${files.store.location}/${folder}`, {})
    for (const [index, fact] of facts.entries()) {
      await writeArchive(store, inPieces(rows[index] ?? Buffer.alloc(0)), fact, options)
    }
    return (name: string, file: string) => join(files.base, folder, name, file)
  }
  await write("good")
  await write("encrypted", { recipients })
  const altered = await write("altered")
  const path = altered(second, "events.copy.gz")
  writeFileSync(path, gzipSync(gunzipSync(readFileSync(path)).toString().replace('{"i": 45}', '{"i": 46}')))
  const cut = await write("cut")
  truncateSync(cut(first, "events.copy.gz"), 30)
  const swapped = await write("swapped")
  renameSync(swapped(first, "events.copy.gz"), swapped(first, "kept"))
  renameSync(swapped(second, "events.copy.gz"), swapped(first, "events.copy.gz"))
  renameSync(swapped(first, "kept"), swapped(second, "events.copy.gz"))
  const other = await write("other")
  rmSync(other(first, "manifest.json"))
  const manifest = readFileSync(other(second, "manifest.json"), "utf8")
  writeFileSync(other(second, "manifest.json"), manifest.replace("archive/1", "archive/2"))
  mkdirSync(join(files.base, "empty"))
})
afterAll(() => files?.remove())

const around = () => ({ cwd: files.base, env: { ARCHIVE_KEY: secret } })

test("archive-verify.txt", async () => {
  const file = join(import.meta.dirname, "archive-verify.txt")
  const now = await replay(readFileSync(file, "utf8"), around())
  const plain = now
    .replaceAll(files.base, "/folder")
    .replace(/age1[0-9a-z]+/g, "age1xxx")
    // Of random salts gzip may make the same size.
    .replace(
      /: it has [\d,]+ bytes, and .*|: its sha256 is not that .*/g,
      ": it has N bytes, and M by the manifest",
    )
    .replace(/[0-9a-f]{64}/g, "HASH")
  await expect(plain).toMatchFileSnapshot(file)
})

test("--json has every finding, and what the act of the purge has", async () => {
  const { stdout, exit } = await runInProcess(["archive", "verify", "altered", "--json"], around())
  expect(exit).toBe(1)
  const { schema, verdict, events, archives } = JSON.parse(stdout)
  expect({ schema, verdict, events }).toEqual({
    schema: "pgtrail.archive_verification/1",
    verdict: "tampered",
    events: "60",
  })
  expect(archives).toMatchObject([
    { name: first, verdict: "intact", findings: [], records: expect.stringMatching(/^[0-9a-f]{64}$/) },
    {
      name: second,
      verdict: "tampered",
      findings: [
        {
          kind: "altered",
          file: "events.copy.gz",
          line: "16",
          organization_id: "acme",
          lane: "0",
          seq: "46",
        },
        { kind: "file", file: "events.copy.gz", line: null },
      ],
    },
  ])
})
