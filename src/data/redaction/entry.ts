// The entries of redactions: what replaced values leave behind, in the bytes of FORMAT.md.
import type { ClientBase } from "pg"
import { encode } from "../binary.js"
import { record, sha256 } from "../canonical.js"

export const groupNames = ["identity", "content"] as const
export type GroupName = (typeof groupNames)[number]

/** One time that a group of an event was redacted. */
export interface Entry {
  readonly group: string
  readonly number: number
  /** A text[] as PostgreSQL prints it. */
  readonly fields: string
  /** Hex. */
  readonly oldDigest: string
  readonly newDigest: string
}

export interface EntryPlace {
  readonly organization: string
  readonly lane: string
  readonly seq: string
}

export function entryRecord({ organization, lane, seq }: EntryPlace, entry: Entry): Buffer {
  return record("pgtrail redaction entry", [
    ["text", organization],
    ["smallint", lane],
    ["bigint", seq],
    ["text", entry.group],
    ["smallint", String(entry.number)],
    ["text[]", parsed(entry.fields).bytes],
    ["bytea", entry.oldDigest],
    ["bytea", entry.newDigest],
  ])
}

/** Hex: tells what the entries of one group are from anything else. */
export const entriesDigest = (place: EntryPlace, entries: readonly Entry[]): string =>
  sha256(Buffer.concat(entries.map((entry) => entryRecord(place, entry)))).toString("hex")

/**
 * The entries of the event `event` as a JSON text, null without any: an expression of built-in functions alone, which a COPY of events can
 * have beside its other columns.
 */
export const entriesOfEvent = `(select json_agg(json_build_array(r.group_name, r.number, r.fields::text, encode(r.old_digest, 'hex'),
    encode(r.new_digest, 'hex')) order by r.group_name, r.number)::text
  from pgtrail.redaction_entry r
  where r.organization_id = event.organization_id and r.lane = event.lane and r.seq = event.seq)`

/** What `entriesOfEvent` has, in the order of number. It is pgtrail's own, and no value of an event: it may be parsed. */
export function parseEntries(text: string | null): Entry[] {
  if (text === null) return []
  const rows = JSON.parse(text) as readonly (readonly [string, number, string, string, string])[]
  return rows.map(([group, number, fields, oldDigest, newDigest]) => ({
    group,
    number,
    fields,
    oldDigest,
    newDigest,
  }))
}

/** Whether anything was ever redacted here, by the snapshot of the client. A log of an earlier level has no such table. */
export async function hasEntries(client: ClientBase): Promise<boolean> {
  const known = await client.query<{ knows: string }>(
    "select to_regclass('pgtrail.redaction_entry') is not null as knows",
  )
  if (known.rows[0]?.knows !== "t") return false
  const { rows } = await client.query<{ has: string }>(
    "select exists (select from pgtrail.redaction_entry) as has",
  )
  return rows[0]?.has === "t"
}

interface ParsedArray {
  readonly bytes: Buffer
  readonly elements: readonly (string | null)[]
}

/** The events of one redaction have few different lists of fields: to read each again would cost more than to hash it. */
const arrays = new Map<string, ParsedArray>()
const mostArrays = 1000

function parsed(literal: string): ParsedArray {
  const known = arrays.get(literal)
  if (known !== undefined) return known
  const bytes = encode("text[]", literal)
  const array = { bytes, elements: elementsOfBinary(bytes) }
  if (arrays.size >= mostArrays) arrays.clear()
  arrays.set(literal, array)
  return array
}

/** The elements of a text[] as PostgreSQL prints it. */
export const elementsOf = (literal: string): readonly (string | null)[] => parsed(literal).elements

/** The elements of a text[] as its send function writes it: row-major, whatever its dimensions. */
export function elementsOfBinary(bytes: Buffer): (string | null)[] {
  const dimensions = bytes.readInt32BE(0)
  let at = 12 + dimensions * 8
  const found: (string | null)[] = []
  while (at + 4 <= bytes.length && dimensions > 0) {
    const length = bytes.readInt32BE(at)
    at += 4
    found.push(length < 0 ? null : bytes.toString("utf8", at, at + length))
    at += Math.max(length, 0)
  }
  return found
}
