// Compares the installed schema with what the last migration left, for people: what differs, and how a function differs.
import type { ClientBase } from "pg"
import { migrations, type Version } from "../sql-files.js"
import { compare } from "../verify/catalog.js"
import type { Difference } from "../verify/catalog-difference.js"
import { shippedBodies } from "../verify/functions.js"
import { lineDiff } from "./line-diff.js"
import { fullName, notInstalled, type SchemaState, schemaState } from "./state.js"
import { whileSteady } from "./steady.js"

export interface CatalogDifference {
  /** `function seal_event()`, `table event`, `partition event_2026_11`. */
  readonly object: string
  /** What of it: `trigger pgtrail_guard`, `column details`, `body`; the object itself where it is missing or too much. */
  readonly what: string
  /** Null: it must not be there. */
  readonly expected: string | null
  /** Null: it is not there. */
  readonly actual: string | null
  /** Of a function's body: a unified diff against the text that pgtrail ships. */
  readonly diff: readonly string[]
}

export interface Validation {
  readonly database: string
  /** The newest migration that is applied, as `0003_access`: what the catalog was compared with. */
  readonly migration: string
  /** Migrations that are not applied yet, and `functions, triggers and grants` where they are another version's. */
  readonly pending: readonly string[]
  readonly differences: readonly CatalogDifference[]
}

/** Changes nothing. Needs the right to read acts and catalog_object: auditor, operator or owner. Throws `pending-migration`, `newer-schema`. */
export async function validate(client: ClientBase): Promise<Validation> {
  const { rows } = await client.query<{ there: string }>(
    "select to_regclass('pgtrail.act') is not null as there",
  )
  if (rows[0]?.there !== "t") throw notInstalled()
  return whileSteady(
    client,
    () => validateOnce(client),
    ({ differences }) => differences.length === 0,
  )
}

async function validateOnce(client: ClientBase): Promise<Validation> {
  await client.query("begin isolation level repeatable read read only")
  try {
    const state = await schemaState(client)
    if (!state.installed) throw notInstalled()
    const { differences, shipped } = await compare(client)
    const bodies = shipped === undefined ? new Map<string, string>() : shippedBodies(shipped)
    const found = [...ledger(state)]
    for (const difference of differences) found.push(await withDiff(client, difference, bodies))
    const { rows } = await client.query<{ database: string }>("select current_database() as database")
    return {
      database: rows[0]?.database ?? "",
      migration: nameAt(state.level),
      pending: pendingOf(state, shipped),
      differences: found,
    }
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

const nameAt = (level: number): string => {
  const migration = migrations().find((one) => one.number === level)
  return migration === undefined ? String(level) : fullName(migration)
}

function pendingOf(state: SchemaState, shipped: Version | undefined): string[] {
  // One before the newest is missing, which is a difference.
  const pending = state.migrations
    .filter((one) => one.state === "pending" && Number(one.number) > state.level)
    .map(fullName)
  // What comes with a migration is not told twice.
  const isOther = !state.codeCurrent && (pending.length === 0 || shipped === undefined)
  return isOther ? [...pending, "functions, triggers and grants"] : pending
}

function* ledger(state: SchemaState): Generator<CatalogDifference> {
  const texts = new Map(migrations().map((one) => [fullName(one), one.checksum]))
  for (const one of state.migrations.filter(({ state: its }) => its === "changed")) {
    const name = fullName(one)
    yield {
      object: `migration ${name}`,
      what: "checksum",
      expected: texts.get(name) ?? null,
      actual: "another text was applied",
      diff: [],
    }
  }
}

async function withDiff(
  client: ClientBase,
  { object, what, expected, actual }: Difference,
  bodies: ReadonlyMap<string, string>,
): Promise<CatalogDifference> {
  const shipped = bodies.get(/^function (\w+)\(/.exec(object)?.[1] ?? "")
  if (what !== "body" || shipped === undefined) return { object, what, expected, actual, diff: [] }
  const { rows } = await client.query<{ body: string }>(
    `select p.prosrc as body from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = 'pgtrail'
     where format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) = $1`,
    [object],
  )
  return { object, what, expected, actual, diff: lineDiff(shipped, rows[0]?.body ?? "") }
}
