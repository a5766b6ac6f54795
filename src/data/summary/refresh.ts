// Counts what the daily summaries lack, in transactions of bounded size.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { grouped } from "../words.js"

export interface RefreshOptions {
  /** Stops after about so many events. */
  readonly maxEvents?: number | undefined
  /** Events that one transaction counts. Default 50,000. */
  readonly batchSize?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

export interface Refreshed {
  /** Events that were counted for the first time. */
  readonly events: string
  /** Days, of one organization each, that were counted anew. */
  readonly days: string
  /** Places that have no event, though no purge tells of them. */
  readonly missing: string
  /** Days of an unfinished rebuild whose summaries were wrong, and are not any more. */
  readonly wrong: string
  /** What is left. */
  readonly behind: string
  readonly days_left: string
}

export const defaultBatch = 50_000

/** Throws `busy` where another run is at work, `privilege`, `read-only`. */
export function refreshSummary(target: ConnectionTarget, options: RefreshOptions = {}): Promise<Refreshed> {
  return withClient(target, async (client) => {
    await begin(client)
    return refresh(client, options)
  })
}

/** A second run is told that there is one. The lock is the session's: it lasts from batch to batch, and goes with the connection. */
export async function begin(client: Client): Promise<void> {
  await refuseForeignFunctions(client)
  const { rows } = await client.query<{ locked: string }>(
    "select pg_try_advisory_lock(1885828210, -4) as locked",
  )
  if (rows[0]?.locked === "t") return
  throw new TrailError("busy", "another run makes the summaries of this log", {
    hint: "nothing was changed; it counts what this run would have counted",
  })
}

type Batch = Record<"events" | "missing" | "days" | "recounted" | "wrong" | "behind" | "days_left", string>

export async function refresh(client: Client, options: RefreshOptions): Promise<Refreshed> {
  let left = BigInt(readCount(options.maxEvents ?? Number.MAX_SAFE_INTEGER))
  const size = BigInt(Math.min(10_000_000, readCount(options.batchSize ?? defaultBatch)))
  const sum = { events: 0n, days: 0n, missing: 0n, wrong: 0n }
  for (;;) {
    options.signal?.throwIfAborted()
    const { rows } = await client.query<Batch>("select * from pgtrail.refresh_summary($1)", [
      String(left < size ? left : size),
    ])
    const [batch] = rows
    if (batch === undefined) throw new Error("pgtrail.refresh_summary returned nothing")
    for (const name of ["events", "days", "missing", "wrong"] as const) sum[name] += BigInt(batch[name])
    left -= BigInt(batch.events) + BigInt(batch.recounted) + BigInt(batch.missing)
    options.progress?.(`${grouped(sum.events)} events counted, ${grouped(batch.behind)} to go`)
    if ((batch.behind === "0" && batch.days_left === "0") || left <= 0n) {
      return {
        events: String(sum.events),
        days: String(sum.days),
        missing: String(sum.missing),
        wrong: String(sum.wrong),
        behind: batch.behind,
        days_left: batch.days_left,
      }
    }
  }
}

function readCount(count: number): number {
  if (Number.isSafeInteger(count) && count > 0) return count
  throw new TrailError("usage", "the number of events to count must be at least 1", {
    hint: "nothing was changed",
  })
}
