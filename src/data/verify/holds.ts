// Replays which holds were placed and released, and compares the control table with them. A hold may name a person: acts have its digest alone.
import { createHash } from "node:crypto"
import type { ClientBase } from "pg"
import { word } from "../act/about.js"
import { record, sha256 } from "../canonical.js"
import { altered, hasTable } from "./control-tables.js"
import type { Findings } from "./finding.js"
import { time } from "./retention-purge.js"

interface Placed {
  /** `\x` hex. */
  readonly digest: string
  /** When it ends by itself; microseconds since 2000. */
  readonly expires: bigint | undefined
  readonly released: string | null
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
}

export class Holds {
  readonly #placed = new Map<string, Placed>()

  /** The migration that made the table was taken back. */
  reset(): void {
    this.#placed.clear()
  }

  place(seq: string, digest: string, given: Readonly<Record<string, unknown>>): void {
    this.#placed.set(seq, { digest, expires: time(given.expires), released: null })
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

  async check(client: ClientBase, findings: Findings): Promise<void> {
    if (!(await hasTable(client, "hold"))) return
    const { rows } = await client.query<LiveHold>(
      `select act_seq, case_id, organization_id, actor_id, resource_type, resource_id, correlation_id, event_type, since, until,
         expires_at, released_seq
       from pgtrail.hold order by act_seq`,
    )
    const wanted = new Map(this.#placed)
    for (const row of rows) {
      const placed = wanted.get(row.act_seq)
      wanted.delete(row.act_seq)
      const digest = digestOfHold(row)
      const evidence = `${digest} ${row.released_seq}`
      if (placed === undefined) {
        altered(
          findings,
          `pgtrail.hold has the hold of act ${row.act_seq}, which no act has placed`,
          evidence,
        )
      } else if (placed.digest !== digest) {
        const message = `the hold of act ${row.act_seq} in pgtrail.hold is not the one that was placed: its digest differs from the act's`
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
  const bytes = record("pgtrail hold", [
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
