// An act as text for people: what is known of it, then its parameters, then whether it verifies.
import { indentJson } from "../query/describe.js"
import { actColumns } from "./list.js"
import type { ShownAct } from "./show.js"

const width = Math.max(...actColumns.map((column) => column.length)) + 2

export function describeAct({ act, signature, verifies, problems }: ShownAct): string {
  const lines = [`act ${act.seq}`, ""]
  for (const column of actColumns) {
    const value = act[column]
    if (value === null || value === "" || typeof value === "boolean" || column === "seq") continue
    lines.push(line(column, column === "parameters" ? indentJson(value) : value))
  }
  if (signature !== null) lines.push(line("signature", signature.trimEnd()))
  lines.push(
    "",
    line("verifies", verifies === null ? "cannot be checked" : verifies ? "yes" : "no"),
    ...problems.map((problem) => line("", problem)),
  )
  return lines.join("\n")
}

/** A value of several lines stands below its first. */
const line = (name: string, value: string): string =>
  `${name.padEnd(width)}${value.replaceAll("\n", `\n${" ".repeat(width)}`)}`
