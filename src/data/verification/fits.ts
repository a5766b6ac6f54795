// Whether an event hashes to what is stored with it, whatever somebody wrote into it.
import { hashVersion, recompute, type TextRow } from "../canonical.js"

/** Lowercase hex of a bytea in text form. */
export const hex = (bytea: string | null | undefined): string =>
  (bytea ?? "").replace(/^\\x/, "").toLowerCase()

/** An event is asked about several times: as itself, and as the neighbour of others. */
const known = new WeakMap<TextRow, { readonly hash: string | undefined }>()

/** Hash of an event; hex. Undefined where a value has no canonical form: no insert wrote it. */
export function hashOf(row: TextRow): string | undefined {
  const earlier = known.get(row)
  if (earlier !== undefined) return earlier.hash
  const hash = computed(row)
  known.set(row, { hash })
  return hash
}

function computed(row: TextRow): string | undefined {
  try {
    return recompute(row).hash
  } catch {
    return undefined
  }
}

export const fits = (row: TextRow): boolean =>
  row.hash_version === hashVersion && hashOf(row) === hex(row.hash)

/** A digest that stands in for values: the hash says nothing about what is in those columns now. */
export const isRedacted = (row: TextRow): boolean => row.identity_digest != null || row.content_digest != null
