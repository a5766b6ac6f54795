// The event types that are known: those that ship, and those that were added by acts, whose newest counts.
import type { ClientBase } from "pg"
import { readParameters, word } from "../act/about.js"
import { type Severity, severities } from "../query/choices.js"
import { writeTime } from "../query/columns.js"
import { type KnownType, knownTypes } from "./known.js"

export interface EventType extends KnownType {
  /** seq of the act that added it, or said anew what it is. */
  readonly act: string | null
  readonly added_at: string | null
  readonly added_by: string | null
}

export interface EventTypes {
  readonly types: readonly EventType[]
  /** False: this role may not read acts, so that types which were added are missing. */
  readonly complete: boolean
}

/** Those that ship in their order, then those that were added, by name. */
export async function eventTypes(client: ClientBase): Promise<EventTypes> {
  const added = await addedTypes(client)
  const shipped = knownTypes.map((type) => added?.get(type.name) ?? { ...type, ...byNobody })
  const names = new Set(knownTypes.map(({ name }) => name))
  const others = [...(added?.values() ?? [])].filter(({ name }) => !names.has(name))
  others.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { types: [...shipped, ...others], complete: added !== undefined }
}

const byNobody = { act: null, added_at: null, added_by: null }

/** Undefined where this role may not read acts. */
async function addedTypes(client: ClientBase): Promise<Map<string, EventType> | undefined> {
  const may = await client.query<{ readable: string }>(
    "select has_table_privilege('pgtrail.act', 'select') as readable",
  )
  if (may.rows[0]?.readable !== "t") return undefined
  const { rows } = await client.query<Record<"seq" | "parameters" | "recorded_at" | "by", string>>(
    `select a.seq, a.parameters, a.recorded_at, a.session_user_name as by from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'add_type' order by a.seq`,
  )
  const added = new Map<string, EventType>()
  for (const { seq, parameters, recorded_at: at, by } of rows) {
    const { name, category, severity, description } = readParameters(parameters)
    added.set(word(name), {
      name: word(name),
      category: word(category) || null,
      severity: severities.find((known) => known === severity) ?? ("info" satisfies Severity),
      description: word(description) || null,
      source: `act ${seq}`,
      act: seq,
      added_at: writeTime(at),
      added_by: by,
    })
  }
  return added
}
