// Two descriptions of an object, compared line by line: what is missing, what is there instead, what is there too much.
import type { FindingKind } from "./finding.js"

/** One thing about one object of the catalog that is not as it must be. */
export interface Difference {
  readonly kind: FindingKind & ("catalog_changed" | "guard_missing")
  /** `function seal_event()`, `table event`, `partition event_2026_11`. */
  readonly object: string
  /** What of it: `trigger pgtrail_guard`, `column details`, `body`; the object itself where it is missing or too much. */
  readonly what: string
  /** Null: it must not be there. */
  readonly expected: string | null
  /** Null: it is not there. */
  readonly actual: string | null
  readonly message: string
  readonly evidence: string
}

export function compareDefinitions(object: string, wanted: string, found: string): Difference[] {
  if (wanted === found) return []
  const wantedLines = new Set(wanted.split("\n"))
  const foundLines = new Set(found.split("\n"))
  const gone = [...wantedLines].filter((line) => !foundLines.has(line))
  // An index that is not unique is the DBA's own business.
  const added = [...foundLines].filter(
    (line) => !wantedLines.has(line) && !(line.startsWith("index ") && line.includes(", unique f,")),
  )
  const lost = gone.map((line): Difference => {
    const now = added.find((other) => subject(other) === subject(line))
    const message =
      now === undefined ? `${object}: missing: ${line}` : `${object}: expected: ${line}; actual: ${now}`
    const kind = line.startsWith("trigger ") ? "guard_missing" : "catalog_changed"
    return {
      kind,
      object,
      what: subject(line),
      expected: line,
      actual: now ?? null,
      message,
      evidence: message,
    }
  })
  const extra = added
    .filter((line) => !gone.some((other) => subject(other) === subject(line)))
    .map((line): Difference => {
      const message = `${object}: unexpected: ${line}`
      const what = subject(line)
      return {
        kind: "catalog_changed",
        object,
        what,
        expected: null,
        actual: line,
        message,
        evidence: message,
      }
    })
  return [...lost, ...extra]
}

/** What a line is about: the same column, trigger or rule, or the same fact of a function or table. */
function subject(line: string): string {
  const [fact = "", name = ""] = line.split(" ", 2)
  return ["settings", "body", "kind", "table", "owner", "attributes", "type"].includes(fact)
    ? fact
    : `${fact} ${name}`
}
