// test/seeds.md is true for psql too: what its meta commands print of a table, and what the ones below them print of the view.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { seedDocuments } from "../seeds-document.js"
import { seedRows } from "../seeds-rows.js"
import { program } from "./programs.js"

const document = seedDocuments().find(({ profile }) => profile === "mem0")
const statements = document?.statements.filter(({ kind }) => kind === "psql") ?? []

const psql = (db: TestDatabase, command: string): Promise<string> =>
  program("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", command, db.url)

describe("mem0, seed 000", () => {
  let own: TestDatabase
  let log: TestDatabase
  beforeAll(async () => {
    own = await testDatabase({ empty: true })
    log = await testDatabase()
    await own.query(document?.setup ?? "")
    const trail = await log.trail()
    await trail.installProfile("mem0")
    for (const db of [own, log]) for (const insert of seedRows["000"] ?? []) await db.query(insert)
  })
  afterAll(async () => {
    await own?.drop()
    await log?.drop()
  })

  test("there are three", () => {
    expect(statements.map(({ text }) => text)).toEqual([
      "\\dt audit_logs",
      "\\di audit_logs*",
      "\\d audit_logs",
    ])
  })

  test.each(statements.map((one) => [one.text, one] as const))("%s", async (_text, { text, instead }) => {
    expect(await psql(own, text)).toMatch(/audit_logs|user_id/)
    const lines = instead.flatMap(({ kind, text: block }) => (kind === "psql" ? block.split("\n") : []))
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) {
      const said = await psql(log, line)
      expect(said, line).toMatch(text.startsWith("\\di") ? /^pgtrail\|event_\w+\|/m : /audit_logs|user_id/)
    }
  })

  test("\\d lists the same columns in the same order", async () => {
    const columns = async (db: TestDatabase) =>
      [...(await psql(db, "\\d audit_logs")).matchAll(/^(\w+)\|/gm)].map(([, name]) => name)
    const listed = await columns(log)
    expect(listed).toHaveLength(15)
    expect(listed).toEqual(await columns(own))
  })

  test("\\d+ says of a column where it stands in the log and what is checked on INSERT", async () => {
    const [line] = (await psql(log, "\\d+ audit_logs")).match(/^action_result\|.*$/m) ?? []
    expect(line).toContain("pgtrail.event: outcome; required; one of allowed, denied, error")
    expect(await psql(log, "\\dv+ audit_logs")).toContain("pgtrail profile mem0")
  })

  test("each \\copy that is printed in the place of pg_dump -t writes the rows", async () => {
    const trail = await log.trail()
    for (const name of ["agenttrace", "ai-firewall"]) await trail.installProfile(name)
    const lines = seedDocuments().flatMap(({ statements: all }) =>
      all.flatMap(({ instead }) => instead.flatMap(({ text }) => text.match(/^\\copy .*$/gm) ?? [])),
    )
    expect(lines).toHaveLength(3)
    for (const line of lines) {
      const out = await psql(log, line.replace(/ to \S+ csv/, " to stdout csv"))
      expect(out, line).toContain("timestamp")
      if (line.includes("audit_logs")) expect(out).toContain("mem0_search")
    }
  })

  test("pg_dump -t writes no row of the view, as the document warns", async () => {
    const dump = await program("pg_dump", "-t", "audit_logs", log.url)
    expect(dump).toContain("CREATE VIEW public.audit_logs")
    expect(dump).not.toContain("mem0_search")
    expect(await program("pg_dump", "-t", "audit_logs", own.url)).toContain("mem0_search")
  })
})
