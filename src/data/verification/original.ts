// Looks for what an altered event was, in the log alone: the hash covers all columns at once, so each guess is hashed and compared.
import * as crypto from "node:crypto"
import { encode, int32, oids } from "../binary.js"
import {
  contentFields,
  type FieldList,
  frameFields,
  hashVersion,
  identityFields,
  placeFields,
  recompute,
  record,
  type SqlType,
  type TextRow,
} from "../canonical.js"
import { type EventColumn, eventColumns, eventTypes } from "../event-columns.js"
import { outcomes, severities } from "../query/choices.js"
import type { EventPlace } from "./rows.js"

export type Change = readonly [column: EventColumn, value: string | null]

/** What the log itself offers as guesses. */
export interface Surroundings {
  /** Hash that the event before it has, or the genesis of the lane; `\x` hex. */
  readonly previousHash: string | undefined
  /** Other places that it may have been moved from. */
  readonly places: readonly EventPlace[]
  /** The events beside it: what stands there often stood here too. */
  readonly neighbours: readonly TextRow[]
}

/** Closed lists, and what an event gets that does not say otherwise. */
const known: Readonly<Partial<Record<EventColumn, readonly string[]>>> = {
  severity: severities,
  outcome: outcomes,
  data_classification: ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED", "PHI"],
  retention_policy: ["standard"],
  organization_id: ["default"],
  request_method: ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
  hash_version: [hashVersion],
}
const empty: Readonly<Partial<Record<SqlType, string>>> = { text: "", "text[]": "{}", jsonb: "{}" }
/** Cannot be null in any event, and be guessed by their neighbours' no better than at random. */
const unguessable: ReadonlySet<EventColumn> = new Set(["hash", "identity_salt", "content_salt", "id"])
const mostPlaces = 64

/** The change that makes the event hash to `target` (hex), or undefined: then the log alone cannot tell. */
export function findOriginal(
  row: TextRow,
  target: string,
  around: Surroundings,
): readonly Change[] | undefined {
  return attempt(row, target, guesses(row, around))
}

/** The place at which the event would hash to `target`. */
export function findHome(row: TextRow, target: string, around: Surroundings): readonly Change[] | undefined {
  return attempt(row, target, places(row, around))
}

function attempt(
  row: TextRow,
  target: string,
  all: Iterable<readonly Change[]>,
): readonly Change[] | undefined {
  let trial: Trial
  try {
    trial = new Trial(row)
  } catch {
    // A value that has no canonical form was not written by an insert; which one it is, the other trials cannot tell.
    return undefined
  }
  for (const changes of all) if (trial.hash(changes) === target) return changes
  return undefined
}

function* guesses(row: TextRow, around: Surroundings): Generator<readonly Change[]> {
  for (const column of eventColumns) {
    if (unguessable.has(column)) continue
    const present = row[column] ?? null
    const values = new Set<string | null>([null, ...(known[column] ?? [])])
    const blank = empty[eventTypes[column]]
    if (blank !== undefined) values.add(blank)
    for (const neighbour of around.neighbours) values.add(neighbour[column] ?? null)
    if (column === "previous_hash" && around.previousHash !== undefined) values.add(around.previousHash)
    for (const value of values) if (value !== present) yield [[column, value]]
  }
  yield* places(row, around)
}

/** Moved: its place, and with it perhaps what it is chained to, its version or a digest. */
function* places(row: TextRow, around: Surroundings): Generator<readonly Change[]> {
  const own = { organization_id: row.organization_id ?? "", lane: row.lane ?? "", seq: row.seq ?? "" }
  const links: readonly (readonly Change[])[] = [
    [],
    ...(around.previousHash === undefined ? [] : [[["previous_hash", around.previousHash]] as const]),
  ]
  const versions: readonly (readonly Change[])[] =
    row.hash_version === hashVersion ? [[]] : [[], [["hash_version", hashVersion]]]
  const digests: readonly (readonly Change[])[] = [
    [],
    ...(row.identity_digest == null ? [] : [[["identity_digest", null]] as const]),
    ...(row.content_digest == null ? [] : [[["content_digest", null]] as const]),
  ]
  for (const place of [own, ...around.places.slice(0, mostPlaces)]) {
    const moved = (["organization_id", "lane", "seq"] as const)
      .filter((column) => place[column] !== row[column])
      .map((column): Change => [column, place[column]])
    for (const link of links)
      for (const version of versions)
        for (const digest of digests) yield [...moved, ...link, ...version, ...digest]
  }
}

/** One event in its canonical bytes, so that a guess costs one encoding and at most two hashes. */
class Trial {
  readonly #identity: Patchable
  readonly #content: Patchable
  readonly #event: Patchable
  /** Digests that stand in place of a group. */
  readonly #digests: ReadonlyMap<EventColumn, string | null>

  constructor(row: TextRow) {
    const list = (fields: FieldList): Field[] =>
      fields.map(([column, type]) => [column, type, row[column] ?? null])
    this.#digests = new Map(digestColumns.map((column) => [column, row[column] ?? null]))
    this.#identity = new Patchable("pgtrail identity", [
      ["identity_salt", "uuid", row.identity_salt ?? null],
      ...list(identityFields),
    ])
    this.#content = new Patchable("pgtrail content", [
      ["content_salt", "uuid", row.content_salt ?? null],
      ...list(contentFields),
    ])
    const { identity, content } = recompute(row)
    this.#event = new Patchable("pgtrail event", [
      ...list(placeFields),
      ["identity_digest", "bytea", identity],
      ["content_digest", "bytea", content],
      ...list(frameFields),
    ])
  }

  /** Hash of the event with these changes; hex. Undefined where a value has no canonical form. */
  hash(changes: readonly Change[]): string | undefined {
    const given = new Map<string, string | null>(changes)
    try {
      const groups = [
        ["identity_digest", this.#identity],
        ["content_digest", this.#content],
      ] as const
      for (const [column, group] of groups) {
        if (!given.has(column) && !changes.some(([name]) => group.has(name))) continue
        const stored = given.has(column) ? given.get(column) : this.#digests.get(column)
        given.set(column, stored ?? group.hash(given))
      }
      return this.#event.hash(given)
    } catch {
      return undefined
    }
  }
}

const digestColumns = ["identity_digest", "content_digest"] as const

type Field = readonly [column: string, type: SqlType, value: string | null]

/** A record whose fields can be replaced without making the others again. */
class Patchable {
  readonly #bytes: Buffer
  readonly #fields = new Map<string, { type: SqlType; start: number; end: number }>()

  constructor(tag: string, fields: readonly Field[]) {
    this.#bytes = record(
      tag,
      fields.map(([, type, value]) => [type, value]),
    )
    // Number of fields, then OID and length of each, the tag's first.
    let start = 12 + Buffer.byteLength(tag)
    for (const [column, type] of fields) {
      const end = start + 8 + Math.max(this.#bytes.readInt32BE(start + 4), 0)
      this.#fields.set(column, { type, start, end })
      start = end
    }
  }

  has(column: string): boolean {
    return this.#fields.has(column)
  }

  hash(changes: ReadonlyMap<string, string | null>): string {
    const parts: Buffer[] = []
    let at = 0
    const patched = [...changes].flatMap(([column, value]) => {
      const field = this.#fields.get(column)
      return field === undefined ? [] : [{ ...field, value }]
    })
    for (const { type, start, end, value } of patched.sort((a, b) => a.start - b.start)) {
      const bytes = value === null ? undefined : encode(type, value)
      parts.push(this.#bytes.subarray(at, start), int32(oids[type]), int32(bytes?.length ?? -1))
      if (bytes !== undefined) parts.push(bytes)
      at = end
    }
    return crypto.hash("sha256", Buffer.concat([...parts, this.#bytes.subarray(at)]), "hex")
  }
}
