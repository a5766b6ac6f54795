// What cron runs: the partitions of today and ahead, those of events that lie in DEFAULT, and statistics of what has none.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { analyze } from "./analyze.js"
import { alone, type ChangeOptions, patienceOf, refuseUnable } from "./change.js"
import { inOrder, needs } from "./create.js"
import { findDue, type Left, type Range } from "./ranges.js"
import { splitScript } from "./script.js"
import { portions, split } from "./split.js"

export interface MaintainedPartitions {
  readonly dry_run: boolean
  /** `events`: what lay in DEFAULT of each. */
  readonly created: readonly Range[]
  /** What came along from DEFAULT, or would. */
  readonly events: string
  readonly analyzed: readonly string[]
  /** What stays in DEFAULT, and why. */
  readonly left: readonly Left[]
  /** Nothing is made before that: the oldest time that a rule of retention keeps. */
  readonly kept_since: string
  /** The setting partitions-ahead. */
  readonly ahead: string
}

/** Throws `busy`, `lock-timeout`, `privilege`, `read-only`; what was made by then stays, and the next run goes on. */
export function maintainPartitions(
  target: ConnectionTarget,
  options: ChangeOptions = {},
): Promise<MaintainedPartitions> {
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, options)
    return alone(client, options.dryRun === true, () => maintain(client, options))
  })
}

async function maintain(client: Client, options: ChangeOptions): Promise<MaintainedPartitions> {
  const { due, left, unanalyzed, keptSince, ahead } = await findDue(client)
  const plain = { left, kept_since: keptSince, ahead }
  if (options.dryRun === true) {
    const events = due.reduce((sum, range) => sum + BigInt(range.events), 0n)
    return { dry_run: true, created: due, events: String(events), analyzed: unanalyzed, ...plain }
  }
  const created: Range[] = []
  let events = 0n
  await split(client, due, options, (portion, moved) => {
    created.push(...portion)
    events += moved
  })
  const analyzed = due.length === 0 ? unanalyzed : (await findDue(client)).unanalyzed
  await analyze(client, analyzed, options)
  return { dry_run: false, created: inOrder(created), events: String(events), analyzed, ...plain }
}

/** The SQL that `maintainPartitions` would run now; empty where nothing is due. */
export function maintainSql(target: ConnectionTarget, options: ChangeOptions = {}): Promise<string> {
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, options, true)
    const { due, unanalyzed } = await findDue(client)
    const filled = due.filter(({ events }) => events !== "0").map(({ name }) => name)
    return splitScript(await portions(client, due), [...filled, ...unanalyzed], patienceOf(options))
  })
}
