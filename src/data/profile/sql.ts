// The SQL of a profile: from its definition to one script that whoever installed the log runs in one transaction.
import { literal } from "../migrate/script.js"
import { commentsSql } from "./comments.js"
import { heldName, tableNames, tablesSql } from "./held.js"
import { insertName, insertSql } from "./insert.js"
import { ident, quoteBody } from "./quote.js"
import { type EventView, type Place, type Profile, readOf, type ViewColumn } from "./shape.js"
import { isVisible, namedArguments, namedName, visibleArguments, visibleName, visibleSql } from "./visible.js"

/** Everything that has a name of its own in the profile's schema, in the order in which it is made. */
export interface ProfileObject {
  readonly name: string
  readonly kind: "view" | "table" | "function" | "sequence"
  /** Of a function, with its brackets. */
  readonly signature?: string
}

export const refuseName = (profile: Profile): string => `pgtrail_${profile.name.replaceAll("-", "_")}_refuse`

export function objectsOf(profile: Profile): ProfileObject[] {
  const objects: ProfileObject[] = [
    ...tableNames(profile).map((name) => ({ name, kind: "view" as const })),
    { name: refuseName(profile), kind: "function", signature: "()" },
    { name: namedName(profile), kind: "function", signature: namedArguments },
    { name: visibleName(profile), kind: "function", signature: visibleArguments },
  ]
  for (const view of profile.views) {
    if (view.sequence !== undefined) objects.push({ name: view.sequence, kind: "sequence" })
    objects.push({ name: view.name, kind: "view" })
    objects.push({ name: insertName(view), kind: "function", signature: "()" })
  }
  for (const { name, kind, signature } of profile.companions) {
    objects.push(signature === undefined ? { name, kind } : { name, kind, signature })
  }
  return objects
}

/** What says of an object whose it is: a name that is taken by anything else is refused. */
export const mark = (profile: Profile): string => `pgtrail profile ${profile.name}`

/** As the owner of the log. May run again. */
export function createSql(profile: Profile, place: Place): string {
  return [
    tablesSql(profile, place),
    refuseSql(profile, place),
    visibleSql(profile, place),
    ...profile.views.flatMap((view) => [
      view.sequence === undefined ? "" : sequenceSql(profile, view, view.sequence, place),
      viewSql(profile, view, place),
      commentsSql(view, place),
      insertSql(profile, view, place),
      triggersSql(profile, view, place),
    ]),
    ...profile.companions.map((companion) => `${companion.sql(place).trim()}\n`),
    ...objectsOf(profile).map(
      ({ name, kind, signature = "" }) =>
        `comment on ${kind} ${place.schema}.${ident(name)}${signature} is ${literal(mark(profile))};`,
    ),
  ]
    .filter((part) => part !== "")
    .join("\n")
}

/** Ids go on where those of the events that are there already end. */
function sequenceSql(profile: Profile, view: EventView, name: string, place: Place): string {
  const sequence = `${place.schema}.${ident(name)}`
  return quoteBody(
    `begin
    if to_regclass(${literal(sequence)}) is null then
        create sequence ${sequence} as int;
        perform setval(${literal(sequence)}::regclass, m.newest)
        from (select max(e.external_number) as newest from pgtrail.event e where ${belongs(profile, view, place)}) m
        where m.newest between 1 and 2147483646;
    end if;
end`,
    (quoted) => `do ${quoted};`,
  )
}

const belongs = (profile: Profile, view: EventView, place: Place): string =>
  `e.source = ${literal(profile.name)}${view.hasOrganization ? "" : ` and e.organization_id = ${place.organization}`}`

/**
 * A barrier: a reader's own function, called cheap, would else see the events of others before they are left out. Nothing can be ordered below
 * it but by the view itself; so it is, newest first as the systems ask, and their LIMIT reads no more than it shows. What counts pays for the order.
 * The events are ordered as they stand and only then made into rows: else each that a page's filter finds would be, a third of the page's price.
 * Both levels say the order, or the planner sorts again.
 */
function viewSql(profile: Profile, view: EventView, place: Place): string {
  const name = `${place.schema}.${ident(view.name)}`
  const columns = view.columns.map(
    (column) => `    (${readOf(column, place)})::${column.type} as ${ident(column.name)}`,
  )
  const defaults = view.columns.flatMap((column) => {
    const value = defaultOf(view, column, place)
    return value === undefined
      ? []
      : [`alter view ${name} alter column ${ident(column.name)} set default ${value};`]
  })
  return [
    `create or replace view ${name} with (security_barrier = true) as
select
${columns.join(",\n")}
from (
    select null::char(${sortedWidth}) as sorted_width, ${columnsRead(view, place).join(", ")}
    from ${place.schema}.${ident(heldName(profile, "event"))} e
    where ${belongs(profile, view, place)}
        and ${isVisible(profile, place)}
    order by e.occurred_at desc
) e
order by e.occurred_at desc;`,
    ...defaults,
  ].join("\n")
}

/**
 * Bytes that the planner believes each row to have that it sorts; it is null, nobody reads it, and it costs nothing. The planner does not see
 * the LIMIT of a page through a barrier, and so takes it for cheaper to read and sort all that an organization did than to follow an index
 * whose events lie among those of others: a page of 50 then took as long as the organization is large. What is found by little is sorted as before.
 */
const sortedWidth = 5000

/** No more of an event than the view reads: the sort takes it along. */
const columnsRead = (view: EventView, place: Place): string[] => [
  ...new Set([
    "e.occurred_at",
    ...view.columns.flatMap((column) =>
      [...readOf(column, place).matchAll(/\be\.[a-z_]+/g)].map(([name]) => name),
    ),
  ]),
]

/** Of a view with a sequence, `id` is its number. */
function defaultOf(view: EventView, column: ViewColumn, place: Place): string | undefined {
  if (view.sequence === undefined || column.name !== "id") return column.default
  return `nextval(${literal(`${place.schema}.${ident(view.sequence)}`)}::regclass)`
}

function refuseSql(profile: Profile, place: Place): string {
  const name = `${place.schema}.${ident(refuseName(profile))}`
  const body = `begin
    raise exception using
        errcode = 'insufficient_privilege',
        message = format('%I.%I is append-only: %s refused', tg_table_schema, tg_table_name, tg_op),
        hint = 'Nothing was changed. What leaves the trail leaves it by retention or erasure, which record it: pgtrail retention run, pgtrail gdpr erase.';
end`
  return quoteBody(
    body,
    (quoted) => `create or replace function ${name}() returns trigger
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as ${quoted};
revoke all on function ${name}() from public;`,
  )
}

/** Also where no row matches: the statement's own trigger fires then. */
function triggersSql(profile: Profile, view: EventView, place: Place): string {
  const on = `on ${place.schema}.${ident(view.name)}`
  const insert = `${place.schema}.${ident(insertName(view))}()`
  const refuse = `${place.schema}.${ident(refuseName(profile))}()`
  return [
    `create or replace trigger pgtrail_insert instead of insert ${on} for each row execute function ${insert};`,
    `create or replace trigger pgtrail_refuse_row instead of update or delete ${on} for each row execute function ${refuse};`,
    `create or replace trigger pgtrail_refuse before update or delete ${on} for each statement execute function ${refuse};`,
  ].join("\n")
}
