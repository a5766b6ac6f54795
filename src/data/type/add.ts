// Adds an event type to those that are known, which is an act.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import type { Severity } from "../query/choices.js"
import { refuseForeignFunctions } from "../verify/foreign.js"

export interface NewType {
  readonly name: string
  readonly category?: string | undefined
  readonly severity: Severity
  readonly description?: string | undefined
}

export interface AddedType {
  readonly name: string
  /** Null: it was known so already, and nothing was recorded. */
  readonly act: string | null
}

/** A name that was added before is described anew. Throws `usage` for what cannot be a type, `privilege`, `read-only`. */
export async function addType(client: Client, type: NewType): Promise<AddedType> {
  const { name, category = null, severity, description = null } = type
  const problem = textProblem(JSON.stringify({ name, category, severity, description }))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: "nothing was added" })
  return withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("set local synchronous_commit = on")
    await refuseForeignFunctions(client)
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.add_type($1, $2, $3, $4) as act",
      [name, category, severity, description],
    )
    return { name, act: rows[0]?.act ?? null }
  })
}
