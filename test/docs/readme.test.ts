// The README's tour is real: every command in it is run, and must print what stands there. UPDATE_README=1 writes it anew.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { env } from "node:process"
import { afterAll, beforeAll, expect, test } from "vitest"
import { runInProcess } from "../cli/io.js"
import { normalise, words } from "../cli/transcript.js"
import { type TestDatabase, testDatabase } from "../database.js"

const root = join(import.meta.dirname, "..", "..")
const readme = join(root, "README.md")
/** The real events lie beside the checkout, not in it. */
const data = join(root, "..", "shared", "data")
const hasData = existsSync(join(data, "cloudtrail"))

let db: TestDatabase
let folder: string
beforeAll(async () => {
  db = await testDatabase({ empty: true })
  folder = await mkdtemp(join(tmpdir(), "pgtrail-readme-"))
  if (hasData) await symlink(join(data, "cloudtrail"), join(folder, "cloudtrail"))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await db.drop()
})

/** `cloudtrail/*.json`, as a shell would put it. */
function expand(word: string): string[] {
  if (!word.endsWith("/*.json")) return [word]
  const folder = word.slice(0, -"/*.json".length)
  return readdirSync(join(data, folder))
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => `${folder}/${name}`)
}

/** Ids of findings and names of archives differ from run to run: one that a command names is the first of those that were printed before. */
const differing = [/\b[0-9a-f]{16}\b/, /\bevent_\w+-\d{8}T\d{6}Z-[0-9a-f]{6}\b/] as const
const found = new Map<RegExp, string>()

async function answer(line: string): Promise<string> {
  if (line.startsWith("sql> ")) {
    await db.query(line.slice("sql> ".length))
    return ""
  }
  const [program, ...argv] = words(line.slice("$ ".length))
  if (program === "export") return ""
  const ran = await runInProcess(argv.flatMap(expand), { cwd: folder, env: { PGTRAIL_URL: db.url } })
  for (const form of differing) found.set(form, form.exec(ran.both)?.[0] ?? found.get(form) ?? "")
  return ran.both
}

async function replay(block: string): Promise<string> {
  const said: string[] = []
  for (const written of block.split("\n").filter((text) => /^(\$|sql>) /.test(text))) {
    const line = differing.reduce((text, form) => text.replace(form, (id) => found.get(form) || id), written)
    const text = shortened((await answer(line)).replace(/\n$/, ""))
    said.push(line, ...(text === "" ? [] : [text]))
  }
  return said.join("\n")
}

/** A long table is shown by its beginning and its end. */
function shortened(text: string): string {
  const lines = text.split("\n")
  return lines.length <= 14 ? text : [...lines.slice(0, 4), "...", ...lines.slice(-3)].join("\n")
}

/** The database of the test has another name than the one that `embedded:` makes. */
/** The events are of 2023: every later time is that of a run, or of what follows from it. */
const timeOfRun = /\b20(?:2[4-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z/g
const comparable = (text: string): string =>
  normalise(
    text
      .replaceAll(db.name, "pgtrail")
      .replace(new RegExp(differing[1], "g"), "event_2023_07-00000000T000000Z-000000")
      // Salts and ids are random, and nothing compresses them alike.
      .replace(/\b\d+\.\d (kB|MB)\b/g, "0.0 $1")
      .replace(timeOfRun, "0000-00-00T00:00:00.000000Z"),
  )

test.skipIf(!hasData)(
  "the tour of the README prints what stands there (needs the real events beside the checkout)",
  async () => {
    const text = readFileSync(readme, "utf8")
    const [before = "", rest = ""] = text.split("<!-- tour: cloudtrail -->")
    const [tour = "", after = ""] = rest.split("<!-- /tour -->")
    const parts = tour.split(/(```console\n[\s\S]*?\n```)/)
    const fresh: string[] = []
    for (const part of parts) {
      const block = /^```console\n([\s\S]*)\n```$/.exec(part)?.[1]
      fresh.push(
        block === undefined
          ? part
          : `\`\`\`console\n${(await replay(block)).replaceAll(db.name, "pgtrail")}\n\`\`\``,
      )
    }
    if (env.UPDATE_README !== undefined) {
      writeFileSync(readme, `${before}<!-- tour: cloudtrail -->${fresh.join("")}<!-- /tour -->${after}`)
    } else {
      expect(comparable(fresh.join(""))).toBe(comparable(tour))
    }
  },
  // It is some forty commands, one after another.
  180_000,
)

test("the SQL examples of the README run", async () => {
  const installed = await testDatabase()
  const blocks = [...readFileSync(readme, "utf8").matchAll(/```sql\n([\s\S]*?)```/g)].map(
    (match) => match[1] ?? "",
  )
  expect(blocks.length).toBeGreaterThan(0)
  const trail = await installed.trail()
  await trail.installProfile("agenttrace")
  for (const block of blocks) await installed.query(block)
  const [row] = await installed.query("select count(*) as count from pgtrail.event")
  expect(row?.count).toBe("3")
  await installed.drop()
})
