// Elements of arrays are replaced where they stand, whatever is in them.
import { expect, test } from "vitest"
import { replaceElements } from "../../src/data/subject/export-array.js"
import { testDatabase } from "../database.js"
import { hostile } from "./export-fixture.js"

const arrays = [
  "array[]::text[]",
  "array['NULL', 'null', null, '', ' ', 'a b', '{', '}', ',', '\"', '\\', 'x\\\"y', 'ü']",
  "array[['a', 'b,c'], ['d', null]]",
  "'[2:4]={a,\"b c\",NULL}'::text[]",
] as const

test("PostgreSQL reads what was replaced and what was not, as elements of the same array", async () => {
  const db = await testDatabase()
  try {
    for (const [sql, values] of [
      ...arrays.map((one) => [one, undefined] as const),
      ["$1::text[]", [hostile.filter((one) => !one.includes("\0"))]] as const,
    ]) {
      const [row] = await db.query(`select (${sql})::text as text`, values as unknown[] | undefined)
      const text = row?.text ?? ""
      const seen: string[] = []
      const same = replaceElements(text, (element) => {
        seen.push(element)
        return undefined
      })
      const marked = replaceElements(text, (element) => `<${element}>`)
      const [back] = await db.query(
        `select $1::text = $2::text as same,
           (select to_json(coalesce(array_agg(e) filter (where e is not null), '{}'))::text from unnest($2::text[]) e) as elements,
           (select to_json(coalesce(array_agg(e) filter (where e is not null), '{}'))::text from unnest($3::text[]) e) as marked`,
        [text, same, marked],
      )
      expect(back?.same).toBe("t")
      expect(JSON.parse(back?.elements ?? "")).toEqual(seen)
      expect(JSON.parse(back?.marked ?? "")).toEqual(seen.map((element) => `<${element}>`))
    }
  } finally {
    await db.drop()
  }
})
