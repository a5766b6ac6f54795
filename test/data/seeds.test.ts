// test/seeds.md is true: each statement of the five seeds does on the view what it does on the seed's own table, or what stands below it does.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { plain } from "../../src/cli/color.js"
import { commands } from "../../src/cli/commands.js"
import { parse } from "../../src/cli/parse.js"
import { words } from "../cli/transcript.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { commandsIn, type Statement, seedDocuments } from "../seeds-document.js"
import { appendedByMem0, seedRows } from "../seeds-rows.js"

const documents = seedDocuments()
/** The seeds lie beside the checkout, not in it. */
const folder = join(import.meta.dirname, "../../../shared/seeds")

interface Answer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What is not ordered by the statement is by its text. A statement that changes rows answers their number. */
async function answer(client: pg.Client, sql: string, apart: readonly string[] = []): Promise<Answer> {
  const values = sql.includes("%s") ? appendedByMem0 : []
  let place = 0
  const text = sql.replace(/%s/g, () => `$${++place}`)
  const { fields, rows, rowCount } = await client.query<(string | null)[]>({
    text,
    values: [...values],
    rowMode: "array",
  })
  const columns = fields.map(({ name }) => name)
  if (columns.length === 0) return { columns, rows: [[String(rowCount)]] }
  const shown = rows.map((row) =>
    row.flatMap((value, place) => (apart.includes(columns[place] ?? "") ? [] : [value ?? "NULL"])),
  )
  if (!/\border by\b/i.test(sql)) shown.sort((a, b) => (a.join("\t") < b.join("\t") ? -1 : 1))
  return { columns, rows: apart.includes("rows") ? [[rows.length > 0 ? "some" : "none"]] : shown }
}

const isMade = (statement: Statement | undefined) =>
  statement?.verdict !== "invalid" && statement?.text.startsWith("CREATE TABLE") === true

for (const { seed, profile, setup, statements } of documents.filter((one) => one.statements.length > 0)) {
  describe(`${profile}, seed ${seed}`, () => {
    let own: TestDatabase
    let log: TestDatabase
    let table: pg.Client
    let view: pg.Client
    /** Not every server is built with lz4. */
    let compression: string
    beforeAll(async () => {
      own = await testDatabase({ empty: true })
      log = await testDatabase()
      const trail = await log.trail()
      await trail.installProfile(profile)
      table = await own.client()
      view = await log.client()
      const [first] = statements
      if (isMade(first)) await table.query(first?.text ?? "")
      await table.query(setup)
      const [offered] = await log.query(
        "select enumvals::text as kinds from pg_settings where name = 'default_toast_compression'",
      )
      compression = offered?.kinds?.includes("lz4") === true ? "lz4" : "pglz"
      for (const client of [table, view]) {
        await client.query("set timezone = 'UTC'")
        for (const insert of seedRows[seed] ?? []) {
          // Columns that say when they were filled must say the same on both.
          await client.query(insert)
        }
        await client.query(
          client === view
            ? "analyze pgtrail.event"
            : `analyze ${profile === "agenttrace" ? "audit_events" : "audit_logs"}`,
        )
      }
    })
    afterAll(async () => {
      await own?.drop()
      await log?.drop()
    })

    test.each(statements.map((one) => [one.line, one.text.split("\n")[0] ?? "", one] as const))(
      "line %i: %s",
      async (_line, _text, statement) => {
        const { kind, text, verdict, code, apart, instead } = statement
        for (const line of instead.flatMap(commandsIn)) await expectCommand(line)
        if (kind !== "sql") return
        const sql = instead.filter((block) => block.kind === "sql").map((block) => block.text)
        if (verdict === "invalid") {
          await expect(onOwn(table, text)).rejects.toMatchObject({ code })
        } else {
          const original = await onOwn(table, text, apart)
          if (verdict === "same") {
            expect(await answer(view, text, apart)).toEqual(original)
            await expectSameTable(text, apart)
          } else if (original.columns.length > 0) {
            expect(sql).toHaveLength(1)
            expect(await answer(view, sql[0] ?? "", apart)).toEqual(original)
            return
          }
          if (verdict === "replaced" && text.startsWith("DELETE")) {
            await expect(view.query(text)).rejects.toMatchObject({ code: "42501" })
          }
        }
        for (const one of sql) {
          const meant = one.replace(":database", log.name).replace("lz4", compression)
          const got = await answer(view, meant, apart)
          // What names the log cannot run without it.
          if (!/pgtrail|DATABASE/.test(one)) expect(got).toEqual(await answer(table, one, apart))
          else if (got.columns.length > 0) expect(got.rows.length).toBeGreaterThan(0)
        }
      },
    )

    test("the log still verifies", async () => {
      const trail = await log.trail()
      const { verdict, findings } = await trail.verify({ record: false })
      expect({ verdict, findings }).toEqual({ verdict: "intact", findings: [] })
    })

    /** After an INSERT that runs on both: what it wrote is the same too. */
    async function expectSameTable(text: string, apart: readonly string[]): Promise<void> {
      const name = /^INSERT INTO (\w+)/.exec(text)?.[1]
      if (name === undefined) return
      const all = `SELECT * FROM ${name}`
      // Ids and times that each database makes by itself.
      const made = [...apart, "id", "timestamp"]
      const rows = await answer(view, all, made)
      expect(rows.rows.length).toBeGreaterThan(0)
      expect(rows).toEqual(await answer(table, all, made))
    }
  })
}

/** A table that is there already is made once more in a schema that goes again. */
async function onOwn(client: pg.Client, text: string, apart: readonly string[] = []): Promise<Answer> {
  if (!text.startsWith("CREATE TABLE")) return answer(client, text, apart)
  await client.query("begin; create schema scratch; set local search_path = scratch, public")
  try {
    return await answer(client, text, apart)
  } finally {
    await client.query("rollback")
  }
}

/** That there is such a command, with such options. */
async function expectCommand(line: string): Promise<void> {
  const found = await parse(words(line), commands, plain)
  expect(found, `pgtrail ${line}`).toHaveProperty("command")
}

const normal = (text: string): string => text.replace(/\s+/g, " ").trim()

test.skipIf(!existsSync(folder))(
  "no statement of the seeds is missing, and each stands where it is said to",
  () => {
    const missing: string[] = []
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
      const seed = file.slice(0, 3)
      const document = documents.find((one) => one.seed === seed)
      expect(document, file).toBeDefined()
      const lines = readFileSync(join(folder, file), "utf8").split("\n")
      const covered = new Set<number>()
      for (const { line, text } of document?.statements ?? []) {
        const here = lines.slice(line - 1, line + text.split("\n").length - 1)
        const printed = normal(here.map((one) => one.replace(/^# /, "")).join("\n"))
        // A statement within a string of Python is its string alone.
        const bare = normal(text).replace(/;$/, "")
        expect(printed.includes(normal(text)) || printed.includes(bare), `${file}:${line}: ${text}`).toBe(
          true,
        )
        for (let at = line; at < line + here.length; at += 1) covered.add(at)
      }
      let isSql = false
      for (const [place, text] of lines.entries()) {
        const isFence = text.startsWith("```")
        if (isFence) isSql = text === "```sql"
        const isStatement = isSql
          ? !isFence && text.trim() !== "" && !text.startsWith("--")
          : /\b(INSERT INTO|DELETE FROM|SELECT [\w*].* FROM|CREATE (TABLE|INDEX|VIEW)|ALTER TABLE|UPDATE \w+ SET|DROP (TABLE|INDEX)|TRUNCATE \w)\b|^(psql|pg_dump) /.test(
              text,
            )
        if (isStatement && !covered.has(place + 1)) missing.push(`${file}:${place + 1}: ${text}`)
      }
    }
    expect(missing).toEqual([])
  },
)
