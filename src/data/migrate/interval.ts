// How much time a partition has: chosen when a log is installed, and never again.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import type { SchemaState } from "./state.js"

export const partitionIntervals = ["week", "month", "quarter", "year"] as const
export type PartitionInterval = (typeof partitionIntervals)[number]

/** The first migration that knows other partitions than months. */
const firstWithIntervals = 5

/** Throws where a log has another already, or its migration knows months alone. */
export async function refuseInterval(
  client: ClientBase,
  state: SchemaState,
  {
    partitionInterval: wanted,
    to,
  }: { readonly partitionInterval?: PartitionInterval | undefined; readonly to?: number | undefined },
): Promise<void> {
  if (wanted === undefined) return
  if (!state.installed) {
    if (wanted === "month" || (to ?? firstWithIntervals) >= firstWithIntervals) return
    throw new TrailError("usage", `a log at migration ${to} has a partition for each month`, {
      hint: "nothing was changed; install the newest, or without --partition-interval",
    })
  }
  const { rows } = await client.query<{ value: string }>(
    "select value from pgtrail.setting where name = 'partition-interval'",
  )
  const chosen = rows[0]?.value ?? "month"
  if (chosen === wanted) return
  throw new TrailError("usage", `the log is there already, with a partition for each ${chosen}`, {
    hint: "nothing was changed; the interval is chosen once, when the log is installed",
  })
}
