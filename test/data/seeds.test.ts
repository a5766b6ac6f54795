// test/seeds.md is true: each statement of the five seeds does on the view what it does on the seed's own table, or what stands below it does.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { plain } from "../../src/cli/color.js"
import { commands } from "../../src/cli/commands.js"
import { parse } from "../../src/cli/parse.js"
import { profileNamed } from "../../src/data/profile/profiles.js"
import { words } from "../cli/transcript.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { commandsIn, oneLine, printed, type Statement, seedDocuments } from "../seeds-document.js"
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

for (const { seed, profile, setup, statements } of documents) {
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
        await client.query(client === view ? "analyze pgtrail.event" : "analyze")
      }
    })
    afterAll(async () => {
      await own?.drop()
      await log?.drop()
    })

    test.each(statements.map((one) => [one.line ?? "none", one.text.split("\n")[0] ?? "", one] as const))(
      "line %s: %s",
      async (_line, _text, statement) => {
        const { line: place, kind, text, verdict, code, apart, instead } = statement
        for (const line of instead.flatMap(commandsIn)) await expectCommand(line)
        const sql = instead.filter((block) => block.kind === "sql").map((block) => block.text)
        if (place === undefined) for (const one of sql) await answer(view, one)
        if (kind !== "sql" || place === undefined) return
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
          const meant = one.replace(':"DBNAME"', `"${log.name}"`).replace("lz4", compression)
          const got = await answer(view, meant, apart)
          // What names the log cannot run without it.
          if (!/pgtrail|DATABASE/.test(one)) expect(got).toEqual(await answer(table, one, apart))
          else if (got.columns.length > 0) expect(got.rows.length).toBeGreaterThan(0)
        }
      },
    )

    const filtered = statements.filter(({ text, line }) => line !== undefined && isFiltered.test(text))
    test(
      filtered.length === 0
        ? "it prints no filter"
        : "every filter of its own queries is compared below the view's barrier, by an index of the log",
      async () => {
        const served: Record<string, string> = {}
        // Two thirds of the rows are read in whole all the same.
        await view.query("set enable_seqscan = off")
        for (const { line, text } of filtered) {
          const select = text
            .replace(/^(EXPLAIN ANALYZE|INSERT INTO \w+)\s/, "")
            .replace("DELETE", "SELECT *")
          const { rows } = await view.query(`explain (costs off) ${select}`)
          const plan = rows.map((row) => row["QUERY PLAN"]).join("\n")
          expect(plan, `line ${line}: ${text}`).not.toMatch(/Subquery Scan on .*\n +Filter:/)
          const conditions = [...plan.matchAll(/Index Cond: (.*)/g)].map(([, condition = ""]) => condition)
          served[String(line)] = indexed
            .filter((column) => conditions.some((one) => one.includes(column)))
            .join(" ")
        }
        await view.query("reset enable_seqscan")
        const asked = servedBy[seed] ?? {}
        expect(Object.keys(served)).toEqual(Object.keys(asked))
        for (const [line, columns] of Object.entries(asked)) {
          expect(served[line]?.split(" "), `line ${line}`).toEqual(expect.arrayContaining(columns.split(" ")))
        }
      },
    )

    test("what profile install prints is what stands here, each for a statement, and none is missing", () => {
      const place = { schema: "public", organization: "'default'" }
      const { replacements } = profileNamed(profile)
      const list = replacements(place).map(({ instead, run }) => ({ instead: oneLine(instead), run }))
      expect(list[0]?.instead).toContain("pg_dump")
      const used = new Set<string>()
      for (const statement of statements) {
        const text = oneLine(statement.text)
        const [best] = list
          .filter(({ instead }) => pattern(instead).test(text))
          .sort((a, b) => specific(b.instead) - specific(a.instead))
        if (best === undefined || statement.verdict === "same" || statement.instead.length === 0) {
          expect(statement.verdict, `line ${statement.line}: ${text}`).not.toBe("replaced")
          continue
        }
        used.add(best.instead)
        expect(oneLine(best.run), `line ${statement.line}: ${text}`).toBe(oneLine(printed(statement)))
      }
      expect(list.map(({ instead }) => instead).filter((instead) => !used.has(instead))).toEqual([])
    })

    test("the log still verifies", async () => {
      const trail = await log.trail()
      const { verdict, findings } = await trail.verify({ record: false })
      expect({ verdict, findings }).toEqual({
        // Of an empty log nothing can be said.
        verdict: seedRows[seed] === undefined ? "incomplete" : "intact",
        findings: [],
      })
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

const isFiltered = /\bFROM audit_\w+\s+WHERE (?!\.)/

const indexed = ["organization_id", "actor_id", "occurred_at"]

/** By line, what an index is asked by. Line 222 is what the guide warns of: without the organization the index is read from end to end. */
const servedBy: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "001": { "426": "occurred_at", "429": "occurred_at" },
  "002": {
    "222": "actor_id",
    "228": "organization_id actor_id",
    "244": "organization_id occurred_at",
    "255": "organization_id",
    "261": "organization_id occurred_at",
    // In the order of time, which spares a sort: of few rows, all of one organization, by the narrower of two indexes.
    "272": "occurred_at",
    "459": "occurred_at",
    "463": "occurred_at",
  },
}

/** `...` is whatever stands there. */
const pattern = (instead: string): RegExp =>
  new RegExp(
    `^${instead
      .split("...")
      .map((part) => part.replace(/[^\w\s]/g, "\\$&"))
      .join("[^]*?")}`,
  )

const specific = (instead: string): number => instead.replaceAll("...", "").length

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
        if (line === undefined) continue
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
