// append and import file, word by word.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

let folder: string
const databases: TestDatabase[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-cli-"))
  const day = (n: number) =>
    `{"event_type":"order.created","occurred_at":"2026-07-0${n}T08:00:00Z","external_number":${n}}\n`
  await writeFile(join(folder, "orders.ndjson"), day(1) + day(2) + day(3))
  await writeFile(join(folder, "orders.ndjson.gz"), gzipSync(day(1) + day(2) + day(3)))
  await writeFile(
    join(folder, "more orders.ndjson"),
    `${day(4)}{"event_type":"order.created","amount":12}\n${day(5)}nonsense\n`,
  )
  await writeFile(
    join(folder, "trail.json"),
    `{"Records":[${[1, 2].map((n) => `{"eventID":"${n}","eventTime":"2026-07-01T10:00:0${n}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","recipientAccountId":"111122223333"}`).join(",")}]}`,
  )
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  for (const database of databases) await database.drop()
})

test.each(["append", "import"])("%s", async (name) => {
  const database = await testDatabase()
  databases.push(database)
  await expectTranscript(join(import.meta.dirname, `${name}.txt`), {
    url: database.url,
    cwd: folder,
    sql: (text) => database.query(text),
  })
})

test("append without a type on a terminal says what is missing, and does not wait for input", async () => {
  const ran = await runInProcess(["append"], {
    stdinIsTTY: true,
    env: { PGTRAIL_URL: "postgresql://127.0.0.1:1/none" },
  })
  expect(ran).toMatchObject({
    exit: 2,
    both: "pgtrail: error: --type is missing\npgtrail: hint: pgtrail append --help\n",
  })
})

test("append prints the same digits and times in every format", async () => {
  const database = await testDatabase()
  databases.push(database)
  const env = { PGTRAIL_URL: database.url }
  const json = await runInProcess(["append", "--type", "a", "--json"], { env })
  const [row] = JSON.parse(json.stdout).rows
  expect(row).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    organization_id: "default",
    lane: "0",
    seq: "1",
    recorded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})
