// What a law keeps of a subject in archives: it gets a token there too, and the receipt says which law, and of how many events.
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import type { EraseOptions } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { type ArchiveLog, archiveLog } from "./archive-log-fixture.js"

let log: ArchiveLog
let archive: string
beforeAll(async () => {
  log = await archiveLog()
  // Of `u3` three have a tag that a floor keeps and one a type that a rule keeps; no law is for the others.
  await log.db.query(`insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, compliance_tags)
    select 'acme', timestamptz '2020-01-02Z' + i * interval '1 hour', case when i = 4 then 'tax.paid' else 'data.read' end,
      case when i < 7 then 'u3' else 'bob' end, case when i < 4 then '{PCI}'::text[] end from generate_series(1, 9) i`)
  await log.db.query("select pgtrail.set_retention('floor', 'pci', 36500, compliance_tag => 'PCI')")
  await log.db.query("select pgtrail.add_subject_rule('keep', 'tax', null, null, null, null, null)")
  const { partitions } = await log.create({ partition: "event_2020_01" })
  archive = partitions[0]?.archive ?? ""
  await log.keep()
})
afterEach(() => log.reset())
afterAll(() => log.remove())

const erase = (options: Partial<EraseOptions> = {}) =>
  log.trail.eraseSubject([{ kind: "id", value: "u3" }], {
    ...{ reason: "Article 17", requestedBy: "R-12", confirm: "u3" },
    ...options,
  })

const laws = [
  { law: expect.stringContaining("pci"), events: "3" },
  { law: expect.stringMatching(/^rule \d+$/), events: "1" },
]

test("archived events that a law keeps get a token, and are counted apart with their law, in the receipt and in its file", async () => {
  const { would } = await erase({ dryRun: true })
  expect(would?.archives).toMatchObject([{ archive, found: { laws } }])
  const path = join(log.folder, "receipt.json")
  const { receipt } = await erase({ receipt: path })
  expect(receipt).toMatchObject({
    ...{ act: null, events: "0", kept: [], complete: true },
    archives: [{ archive, events: "6", kept: "4", laws, held: "0", unsound: "0", why: null }],
  })
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(receipt)
  const name = receipt?.archives[0]?.new_name ?? ""
  expect((await readdir(log.folder)).sort()).toEqual([name, "receipt.json"])
  const text = gunzipSync(await readFile(join(log.folder, name, "events.copy.gz"))).toString()
  expect(text).not.toContain("\tu3\t")
  // One token in the organization, for the four.
  const tokens = text.match(/p1:[^\t\n]+/g) ?? []
  expect([tokens.length, new Set(tokens).size]).toEqual([4, 1])
  expect(await log.whole()).toMatchObject({ live: 0, archived: 9 })
})

test("the command says it in words: how many events of which archive, by which law", async () => {
  const argv = "gdpr erase u3 --reason R-12 --requested-by dpo --confirm u3".split(" ")
  const { exit, stdout } = await runInProcess(argv, { env: { PGTRAIL_URL: log.db.url } })
  expect(exit).toBe(0)
  const told = stdout.replace(/(event_2020_01-)\w+-\w+/g, "$1...").replace(/rule \d+/, "rule 7")
  expect(told.split("\n").filter((line) => /^(archive|kept by law) /.test(line))).toEqual([
    "archive     event_2020_01-...: 6 events, written anew as event_2020_01-...",
    "kept by law 3 events of event_2020_01-... (floor pci): a token that leads nowhere stands for the subject",
    "kept by law 1 event of event_2020_01-... (rule 7): a token that leads nowhere stands for the subject",
  ])
})

test("of an archive whose events came back the log tells the laws, and the archive none", async () => {
  await log.trail.restoreArchive(archive, { reason: "why" })
  const { receipt } = await erase()
  expect(receipt).toMatchObject({
    ...{ events: "6", kept: laws, complete: true },
    archives: [{ archive, events: "0", kept: "0", laws: [], why: null }],
  })
  expect(await log.whole()).toMatchObject({ live: 9, archived: 0 })
})
