// A plain pg_dump as the other place of `pgtrail verification show --against`.
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Incident, incidentLog } from "../data/verification-fixture.js"

const run = promisify(execFile)
let log: Incident
let folder: string
let toolIsOlder: boolean
beforeAll(async () => {
  log = await incidentLog({ withOdd: true })
  folder = await mkdtemp(join(tmpdir(), "pgtrail-dump-"))
  const tool = (await run("pg_dump", ["--version"])).stdout
  const [server] = await log.db.query("select current_setting('server_version_num')::int / 10000 as major")
  toolIsOlder = Number(/(\d+)(\.|beta|rc)/.exec(tool)?.[1]) < Number(server?.major)
})
afterAll(async () => {
  await log.db.drop()
  await rm(folder, { recursive: true, force: true })
})

test("a plain dump has the originals; one in the custom format is refused with what to do", async ({
  skip,
}) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const plain = join(folder, "plain.sql")
  const custom = join(folder, "custom.dump")
  await run("pg_dump", ["--schema=pgtrail", `--file=${plain}`, log.db.url])
  await run("pg_dump", ["--schema=pgtrail", "--format=custom", `--file=${custom}`, log.db.url])
  const { findings } = await log.after(
    `update pgtrail.event set description = 'x', tags = null where organization_id = 'odd' and seq = 2;
     delete from pgtrail.event where organization_id = 'globex' and seq in (6, 7)`,
    { against: { name: "plain.sql", file: plain } },
  )
  expect(findings.map(({ explanation }) => explanation.against)).toEqual(
    expect.arrayContaining([
      { state: "original" },
      [expect.objectContaining({ state: "original", there: "2", linked: true })],
    ]),
  )
  await expect(
    log.trail.verification({ against: { name: "custom.dump", file: custom } }),
  ).rejects.toMatchObject({ code: "file", hint: expect.stringContaining("pg_restore") })
})
