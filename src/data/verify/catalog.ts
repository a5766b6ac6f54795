// Compares the live catalog with what the last migration stored: guards, functions, columns, grants, owners, partition by partition.
import type { ClientBase } from "pg"
import { readSql } from "../sql-files.js"
import { catalogDigest } from "./acts.js"
import type { Findings } from "./finding.js"

interface Described {
  readonly object: string
  readonly definition: string
}

/** `digest`: of the stored description, from the act of the last migration; hex. */
export async function checkCatalog(
  client: ClientBase,
  digest: string | undefined,
  findings: Findings,
): Promise<void> {
  const stored = await client.query<Described>(
    'select object, definition from pgtrail.catalog_object order by object collate "C"',
  )
  if (catalogDigest(stored.rows) !== digest) {
    findings.add({
      kind: "catalog_changed",
      group: "object",
      message:
        "pgtrail.catalog_object is not what the last migration recorded: its digest differs from the act's",
    })
  }
  const live = await client.query<Described>(readSql("catalog.sql").trim())
  const expected = new Map(stored.rows.map((row) => [row.object, row.definition]))
  const template = expected.get("partition")
  for (const { object, definition } of live.rows) {
    const isPartition = object.startsWith("partition ")
    const wanted = isPartition ? template : expected.get(object)
    if (wanted === undefined) {
      findings.add({
        kind: "catalog_changed",
        group: "object",
        message: `${object} does not belong to pgtrail`,
      })
    } else {
      compare(object, wanted, definition, findings)
    }
    expected.delete(object)
  }
  expected.delete("partition")
  for (const object of expected.keys()) {
    const kind = object.startsWith("function ") ? "guard_missing" : "catalog_changed"
    findings.add({ kind, group: "object", message: `${object} is missing` })
  }
}

function compare(object: string, wanted: string, found: string, findings: Findings): void {
  if (wanted === found) return
  const wantedLines = new Set(wanted.split("\n"))
  const foundLines = new Set(found.split("\n"))
  const gone = [...wantedLines].filter((line) => !foundLines.has(line))
  // An index that is not unique is the DBA's own business.
  const added = [...foundLines].filter(
    (line) => !wantedLines.has(line) && !(line.startsWith("index ") && line.includes(", unique f,")),
  )
  for (const line of gone) {
    const now = added.find((other) => sameThing(line, other))
    const trigger = line.startsWith("trigger ")
    findings.add({
      kind: trigger ? "guard_missing" : "catalog_changed",
      group: "object",
      message:
        now === undefined ? `${object}: missing: ${line}` : `${object}: expected: ${line}; actual: ${now}`,
    })
  }
  for (const line of added) {
    if (gone.some((other) => sameThing(line, other))) continue
    findings.add({ kind: "catalog_changed", group: "object", message: `${object}: unexpected: ${line}` })
  }
}

/** Two lines about the same thing: the same column, trigger or rule, or the same fact of a function or table. */
function sameThing(a: string, b: string): boolean {
  const subject = (line: string) => {
    const [fact = "", name = ""] = line.split(" ", 2)
    return ["settings", "body", "kind", "table", "owner"].includes(fact) ? fact : `${fact} ${name}`
  }
  return subject(a) === subject(b)
}
