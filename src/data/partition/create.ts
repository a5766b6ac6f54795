// Makes the partitions that somebody names, as far as they are missing.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { analyze } from "./analyze.js"
import { alone, type ChangeOptions, patienceOf, refuseUnable } from "./change.js"
import { findNamed, type Range } from "./ranges.js"
import { splitScript } from "./script.js"
import { portions, split } from "./split.js"

export interface CreateOptions extends ChangeOptions {
  /** All from the time up to this are made, and this too; without it, those that the time covers. */
  readonly until?: string | undefined
}

export interface CreatedPartitions {
  readonly dry_run: boolean
  /** `events`: what came along from DEFAULT, or would. */
  readonly created: readonly Range[]
  readonly there: readonly string[]
  readonly events: string
}

/** Throws `usage` where their time belongs to another partition, `busy`, `lock-timeout`, `privilege`, `read-only`. */
export function createPartitions(
  target: ConnectionTarget,
  time: string,
  options: CreateOptions = {},
): Promise<CreatedPartitions> {
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, options)
    return alone(client, options.dryRun === true, () => create(client, time, options))
  })
}

async function create(client: Client, time: string, options: CreateOptions): Promise<CreatedPartitions> {
  const { missing, there } = await findNamed(client, time, options.until, new Date())
  if (options.dryRun === true) {
    const events = missing.reduce((sum, range) => sum + BigInt(range.events), 0n)
    return { dry_run: true, created: missing, there, events: String(events) }
  }
  const created: Range[] = []
  let events = 0n
  await split(client, missing, options, (portion, moved) => {
    created.push(...portion)
    events += moved
  })
  const filled = created.filter((range) => range.events !== "0").map(({ name }) => name)
  await analyze(client, filled, options)
  return { dry_run: false, created: inOrder(created), there, events: String(events) }
}

/** The SQL that `createPartitions` would run now; empty where there is nothing to do. */
export function createSql(
  target: ConnectionTarget,
  time: string,
  options: CreateOptions = {},
): Promise<string> {
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, options, true)
    const { missing } = await findNamed(client, time, options.until, new Date())
    const filled = missing.filter((range) => range.events !== "0").map(({ name }) => name)
    return splitScript(await portions(client, missing), filled, patienceOf(options))
  })
}

export const needs = "pgtrail.split_default(text[], timestamptz[], timestamptz[], interval)"

/** All have one form and four digits of the year: text sorts like time. */
export const inOrder = (ranges: readonly Range[]): Range[] =>
  [...ranges].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0))
