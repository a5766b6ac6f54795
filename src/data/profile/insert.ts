// The function that an INSERT into a view of a profile runs: refuses what the system's own table refused, and appends the event.
import { literal } from "../migrate/script.js"
import { hasKept, writeKept } from "./kept.js"
import { ident, quoteBody } from "./quote.js"
import type { EventView, Place, Profile, Seldom, ViewColumn } from "./shape.js"

/** `pgtrail_` in front: a function in the application's schema that nobody takes for its own. */
export const insertName = (view: EventView): string => `pgtrail_${view.name}_insert`

export function insertSql(profile: Profile, view: EventView, place: Place): string {
  const name = `${place.schema}.${ident(insertName(view))}`
  const refusals = view.columns.flatMap((column) => refusalsOf(column))
  const computed = Object.entries(view.write).filter(([, value]) => !isAtHand(value))
  const write = {
    ...view.write,
    ...Object.fromEntries(computed.map(([column]) => [column, variable(column)])),
    ...(view.kept === undefined ? {} : { details: "found_details" }),
    source: literal(profile.name),
    ...(view.hasOrganization ? {} : { organization_id: place.organization }),
  }
  const answers = Object.entries(view.answers ?? {})
  const body = [
    "declare",
    "    found_row record;",
    "    found_address inet;",
    "    found_details jsonb;",
    ...computed.map(([column]) => `    ${variable(column)} pgtrail.event.${column}%type;`),
    "begin",
    ...(view.before === undefined ? [] : [view.before(place)]),
    ...(view.kept === undefined ? [] : [keptSql(view.kept)]),
    // One condition for all: an event that is well pays for one. Null is neither true here nor makes the others less so.
    ...(refusals.length === 0
      ? []
      : [
          `    if ${refusals.map(({ when }) => `(${when})`).join("\n        or ")}`,
          "    then",
          ...refusals.map(
            ({ when, raise }) => `        if ${when} then raise exception using ${raise}; end if;`,
          ),
          "    end if;",
        ]),
    ...computed.map(([column, value]) => computeSql(variable(column), value)),
    `    insert into pgtrail.event as e (${Object.keys(write).join(", ")})`,
    `    values (${Object.values(write).join(", ")})`,
    // Only what is told: the whole event costs a fifth more.
    answers.length === 0
      ? "    ;"
      : `    returning ${answers.map(([, value]) => value).join(", ")} into ${answers.map(([column]) => `new.${ident(column)}`).join(", ")};`,
    "    return new;",
    "end",
  ].join("\n")
  // What a backslash is, where there is one: each setting costs a row a hundredth.
  const strings = body.includes("\\") ? "\nset standard_conforming_strings = on" : ""
  const create = quoteBody(
    body,
    (quoted) =>
      `create or replace function ${name}() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp${strings}
as ${quoted};`,
  )
  return `${create}\nrevoke all on function ${name}() from public;`
}

/**
 * What stands in the INSERT as it is. The INSERT is a statement of its own for each row, whose expressions are made ready anew each time; those of an
 * assignment are made ready once a transaction.
 */
const isAtHand = (value: string | Seldom): boolean =>
  typeof value === "string" && /^(new\.("\w+"|\w+)|found_\w+|'[^']*')$/.test(value)

const variable = (column: string): string => `computed_${column}`

const computeSql = (name: string, value: string | Seldom): string =>
  typeof value === "string"
    ? `    ${name} := ${value};`
    : `    if ${value.when} then\n        ${name} := ${value.value};\n    end if;`

/** Not as the event is written: a statement with a subquery costs every row a sixth more, and few rows need it. */
function keptSql({ column, values }: NonNullable<EventView["kept"]>): string {
  const own = `new.${ident(column)}`
  return [
    `    found_details := ${own};`,
    `    if ${hasKept(own, values)} then`,
    `        found_details := ${writeKept(own, values)};`,
    "    end if;",
  ].join("\n")
}

interface Refusal {
  readonly when: string
  readonly raise: string
}

/** As PostgreSQL itself refuses them on a table, with its SQLSTATEs and fields; the value, which could be personal, is told to nobody. */
function refusalsOf({ name, isRequired, limit, check }: ViewColumn): Refusal[] {
  const column = `new.${ident(name)}`
  const fields = `, column = ${literal(name)}, table = tg_table_name, schema = tg_table_schema`
  const refusals: Refusal[] = []
  if (isRequired === true) {
    const message = `format('null value in column %I of relation %I violates not-null constraint', ${literal(name)}, tg_table_name)`
    refusals.push({
      when: `${column} is null`,
      raise: `errcode = '23502', message = ${message}${fields}`,
    })
  }
  if (limit !== undefined) {
    const message = `format('value too long for type character varying(${limit}) in column %I', ${literal(name)})`
    refusals.push({
      when: `length(${column}) > ${limit}`,
      raise: `errcode = '22001', message = ${message}${fields}`,
    })
  }
  if (check !== undefined) {
    const message = `format('column %I of new row for relation %I violates check constraint %I', ${literal(name)}, tg_table_name, ${literal(check.name)})`
    const hint = check.hint === undefined ? "" : `, hint = ${literal(check.hint)}`
    refusals.push({
      when: `not (${check.sql})`,
      raise: `errcode = '23514', message = ${message}, constraint = ${literal(check.name)}${fields}${hint}`,
    })
  }
  return refusals
}
