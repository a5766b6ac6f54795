// An event as text for people: every column that has a value, then its place in the chain.
import { eventColumns } from "../event-columns.js"
import { kindOf } from "./columns.js"
import type { Neighbour, ShownEvent } from "./show.js"

const width = Math.max(...eventColumns.map((column) => column.length)) + 2

export function describeEvent(shown: ShownEvent): string {
  const { event, place, previous, next, newest, redactions, verifies, problems } = shown
  const chain = place.slice(0, place.lastIndexOf("/"))
  const lines = [`event ${place}`, ""]
  for (const column of eventColumns) {
    const value = event[column]
    if (value == null) continue
    const text = kindOf(column) === "json" ? indentJson(value) : value
    lines.push(line(column, text))
  }
  lines.push(
    "",
    line(
      "previous",
      describeNeighbour(
        chain,
        previous,
        event.seq === "1" ? "none: it is the first of its lane" : gone(shown.purged_before),
      ),
    ),
    line(
      "next",
      describeNeighbour(
        chain,
        next,
        newest ? "none: it is the newest of its lane" : gone(shown.purged_after),
      ),
    ),
    ...(redactions ?? []).map(({ group, times, fields }, at) =>
      line(at === 0 ? "redacted" : "", describeRedaction(group, times, fields)),
    ),
    line("verifies", verifies === null ? "cannot be checked" : verifies ? "yes" : "no"),
    ...problems.map((problem) => line("", problem)),
  )
  return lines.join("\n")
}

/** Which act did it nobody can say: that would tie together the events of one person. */
function describeRedaction(group: string, times: number, fields: readonly string[]): string {
  const often = times === 1 ? "once" : `${times} times`
  const what = fields.length === 0 ? "" : `: ${fields.join(", ")}`
  return `${group}, ${often}${what}; the values recorded were others`
}

const gone = (act: string | null): string => (act === null ? "missing" : `purged by act ${act}`)

function describeNeighbour(chain: string, neighbour: Neighbour | null, none: string): string {
  if (neighbour === null) return none
  const link = neighbour.linked ? "linked" : "not linked"
  return `${chain}/${neighbour.seq}  ${neighbour.occurred_at}  ${neighbour.id}  ${link}`
}

/** A value of several lines stands below its first. */
const line = (name: string, value: string): string =>
  `${name.padEnd(width)}${value.replaceAll("\n", `\n${" ".repeat(width)}`)}`

/** Puts JSON text on several lines without reading it: 1.10 and 2^53+1 stay as they are. */
export function indentJson(json: string): string {
  let depth = 0
  let text = ""
  const newLine = () => `\n${"  ".repeat(depth)}`
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      depth += 1
      text += token + newLine()
    } else if (token === "}" || token === "]") {
      depth -= 1
      text += newLine() + token
    } else if (token === ",") text += token + newLine()
    else if (token === ":") text += ": "
    else text += token.startsWith('"') ? token : token.replaceAll(" ", "")
  }
  return text
}
