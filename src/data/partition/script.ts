// Changes of partitions as SQL that people run with psql.
import { version as tool } from "../version.js"
import type { Range } from "./ranges.js"

type Statement = readonly [form: string, values: readonly (string | readonly string[])[]]

/** Each statement is a transaction of its own: what was made stays, and nobody waits for the rest. */
export function script(statements: readonly Statement[]): string {
  if (statements.length === 0) return ""
  const head = `-- pgtrail ${tool}: run without -1, as psql -X -v ON_ERROR_STOP=1 does; what was done stays where a later statement fails\n\n`
  // A session may have asked for another level, under which what others have done meanwhile would not be seen.
  const level = "set default_transaction_isolation = 'read committed';\nset synchronous_commit = on;\n"
  return `${head}${level}${statements.map(([form, values]) => `${written(form, values)};\n`).join("")}`
}

export function splitScript(
  portions: readonly (readonly Range[])[],
  analyzed: readonly string[],
  patience: string,
): string {
  return script([
    ...portions.map(
      (portion): Statement => [
        "select pgtrail.split_default(\n    %L::text[],\n    %L::timestamptz[],\n    %L::timestamptz[],\n    %L)",
        [
          portion.map(({ name }) => name),
          portion.map(({ since }) => since),
          portion.map(({ until }) => until),
          patience,
        ],
      ],
    ),
    ...analyzed.map((name): Statement => ["select pgtrail.analyze_partition(%L)", [name]]),
  ])
}

function written(form: string, values: Statement[1]): string {
  let at = 0
  return form.replace(/%L/g, () => {
    const value = values[at++] ?? ""
    return typeof value === "string" ? literal(value) : `array[${value.map(literal).join(", ")}]`
  })
}

/** Right whatever standard_conforming_strings says. */
function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`
  return text.includes("\\") ? ` E${quoted}` : quoted
}
