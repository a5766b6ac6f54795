// The statements that give a kind of index to the partitions that lack it, or take it from those that have it. None waits for a writer
// in a way that another writer would wait behind.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { type IndexKind, type Made, madeOn } from "./kinds.js"
import { indexedPartitions, isOf } from "./partitions.js"

export type Change = "add" | "drop"

/** What is done to one partition. */
export interface Step {
  readonly partition: string
  /** With their schemas. One after the other: two that are made at once on one table wait for each other. */
  readonly indexes: readonly string[]
  readonly statements: readonly string[]
}

export interface Plan {
  readonly partitions: number
  readonly steps: readonly Step[]
}

export async function plan(client: Client, kind: IndexKind, change: Change): Promise<Plan> {
  const partitions = await indexedPartitions(client, kind)
  const all =
    change === "add"
      ? await Promise.all(madeOn[kind].indexes.map((made) => described(client, kind, made)))
      : []
  const steps: Step[] = []
  for (const { name, schema, labels, hasEvents, indexes } of partitions) {
    const found = indexes.filter((index) => index.kind === kind)
    const lacking = all.filter(({ made }) => !found.some((index) => isOf(index, made)))
    const gone = found.filter((index) => change === "drop" || !index.isValid)
    const statements = gone.map((index) => `drop index concurrently if exists ${index.name}`)
    for (const { made, definition } of lacking) {
      statements.push(`create index concurrently ${labels[made.ending]} on ${name} ${definition}`)
    }
    if (hasEvents && lacking.some(({ made }) => made.needsAnalyze)) {
      statements.push(`analyze (skip_locked) ${name}`)
    }
    const changed =
      lacking.length > 0
        ? lacking.map(({ made }) => `${schema}.${labels[made.ending]}`)
        : gone.map((index) => index.name)
    if (changed.length > 0) steps.push({ partition: name, indexes: changed, statements })
  }
  return { partitions: partitions.length, steps }
}

interface Described {
  readonly made: Made
  readonly definition: string
}

async function described(client: Client, kind: IndexKind, made: Made): Promise<Described> {
  const where = made.where === undefined ? "" : ` where ${made.where}`
  return { made, definition: `using ${made.using} (${await onOf(client, kind, made)})${where}` }
}

/** What it is made on, the operator class with the schema of its extension: the search path has neither. */
async function onOf(client: Client, kind: IndexKind, { on, extension }: Made): Promise<string> {
  if (extension === undefined) return on
  const { rows } = await client.query<{ schema: string | null; available: string }>(
    `select (select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = $1) as schema,
       exists (select from pg_available_extensions a where a.name = $1) as available`,
    [extension],
  )
  const [{ schema = null, available = "f" } = {}] = rows
  if (schema !== null) return on.replace("gin_trgm_ops", `${schema}.gin_trgm_ops`)
  throw new TrailError(
    "config",
    `the index ${kind} needs the extension ${extension}, which this database has not`,
    {
      hint:
        available === "t"
          ? `nothing was changed; the owner of the database runs: create extension ${extension}`
          : `nothing was changed; the server has not got it either: install PostgreSQL's contrib package there, then create extension ${extension}`,
    },
  )
}

/** For psql, statement by statement: none of these may run in a transaction. */
export function script(kind: IndexKind, change: Change, { steps }: Plan, owner: string | undefined): string {
  if (steps.length === 0) return ""
  const head = [
    `-- pgtrail index ${change} ${kind}: as the owner of the log, and not in one transaction (psql without -1).`,
    "set search_path = pg_catalog, pg_temp;",
    ...(owner === undefined ? [] : [`set role ${owner};`]),
  ]
  return `${[...head, ...steps.flatMap((step) => step.statements.map((text) => `${text};`))].join("\n")}\n`
}
