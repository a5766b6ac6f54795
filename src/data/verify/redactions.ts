// The entries of redactions: whether they are those that the acts vouch for, and what they add up to in each chain.
import { createHash, type Hash } from "node:crypto"
import { record } from "../canonical.js"
import { entryRecord, groupNames } from "../redaction/entry.js"
import type { Chains } from "./chains.js"
import { altered } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { EntryRow, LogTables } from "./log-tables.js"
import type { Purges } from "./purges.js"
import { chainKey } from "./row.js"
import type { Watched } from "./walk-range.js"

/** The newest act of a redaction: its digest is that of all rows of pgtrail.redaction. */
export interface RedactAct {
  readonly seq: string
  /** Hex. */
  readonly digest: string
}

interface Block {
  readonly organization_id: string
  readonly lane: string
  readonly block: string
  readonly entries: string
  /** Hex. */
  readonly digest: string
}

const blockPlaces = 65_536n

/** Which organizations and places are verified, and what of them is gone. */
export interface RedactionScope {
  readonly organization: string | undefined
  readonly starts: ReadonlyMap<string, Watched> | undefined
  readonly purges: Pick<Purges, "chains" | "ofLane">
  readonly sums: Pick<Chains, "group">
}

export class Redactions {
  readonly #sums = new Map<string, bigint>()
  #any = false

  /** Whether there are entries. */
  get any(): boolean {
    return this.#any
  }

  /** What the redacted groups of the events of a chain must add up to, if each group with entries is redacted and no other. */
  sumOf(chain: string): bigint {
    return this.#sums.get(chain) ?? 0n
  }

  /** `newest`: undefined where the acts could not be read, null where none of them redacted. */
  async check(
    tables: LogTables,
    newest: RedactAct | null | undefined,
    scope: RedactionScope,
    findings: Findings,
  ): Promise<void> {
    if (!(await tables.has("redaction_entry"))) return
    const blocks = await readBlocks(tables)
    if (newest !== undefined) checkNewest(newest, blocks.values(), findings)
    const comparison = new BlockComparison(blocks, findings)
    const adding = new Adding(tables, scope, this.#sums)
    for await (const row of tables.entries()) {
      this.#any = true
      comparison.add(row)
      await adding.add(row)
    }
    comparison.finish()
  }
}

const blockKey = (organization: string, lane: string, block: string): string =>
  `${block}/${lane}/${organization}`

/** In the order of their digest. */
async function readBlocks(tables: LogTables): Promise<Map<string, Block>> {
  const columns = ["organization_id", "lane", "block", "entries", "digest"]
  const rows = await tables.all<Block>("redaction", columns)
  return new Map(
    rows.map((row) => [
      blockKey(row.organization_id, row.lane, row.block),
      { ...row, digest: row.digest.slice(2) },
    ]),
  )
}

function checkNewest(newest: RedactAct | null, blocks: Iterable<Block>, findings: Findings): void {
  const digest = createHash("sha256")
  let rows = 0
  for (const block of blocks) {
    rows += 1
    digest.update(
      record("pgtrail redaction", [
        ["text", block.organization_id],
        ["smallint", block.lane],
        ["bigint", block.block],
        ["bigint", block.entries],
        ["bytea", block.digest],
      ]),
    )
  }
  const now = digest.digest("hex")
  if (newest === null) {
    if (rows > 0) altered(findings, "pgtrail.redaction has rows, and no act has redacted anything", now)
  } else if (newest.digest !== now) {
    const message = `pgtrail.redaction is not what act ${newest.seq} recorded: its digest differs from the act's`
    altered(findings, message, now)
  }
}

/** Compares the entries of each block with its row, as they pass. */
class BlockComparison {
  readonly #wanted: Map<string, Block>
  readonly #findings: Findings
  #key = ""
  #at: { organization: string; lane: string; block: bigint } | undefined
  #entries = 0
  #digest: Hash = createHash("sha256")

  constructor(blocks: ReadonlyMap<string, Block>, findings: Findings) {
    this.#wanted = new Map(blocks)
    this.#findings = findings
  }

  add(row: EntryRow): void {
    const seq = BigInt(row.seq)
    // As the server divides: rounded down.
    const block = seq >= 0n ? seq / blockPlaces : (seq - blockPlaces + 1n) / blockPlaces
    const key = blockKey(row.organization, row.lane, String(block))
    if (key !== this.#key) {
      this.#close()
      this.#key = key
      this.#at = { organization: row.organization, lane: row.lane, block }
      this.#entries = 0
      this.#digest = createHash("sha256")
    }
    this.#entries += 1
    this.#digest.update(entryRecord(row, row))
  }

  #close(): void {
    if (this.#at === undefined) return
    const { organization, lane, block } = this.#at
    const wanted = this.#wanted.get(this.#key)
    this.#wanted.delete(this.#key)
    const now = this.#digest.digest("hex")
    const is = String(this.#entries)
    if (wanted === undefined) {
      this.#report(organization, lane, block, "have no row in pgtrail.redaction", now)
    } else if (wanted.entries !== is || wanted.digest !== now) {
      const how =
        wanted.entries === is ? "their digest differs from it" : `${is} instead of ${wanted.entries}`
      this.#report(organization, lane, block, `are not those of pgtrail.redaction: ${how}`, now)
    }
  }

  finish(): void {
    this.#close()
    const none = createHash("sha256").digest("hex")
    for (const { organization_id, lane, block } of this.#wanted.values()) {
      this.#report(organization_id, lane, BigInt(block), "are gone, and pgtrail.redaction has them", none)
    }
  }

  #report(organization_id: string, lane: string, block: bigint, how: string, now: string): void {
    const first = block === 0n ? 1n : block * blockPlaces
    const message = `the entries of pgtrail.redaction_entry from place ${first} on ${how}`
    this.#findings.add({
      kind: "control_altered",
      organization_id,
      lane,
      seq: String(first),
      group: "object",
      message,
      evidence: `${message} ${now}`,
    })
  }
}

/** Adds up the groups that have entries, but for those whose events are gone by a purge. */
class Adding {
  readonly #tables: LogTables
  readonly #scope: RedactionScope
  readonly #sums: Map<string, bigint>
  #lane = ""
  #chain = ""
  #place = ""
  #isGone: (seq: number) => boolean = () => false

  constructor(tables: LogTables, scope: RedactionScope, sums: Map<string, bigint>) {
    this.#tables = tables
    this.#scope = scope
    this.#sums = sums
  }

  async add({ organization, lane, seq, group }: EntryRow): Promise<void> {
    const { organization: wanted, starts, purges, sums } = this.#scope
    if (wanted !== undefined && wanted !== organization) return
    const name = `${lane}/${organization}`
    if (name !== this.#lane) {
      this.#lane = name
      this.#chain = chainKey(organization, lane)
      const isPurged = purges.chains.has(this.#chain)
      const ranges = isPurged ? await purges.ofLane(this.#tables, organization, lane) : undefined
      this.#isGone = (at) => ranges?.find(at) !== undefined
    }
    const place = `${name}/${seq}/${group}`
    const known = groupNames.find((one) => one === group)
    // Beyond 2^53 there is no event.
    if (known === undefined || place === this.#place || seq.length > 16) return
    this.#place = place
    const at = Number(seq)
    if (at <= (starts?.get(this.#chain)?.seq ?? 0) || this.#isGone(at)) return
    this.#sums.set(this.#chain, (this.#sums.get(this.#chain) ?? 0n) + sums.group(at, known))
  }
}
