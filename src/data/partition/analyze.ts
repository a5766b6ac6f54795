// Gathers the planner's statistics of partitions, one by one.
import type { Client } from "pg"
import { type ChangeOptions, find, refuseUnable } from "./change.js"

export const analyzeSql = "select pgtrail.analyze_partition($1)"

/** All of them where none is named, those that were detached too. Answers their names. */
export async function analyzePartitions(
  client: Client,
  name: string | undefined,
  options: Pick<ChangeOptions, "signal" | "progress"> = {},
): Promise<string[]> {
  await refuseUnable(client, "pgtrail.analyze_partition(text)", {})
  const names = name === undefined ? await withRows(client) : [(await find(client, name)).name]
  await analyze(client, names, options)
  return names
}

export async function analyze(
  client: Client,
  names: readonly string[],
  { signal, progress }: Pick<ChangeOptions, "signal" | "progress">,
): Promise<void> {
  for (const name of names) {
    signal?.throwIfAborted()
    progress?.(`analyzing ${name}`)
    await client.query(analyzeSql, [name])
  }
}

async function withRows(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select p.name from pgtrail.partitions() p where pg_relation_size(p.oid) > 0 order by p.since, p.name",
  )
  return rows.map(({ name }) => name)
}
