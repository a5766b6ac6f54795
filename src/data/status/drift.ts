// Whether the catalog is what the last migration left, where the role may look.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { type Check, check } from "./checks.js"

export interface Drift {
  readonly differences: string
  /** `function seal_event()`, `partition event_2026_11`. */
  readonly objects: readonly string[]
}

/** Reads what auditors and operators may: who may not, learns that nobody looked. */
export async function driftOf(client: ClientBase): Promise<{ drift: Drift | null; check: Check }> {
  const { rows } = await client.query<{ missing: string | null; readable: string }>(
    `select (select string_agg(t.name, ', ') from unnest(array['pgtrail.event', 'pgtrail.act', 'pgtrail.catalog_object']) t (name)
         where to_regclass(t.name) is null) as missing,
       coalesce(has_table_privilege(to_regclass('pgtrail.catalog_object'), 'select')
         and has_table_privilege(to_regclass('pgtrail.act'), 'select'), false) as readable`,
  )
  const { missing = null, readable } = rows[0] ?? {}
  if (missing !== null) return { drift: null, check: check("drift", "critical", `missing: ${missing}`) }
  if (readable !== "t") {
    const message = "this role may not read what the catalog must be"
    return { drift: null, check: check("drift", "unknown", message) }
  }
  try {
    const { compare } = await import("../verify/catalog.js")
    const { differences } = await compare(client)
    const objects = [...new Set(differences.map(({ object }) => object))]
    const drift = { differences: String(differences.length), objects }
    if (objects.length === 0)
      return { drift, check: check("drift", "ok", "the catalog is what the last migration left") }
    const more = objects.length > 3 ? ` and ${objects.length - 3} more` : ""
    const named = `${objects.slice(0, 3).join(", ")}${more}`
    return { drift, check: check("drift", "critical", `not what the last migration left: ${named}`) }
  } catch (error) {
    if (!(error instanceof TrailError) || error.code !== "pending-migration") throw error
    return { drift: null, check: check("drift", "unknown", error.message) }
  }
}
