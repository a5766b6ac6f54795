// Counts the events that holds name: exactly, since a lawyer is told the number, and partition by partition, since one statement
// over all of them would take a lock on each.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"

export interface HeldMonth {
  readonly organization_id: string
  /** `2026-07`, of occurred_at in UTC; `infinity` and `-infinity` for events without a time. */
  readonly month: string
  readonly events: string
}

export interface HeldCount {
  readonly events: string
  readonly organizations: readonly { readonly organization_id: string; readonly events: string }[]
  readonly months: readonly HeldMonth[]
}

export interface CountingOptions {
  /** Only events that no hold in force holds. */
  readonly free?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

/** `acts`: of the holds. An event that several of them name counts once. */
export async function countHeld(
  client: ClientBase,
  acts: readonly string[],
  { free = false, signal, progress }: CountingOptions = {},
): Promise<HeldCount> {
  const found: HeldMonth[] = []
  const partitions = await client.query<{ name: string }>(
    "select name from pgtrail.partitions() order by since",
  )
  for (const { name } of acts.length === 0 ? [] : partitions.rows) {
    signal?.throwIfAborted()
    progress?.(`counting what is held in ${name}`)
    // One that was dropped meanwhile has no events.
    const { rows } = await client.query<HeldMonth>(
      `select h.* from (select p.name from pgtrail.partitions() p where p.name = $1) p,
         lateral pgtrail.held_events(p.name, $2::bigint[], $3) h`,
      [name, acts, free],
    )
    found.push(...rows)
  }
  const months = summed(found, (month) => `${month.organization_id}\0${month.month}`)
  const organizations = summed(found, (month) => month.organization_id)
  return {
    events: String(found.reduce((sum, { events }) => sum + BigInt(events), 0n)),
    organizations: organizations.map(({ organization_id, events }) => ({ organization_id, events })),
    months,
  }
}

/** The same after an act: what fails then must not look as if the act had failed. `done`: what it did, with its seq. */
export async function countAfter<T>(done: string, name: string, count: () => Promise<T>): Promise<T> {
  try {
    return await count()
  } catch (cause) {
    const isStopped = cause instanceof Error && cause.name === "AbortError"
    const error = isStopped ? undefined : toTrailError(cause)
    const code = error instanceof TrailError ? error.code : "cancelled"
    const why =
      error instanceof Error ? `could not be counted: ${error.message}` : "were not counted: stopped"
    throw new TrailError(code, `${done}; the events ${why}`, {
      hint: `pgtrail hold show ${/^[\w.@-]+$/.test(name) ? name : JSON.stringify(name)} tells of it`,
      cause,
    })
  }
}

/** Late events of a month stand in DEFAULT: a month may come from several partitions. */
function summed(found: readonly HeldMonth[], keyOf: (month: HeldMonth) => string): HeldMonth[] {
  const sums = new Map<string, HeldMonth>()
  for (const month of found) {
    const before = BigInt(sums.get(keyOf(month))?.events ?? "0")
    sums.set(keyOf(month), { ...month, events: String(before + BigInt(month.events)) })
  }
  const order = (month: HeldMonth): string => `${month.organization_id}\0${monthOrder(month.month)}`
  return [...sums.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

const monthOrder = (month: string): string =>
  month === "-infinity" ? "0" : month.endsWith(" BC") ? `1${month}` : month === "infinity" ? "3" : `2${month}`
