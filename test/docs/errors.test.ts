// The SQLSTATEs of pgtrail's own stand in three places: where SQL raises them, in sql/README.md, and in the library's table.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"

const root = join(import.meta.dirname, "..", "..")
const codes = (text: string): string[] => [...new Set(text.match(/\bTR\d{3}\b/g) ?? [])].sort()

test("every SQLSTATE that the SQL raises is in sql/README.md and in the table of the library, and no other", () => {
  const files = readdirSync(join(root, "sql"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".sql"),
  )
  const sql = files.map((name) => readFileSync(join(root, "sql", name), "utf8")).join("\n")
  const raised = codes((sql.match(/errcode = 'TR\d{3}'/g) ?? []).join(" "))
  // TR099 undoes a trial inside a function and never leaves it.
  const leaving = raised.filter((code) => code !== "TR099")
  expect(leaving.length).toBeGreaterThan(5)
  expect(codes(readFileSync(join(root, "sql", "README.md"), "utf8"))).toEqual(leaving)
  expect(codes(readFileSync(join(root, "src", "data", "sqlstate.ts"), "utf8"))).toEqual(leaving)
})
