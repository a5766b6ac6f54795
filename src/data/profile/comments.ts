// What psql says of a view's columns (\d+): where each stands in pgtrail.event, and what is checked on INSERT, which no constraint of a view can tell.
import { literal } from "../migrate/script.js"
import { ident } from "./quote.js"
import { type EventView, type Place, readOf, type ViewColumn } from "./shape.js"

export const commentsSql = (view: EventView, place: Place): string =>
  view.columns
    .map((column) => {
      const said = [stands(readOf(column, place)), ...checked(column)]
        .filter((part) => part !== "")
        .join("; ")
      const name = `${place.schema}.${ident(view.name)}.${ident(column.name)}`
      return `comment on column ${name} is ${said === "" ? "null" : literal(said)};`
    })
    .join("\n")

/** Of an expression over more than two columns nothing short can be said. */
function stands(read: string): string {
  const columns = [...new Set([...read.matchAll(/\be\.([a-z_]+)/g)].map(([, column]) => column ?? ""))]
  return columns.length === 0 || columns.length > 2 ? "" : `pgtrail.event: ${columns.join(", ")}`
}

function checked({ isRequired, limit, check }: ViewColumn): string[] {
  const [, values] = / in \(([^()]*)\)$/.exec(check?.sql ?? "") ?? []
  return [
    isRequired === true ? "required" : "",
    limit === undefined ? "" : `at most ${limit} characters`,
    values === undefined ? "" : `one of ${values.replaceAll("'", "")}`,
  ]
}
