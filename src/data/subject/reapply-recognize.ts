// After a restore: who a pseudonymization was about. The register has keyed hashes of what was typed then, and the events have the values again;
// whatever of them has one of these hashes was typed. Values are only read, and never stand in a statement.
import type { Client } from "pg"
import { type Identifier, type IdentifierKind, identifierKinds } from "./identifiers.js"
import { type PrivacyKey, registerHasher } from "./privacy-key.js"

export interface Wanted {
  readonly key: PrivacyKey
  readonly hashes: readonly string[]
}

/** By their hashes, as the events of the plan write them. */
export async function recognized(
  client: Client,
  partitions: readonly string[],
  wanted: readonly Wanted[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Identifier>> {
  const search = new Search(wanted)
  // Mostly columns tell all of them; documents are read where they do not.
  for (const reading of [columns, texts]) {
    for (const partition of partitions) {
      signal?.throwIfAborted()
      if (search.isOver) return search.found
      await client.query("select pgtrail.subject_view($1)", [partition])
      await read(client, reading, search)
    }
  }
  return search.found
}

class Search {
  readonly found = new Map<string, Identifier>()
  readonly #of: readonly { readonly left: Set<string>; readonly hash: (identifier: Identifier) => string }[]
  readonly #seen = new Set<string>()

  constructor(wanted: readonly Wanted[]) {
    const keys = new Map<string, { left: Set<string>; hash: (identifier: Identifier) => string }>()
    for (const { key, hashes } of wanted) {
      const of = keys.get(key.id) ?? { left: new Set<string>(), hash: registerHasher(key) }
      for (const hash of hashes) of.left.add(hash)
      keys.set(key.id, of)
    }
    this.#of = [...keys.values()]
  }

  get isOver(): boolean {
    return this.#of.every(({ left }) => left.size === 0)
  }

  try(kind: IdentifierKind, value: string | null): void {
    if (value === null || value === "" || value.length > longest) return
    const name = `${kind}=${value}`
    if (this.#seen.has(name)) return
    if (this.#seen.size < mostRemembered) this.#seen.add(name)
    for (const { left, hash } of this.#of) {
      if (left.size === 0) continue
      const own = hash({ kind, value })
      if (left.delete(own)) this.found.set(own, { kind, value })
    }
  }
}

/** No identifier is longer, in UTF-16. */
const longest = 2000
const mostRemembered = 200_000

interface Reading {
  readonly sql: string
  try(search: Search, row: Readonly<Record<string, string | null>>): void
}

const columns: Reading = {
  sql: `select distinct e.actor_id as id, e.actor_email as email, e.actor_name as name, host(e.ip_address) as ip, e.device_id as device,
    e.session_id as session, e.resource_type as type, e.resource_id as resource from pg_temp.pgtrail_found e`,
  try(search, { type = null, resource = null, ...own }) {
    for (const kind of ["id", "email", "name", "ip", "device", "session"] as const)
      search.try(kind, own[kind] ?? null)
    if (type !== null && resource !== null) search.try("resource", `${type}/${resource}`)
    search.try("id", resource)
  },
}

/** As a whole, or as a word. */
const texts: Reading = {
  sql: `select concat_ws(E'\\n', e.actor_id, e.actor_email, e.actor_name, e.session_id, e.device_id, e.resource_id, e.resource_name, e.namespace, e.description,
    e.error_message, e.request_path, e.request_id, e.correlation_id, array_to_string(e.tags, E'\\n')) as lines,
    jsonb_build_array(e.request_params, e.before_state, e.after_state, e.details) as documents from pg_temp.pgtrail_found e`,
  try(search, { lines, documents }) {
    const whole = [...(lines ?? "").split("\n"), ...stringsOf(JSON.parse(documents ?? "[]"))]
    for (const text of whole) {
      for (const kind of identifierKinds) search.try(kind, text)
      wordsOf(text, search)
    }
    // Numbers as they are written.
    wordsOf(documents ?? "", search)
  },
}

function wordsOf(text: string, search: Search): void {
  for (const word of text.split(/[\s,;:"'<>()[\]{}|=]+/u)) {
    for (const kind of ["id", "email", "text"] as const) {
      search.try(kind, word)
      search.try(kind, word.replace(/[.!?]+$/, ""))
    }
  }
}

function* stringsOf(document: unknown): Generator<string> {
  const left: unknown[] = [document]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === "string") yield value
    else if (typeof value === "object" && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (!Array.isArray(value)) yield name
        left.push(member)
      }
    }
  }
}

/** By a cursor: one entry may have a million events. */
async function read(client: Client, { sql, try: looked }: Reading, search: Search): Promise<void> {
  await client.query(`declare pgtrail_values no scroll cursor for ${sql}`)
  for (;;) {
    const { rows } = await client.query<Record<string, string | null>>("fetch 500 from pgtrail_values")
    for (const row of rows) looked(search, row)
    if (rows.length === 0 || search.isOver) break
  }
  await client.query("close pgtrail_values")
}
