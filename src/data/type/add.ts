// Adds an event type to those that are known, which is an act.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import type { Severity } from "../query/choices.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { quoted } from "../words.js"
import { eventTypes } from "./list.js"

/** What is not given is what it was before; of a new type the severity is info. */
export interface NewType {
  readonly name: string
  readonly category?: string | undefined
  readonly severity?: Severity | undefined
  readonly description?: string | undefined
}

export interface AddedType {
  readonly name: string
  /** Null: it was known so already, and nothing was recorded. */
  readonly act: string | null
  /** Whether the name was known before: it ships, or was added. */
  readonly anew: boolean
}

/** A name that was added before is described anew. Throws `usage` for what cannot be a type, `privilege`, `read-only`. */
export async function addType(client: Client, type: NewType): Promise<AddedType> {
  const { name } = type
  const problem =
    textProblem(JSON.stringify(type)) ??
    (/^\s|\s$|[\t\r\n]/.test(name) ? `an event type has no blanks around it: ${quoted(name)}` : undefined)
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: "nothing was added" })
  return withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("set local synchronous_commit = on; set local lock_timeout = '10s'")
    await refuseForeignFunctions(client)
    // As in add_type, already here: what is kept must be what is the newest when it is recorded.
    await client.query("select pg_advisory_xact_lock(1885828210, -1)")
    const { types, complete } = await eventTypes(client)
    const before = types.find((known) => known.name === name)
    const category = type.category ?? before?.category ?? null
    const severity = type.severity ?? before?.severity ?? "info"
    const description = type.description ?? before?.description ?? null
    const isSame =
      category === before?.category && severity === before?.severity && description === before?.description
    if (isSame && complete) return { name, act: null, anew: true }
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.add_type($1, $2, $3, $4) as act",
      [name, category, severity, description],
    )
    return { name, act: rows[0]?.act ?? null, anew: before !== undefined }
  })
}
