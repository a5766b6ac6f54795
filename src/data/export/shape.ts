// In which form events leave: format, columns, and the statement that reads them.
import { contentFields, type FieldList, identityFields } from "../canonical.js"
import { TrailError } from "../errors.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { kindOf } from "../query/columns.js"
import { type CriterionName, type EventFilter, flagOf } from "../query/criteria.js"
import type { ConditionText } from "../query/filter.js"
import type { Source } from "../query/source.js"

export const exportFormats = ["csv", "ndjson", "xml"] as const
export type ExportFormat = (typeof exportFormats)[number]
export const exportGroups = ["identity", "content"] as const
export type ExportGroup = (typeof exportGroups)[number]

export interface Shape {
  readonly format: ExportFormat
  /** CSV for spreadsheets, which changes values: it proves nothing. */
  readonly isExcel: boolean
  /** As they stand in the files. */
  readonly columns: readonly EventColumn[]
  /** As they are read: those of the files, then the others by which lanes are followed. */
  readonly read: readonly EventColumn[]
  readonly excluded: readonly ExportGroup[]
  /** Every column that no group takes away: the hash of an event can be computed from its row. */
  readonly isWhole: boolean
}

const groups: Readonly<Record<ExportGroup, { fields: FieldList; salt: EventColumn; digest: EventColumn }>> = {
  identity: { fields: identityFields, salt: "identity_salt", digest: "identity_digest" },
  content: { fields: contentFields, salt: "content_salt", digest: "content_digest" },
}

/** Criteria whose values are what a group holds: the manifest would tell what the files leave out. */
const tells: Readonly<Record<ExportGroup, readonly CriterionName[]>> = {
  identity: ["actor", "actorName", "actorEmail", "ip", "device", "session", "grep"],
  content: ["resource", "namespace", "request", "correlation", "tag", "grep", "where"],
}

export function refuseTelling(excluded: readonly ExportGroup[], filter: EventFilter): void {
  for (const group of excluded) {
    const name = tells[group].find((one) =>
      [filter[one] ?? [], filter.not?.[one] ?? []]
        .flat()
        // The type of a resource is in no group.
        .some((value) => one !== "resource" || value.includes("/")),
    )
    if (name === undefined) continue
    throw new TrailError("usage", `${flagOf(name)} would tell what the export is to exclude: ${group}`, {
      hint: "nothing was written; the manifest names what was asked for: leave it out, or do not exclude the group",
    })
  }
}

const followed = ["organization_id", "lane", "seq", "previous_hash", "hash"] as const

/** The salt leaves with its group: with it anybody could try names until one fits the digest. */
export function remaining(excluded: readonly ExportGroup[]): readonly EventColumn[] {
  const left = new Set<string>(excluded.flatMap((group) => gone(group)))
  return eventColumns.filter((column) => !left.has(column))
}

const gone = (group: ExportGroup): string[] => [
  ...groups[group].fields.map(([column]) => column),
  groups[group].salt,
]

export function shapeOf(options: {
  format: ExportFormat
  isExcel: boolean
  excluded: readonly ExportGroup[]
  columns: readonly EventColumn[] | undefined
}): Shape {
  const { format, isExcel, excluded } = options
  const all = remaining(excluded)
  const hidden = options.columns?.find((column) => !all.includes(column))
  if (hidden !== undefined) {
    throw new TrailError("usage", `${hidden} is a column of what the export is to exclude`, {
      hint: "nothing was written; leave it out, or do not exclude its group",
    })
  }
  const columns = options.columns ?? all
  return {
    format,
    isExcel,
    columns,
    read: [...new Set([...columns, ...followed])],
    excluded,
    isWhole: options.columns === undefined,
  }
}

/** One segment, oldest first. `conditions` are of the segment, with their values in the text: COPY takes no parameters. */
export function copyText(shape: Shape, { events }: Source, condition: string): string {
  const table = `pgtrail.${events}`
  const order = ["occurred_at", "organization_id", "lane", "seq"].map((column) => `${table}.${column}`)
  const list = shape.read.map((column) => selected(shape, column))
  return `copy (select ${list.join(", ")} from ${table} where ${condition} order by ${order.join(", ")}) to stdout (format csv)`
}

/** Built-in functions alone; a name without a schema is a column of the one table. */
export function selected(
  { format, excluded }: Pick<Shape, "format" | "excluded">,
  column: EventColumn,
  of = "",
): string {
  const group = excluded.find((name) => groups[name].digest === column)
  if (group !== undefined) {
    const { fields, salt } = groups[group]
    const values = fields.map(([name, type]) => `${name}::${type}`).join(", ")
    return `coalesce(${column}, sha256(record_send(row('pgtrail ${group}'::text, ${salt}::uuid, ${values})))) as ${column}`
  }
  // JSON has no bounds: an array that does not begin at 1 stays PostgreSQL's own text, as a JSON string.
  if (kindOf(column) === "array" && format !== "csv")
    return `case when ${of}${column}::text like '[%' then to_json(${of}${column}::text) else to_json(${of}${column}) end as ${column}`
  return column
}

export interface Quoting {
  query(sql: string, values: unknown[]): Promise<{ rows: { quoted: string | null }[] }>
}

/** The condition with its parameters as literals that the server wrote. */
export async function withLiterals(client: Quoting, { text, params }: ConditionText): Promise<string> {
  const literals: string[] = []
  for (const value of params) {
    const type = typeof value === "string" ? "text" : "text[]"
    const { rows } = await client.query(`select quote_literal($1::${type}::text) as quoted`, [value])
    literals.push(rows[0]?.quoted ?? "null")
  }
  return text.replace(/\$(\d+)/g, (_, number: string) => literals[Number.parseInt(number, 10) - 1] ?? "null")
}
