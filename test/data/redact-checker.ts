// An independent check of redactions, from the format and without pgtrail's own verify or functions: digests, entries, blocks and the newest act.
import { recompute, record, sha256 } from "../../src/data/canonical.js"
import type { TestDatabase, TextRow } from "../database.js"

export interface Redacted {
  /** What is wrong, one sentence each. */
  readonly breaks: readonly string[]
  readonly events: number
  /** Events whose group was replaced and that are there. */
  readonly identity: number
  readonly content: number
  readonly entries: number
}

const groups = ["content", "identity"] as const

const placeOf = (row: TextRow): string => `${row.organization_id}/${row.lane}/${row.seq}`

export async function checkRedactions(db: TestDatabase): Promise<Redacted> {
  const client = await db.client()
  try {
    await client.query(
      "begin isolation level repeatable read; set local timezone = 'UTC'; set local datestyle = 'ISO'",
    )
    const breaks: string[] = []
    const { rows: events } = await client.query<TextRow>("select * from pgtrail.event")
    const { rows: detached } = await client.query<{ name: string }>(
      "select name from pgtrail.detached_partition",
    )
    for (const { name } of detached) {
      events.push(...(await client.query<TextRow>(`select * from pgtrail.${name}`)).rows)
    }
    const { rows: entries } = await client.query<TextRow>(
      `select * from pgtrail.redaction_entry order by organization_id collate "C", lane, seq, group_name collate "C", number`,
    )
    const { rows: blocks } = await client.query<TextRow>(
      'select * from pgtrail.redaction order by organization_id collate "C", lane, block',
    )
    const { rows: acts } = await client.query<TextRow>(
      "select encode(digest, 'hex') as digest from pgtrail.act where kind = 'redact' order by seq desc limit 1",
    )
    const { rows: open } = await client.query("select * from pgtrail.redacting")
    if (open.length > 0) breaks.push("a redaction is open")

    const chains = new Map<string, TextRow[]>()
    for (const entry of entries) {
      const key = `${placeOf(entry)} ${entry.group_name}`
      chains.set(key, [...(chains.get(key) ?? []), entry])
    }
    for (const [key, chain] of chains) {
      chain.forEach((entry, index) => {
        if (entry.number !== String(index + 1))
          breaks.push(`${key} has entry ${entry.number} as its ${index + 1}.`)
        if (index > 0 && entry.old_digest !== chain[index - 1]?.new_digest)
          breaks.push(`${key} ${entry.number} does not follow`)
      })
    }
    const counts = { identity: 0, content: 0 }
    for (const event of events) {
      if (recompute(event).hash !== event.hash?.slice(2)) breaks.push(`${placeOf(event)} has another hash`)
      const present = recompute({ ...event, identity_digest: null, content_digest: null })
      for (const group of groups) {
        const stored = event[`${group}_digest`] ?? null
        const chain = chains.get(`${placeOf(event)} ${group}`) ?? []
        if (stored === null && chain.length > 0) breaks.push(`${placeOf(event)} ${group} was brought back`)
        if (stored === null) continue
        counts[group] += 1
        if (chain[0]?.old_digest !== stored) breaks.push(`${placeOf(event)} ${group} has a digest of nothing`)
        if (chain.at(-1)?.new_digest !== `\\x${present[group]}`)
          breaks.push(`${placeOf(event)} ${group} was altered`)
      }
    }
    breaks.push(...checkBlocks(entries, blocks, acts[0]?.digest ?? undefined))
    return { breaks, events: events.length, ...counts, entries: entries.length }
  } finally {
    await client.end()
  }
}

function checkBlocks(
  entries: readonly TextRow[],
  blocks: readonly TextRow[],
  newest: string | undefined,
): string[] {
  const breaks: string[] = []
  const expected = new Map<string, { row: TextRow; records: Buffer[] }>()
  for (const entry of entries) {
    const block = String(BigInt(entry.seq ?? 0) / 65536n)
    const key = `${entry.organization_id}/${entry.lane}/${block}`
    const known = expected.get(key) ?? { row: { ...entry, block }, records: [] }
    known.records.push(
      record("pgtrail redaction entry", [
        ["text", entry.organization_id ?? null],
        ["smallint", entry.lane ?? null],
        ["bigint", entry.seq ?? null],
        ["text", entry.group_name ?? null],
        ["smallint", entry.number ?? null],
        ["text[]", entry.fields ?? null],
        ["bytea", entry.old_digest ?? null],
        ["bytea", entry.new_digest ?? null],
      ]),
    )
    expected.set(key, known)
  }
  const records: Buffer[] = []
  for (const block of blocks) {
    const key = `${block.organization_id}/${block.lane}/${block.block}`
    const made = expected.get(key)?.records ?? []
    expected.delete(key)
    if (block.entries !== String(made.length))
      breaks.push(`block ${key} counts ${block.entries}, not ${made.length}`)
    if (block.digest !== `\\x${sha256(Buffer.concat(made)).toString("hex")}`)
      breaks.push(`block ${key} has another digest`)
    records.push(
      record("pgtrail redaction", [
        ["text", block.organization_id ?? null],
        ["smallint", block.lane ?? null],
        ["bigint", block.block ?? null],
        ["bigint", block.entries ?? null],
        ["bytea", block.digest ?? null],
      ]),
    )
  }
  for (const key of expected.keys()) breaks.push(`block ${key} is missing`)
  const digest = sha256(Buffer.concat(records)).toString("hex")
  if (newest === undefined ? entries.length > 0 : newest !== digest)
    breaks.push("the newest act is of other redactions")
  return breaks
}
