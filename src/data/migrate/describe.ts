// A validation as text for people: object by object, what was expected and what is there.
import type { CatalogDifference, Validation } from "./validate.js"

/** A planted function of a million lines must not hide what follows. */
const mostLines = 200

export function describeValidation({ database, migration, differences }: Validation): string {
  const count = differences.length
  if (count === 0) return `nothing differs: database ${database} is as migration ${migration} left it`
  const lines = [
    `database ${database} is not as migration ${migration} left it: ${count} ${count === 1 ? "difference" : "differences"}`,
  ]
  let last = ""
  for (const difference of differences) {
    if (difference.object !== last) lines.push("", difference.object)
    last = difference.object
    lines.push(...describe(difference).map((line) => `  ${line}`))
  }
  return lines.join("\n")
}

function describe({ object, what, expected, actual, diff }: CatalogDifference): string[] {
  const lines = object === what ? [] : [what]
  if (diff.length > 0) {
    const shown = diff.slice(0, mostLines)
    const more = diff.length - shown.length
    return [
      ...lines,
      "--- shipped",
      "+++ in the database",
      ...shown,
      ...(more > 0 ? [`... ${more} more lines`] : []),
    ]
  }
  return [
    ...lines,
    ...labelled("expected: ", expected, "nothing"),
    ...labelled("actual:   ", actual, "it is missing"),
  ]
}

/** A value of several lines stands below its first. */
function labelled(label: string, value: string | null, none: string): string[] {
  const [first = "", ...rest] = (value ?? none).split("\n")
  const more = rest.length > mostLines ? [`... ${rest.length - mostLines} more lines`] : []
  return [
    label + first,
    ...[...rest.slice(0, mostLines), ...more].map((line) => " ".repeat(label.length) + line),
  ]
}
