// Counts all daily summaries anew and compares: what they said before, and what the events say.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { grouped } from "../words.js"
import { organizationsOf } from "./organizations.js"
import { begin, defaultBatch, type Refreshed, type RefreshOptions, refresh } from "./refresh.js"

export interface RebuildOptions extends Omit<RefreshOptions, "maxEvents"> {
  /** Of this organization alone. */
  readonly organization?: string | undefined
}

/** A day whose summaries were wrong. Where the counts are equal, what they were counted by was not. */
export interface SummaryDifference {
  readonly organization_id: string
  readonly day: string
  readonly events_before: string
  readonly events: string
  readonly actors_before: string
  readonly actors: string
}

export interface Rebuilt {
  readonly organizations: string
  /** Days, of one organization each, that were counted anew. */
  readonly days: string
  readonly differences: readonly SummaryDifference[]
  /** Events that no summary had before. */
  readonly refreshed: Refreshed
}

/** Throws `not-found`, `busy`, `privilege`, `read-only`. A run that is stopped is finished by the next refresh or rebuild. */
export function rebuildSummary(target: ConnectionTarget, options: RebuildOptions = {}): Promise<Rebuilt> {
  return withClient(target, async (client) => {
    await begin(client)
    const names = await organizationsOf(client, options.organization)
    const differences: SummaryDifference[] = []
    let days = 0n
    for (const name of names) {
      options.signal?.throwIfAborted()
      await client.query("select pgtrail.rebuild_summary($1)", [name])
      for (let listed = true; listed; ) {
        options.signal?.throwIfAborted()
        const rows = await recount(client, options.batchSize ?? defaultBatch)
        listed = rows.length > 0
        days += BigInt(rows.length)
        for (const { differs, ...row } of rows) if (differs === "t") differences.push(row)
        options.progress?.(`${grouped(days)} days counted again`)
      }
    }
    const refreshed = await refresh(client, options)
    return { organizations: String(names.length), days: String(days), differences, refreshed }
  })
}

async function recount(
  client: Client,
  batchSize: number,
): Promise<(SummaryDifference & { readonly differs: string })[]> {
  const { rows } = await client.query<SummaryDifference & { differs: string }>(
    `select organization_id, day, events_before, events, actors_before, actors, differs
     from pgtrail.recount_summary($1)`,
    [String(batchSize)],
  )
  return rows
}
