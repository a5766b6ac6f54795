// Replays which holds were placed and released, and compares the control table with them. A hold may name a person: acts have its digest alone.
import { createHash } from "node:crypto"
import { parametersOf, word } from "../act/about.js"
import { record, sha256 } from "../canonical.js"
import { altered } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"
import { time } from "./retention-purge.js"

interface Placed {
  /** `\x` hex. */
  readonly digest: string
  /** When it ends by itself; microseconds since 2000. */
  readonly expires: bigint | undefined
  readonly released: string | null
  /** The redaction that took the names out of it. */
  readonly cleared: string | null
}

interface LiveHold {
  readonly act_seq: string
  readonly case_id: string
  readonly organization_id: string | null
  readonly actor_id: string | null
  readonly resource_type: string | null
  readonly resource_id: string | null
  readonly correlation_id: string | null
  readonly event_type: string | null
  readonly since: string | null
  readonly until: string | null
  readonly expires_at: string | null
  readonly released_seq: string | null
  /** Both missing at a level before 8. */
  readonly salt?: string | null
  readonly cleared_seq?: string | null
}

export class Holds {
  readonly #placed = new Map<string, Placed>()

  /** The migration that made the table was taken back. */
  reset(): void {
    this.#placed.clear()
  }

  place(seq: string, digest: string, given: Readonly<Record<string, unknown>>): void {
    this.#placed.set(seq, { digest, expires: time(given.expires), released: null, cleared: null })
  }

  /** Of those in force at a time, by the acts so far; hex. */
  digest(at: bigint): string {
    const digest = createHash("sha256")
    for (const [seq, { digest: of, expires, released }] of this.#placed) {
      if (released !== null || (expires !== undefined && expires <= at)) continue
      digest.update(
        record("pgtrail hold in force", [
          ["bigint", seq],
          ["bytea", of],
        ]),
      )
    }
    return digest.digest("hex")
  }

  release(seq: string, given: Readonly<Record<string, unknown>>): void {
    for (const held of Array.isArray(given.holds) ? given.holds.map(word) : []) {
      const hold = this.#placed.get(held)
      if (hold?.released === null) this.#placed.set(held, { ...hold, released: seq })
    }
  }

  /** A redaction, at a time, takes the names out of holds that are over; one that was in force keeps them, whatever its act says. */
  clear(seq: string, at: bigint, given: Readonly<Record<string, unknown>>): void {
    for (const named of Array.isArray(given.cleared_holds) ? given.cleared_holds.map(parametersOf) : []) {
      const hold = this.#placed.get(word(named.hold))
      if (hold === undefined || hold.cleared !== null) continue
      const isOver = hold.released !== null || (hold.expires !== undefined && hold.expires <= at)
      if (isOver) {
        this.#placed.set(word(named.hold), { ...hold, digest: `\\x${word(named.digest)}`, cleared: seq })
      }
    }
  }

  async check(tables: LogTables, findings: Findings): Promise<void> {
    if (!(await tables.has("hold"))) return
    const rows = await tables.all<LiveHold>("hold", [])
    const wanted = new Map(this.#placed)
    for (const row of rows) {
      const placed = wanted.get(row.act_seq)
      wanted.delete(row.act_seq)
      const digest = digestOfHold(row)
      const cleared = row.cleared_seq ?? null
      const evidence = `${digest} ${row.released_seq}${cleared === null ? "" : ` cleared ${cleared}`}`
      if (placed === undefined) {
        altered(
          findings,
          `pgtrail.hold has the hold of act ${row.act_seq}, which no act has placed`,
          evidence,
        )
      } else if (placed.cleared !== cleared) {
        const how = (by: string | null) =>
          by === null ? "has its names" : `was cleared of names by act ${by}`
        const message = `the hold of act ${row.act_seq} ${how(cleared)} in pgtrail.hold, and ${how(placed.cleared)} by the acts`
        altered(findings, message, evidence)
      } else if (placed.digest !== digest) {
        const how =
          cleared === null ? "is not the one that was placed" : `is not what act ${cleared} left of it`
        const message = `the hold of act ${row.act_seq} in pgtrail.hold ${how}: its digest differs from the act's`
        altered(findings, message, evidence)
      } else if (placed.released !== row.released_seq) {
        const how = (seq: string | null) => (seq === null ? "in force" : `released by act ${seq}`)
        const message = `the hold of act ${row.act_seq} is ${how(row.released_seq)} in pgtrail.hold, and ${how(placed.released)} by the acts`
        altered(findings, message, evidence)
      }
    }
    for (const seq of wanted.keys()) altered(findings, `pgtrail.hold has lost the hold of act ${seq}`)
  }
}

/** FORMAT.md: what its act has as digest. */
function digestOfHold(row: LiveHold): string {
  const salt = row.salt ?? null
  const bytes = record(salt === null ? "pgtrail hold" : "pgtrail salted hold", [
    ...(salt === null ? [] : [["uuid", salt] as const]),
    ["text", row.case_id],
    ["text", row.organization_id],
    ["text", row.actor_id],
    ["text", row.resource_type],
    ["text", row.resource_id],
    ["text", row.correlation_id],
    ["text", row.event_type],
    ["timestamptz", row.since],
    ["timestamptz", row.until],
    ["timestamptz", row.expires_at],
  ])
  return `\\x${sha256(bytes).toString("hex")}`
}
