// Why nothing was archived, in one line: a run that took nothing looks the same whether all is well or a word was wrong.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { plural } from "../words.js"
import type { ArchiveJob } from "./job.js"
import type { ArchiveOptions } from "./options.js"

/** Null where this role may not look. Reads the partitions that were asked about once more. */
export async function whyNothing(
  client: Client,
  { due, partition, organization }: ArchiveOptions,
  jobs: readonly ArchiveJob[],
): Promise<string | null> {
  const of = organization === undefined ? "" : ` of ${organization}`
  if (partition !== undefined) {
    const [name = partition] = jobs.map((job) => job.partition)
    if (await hasEvents(client, name, organization)) return null
    return organization === undefined ? `${name} is empty` : `${name} has no event${of}`
  }
  if (due !== true) return `no event${of} that is in the table occurred in that time`
  const { rowCount } = await client.query(
    `select from pgtrail.retention_rule r
     where r.kind = 'policy' and r.archive_after_days is not null and r.counts_until > now()
       and ($1::text is null or r.organization_id is null or r.organization_id = $1) limit 1`,
    [organization ?? null],
  )
  if (rowCount === 0) return `no policy${of} has --archive-after: pgtrail retention policy set`
  let over = 0n
  for (const name of new Set(jobs.map((job) => job.partition)))
    over += (await overKeep(client, name, organization)) ?? 0n
  if (over === 0n) return `nothing${of} that is in the table is due for an archive yet`
  return `${plural(String(over), "event")}${of} ${over === 1n ? "is" : "are"} over their keep, and not archived any more: pgtrail retention run`
}

/** How many events of a partition retention would purge now; undefined where this role may not ask. */
export async function overKeep(
  client: Client,
  partition: string,
  organization: string | null | undefined,
): Promise<bigint | undefined> {
  try {
    const { rows } = await client.query<{ over: string }>(
      "select coalesce(sum(p.expired_now), 0) as over from pgtrail.retention_plan($1, organization => $2) p",
      [partition, organization ?? null],
    )
    return BigInt(rows[0]?.over ?? "0")
  } catch (error) {
    const known = toTrailError(error)
    if (known instanceof TrailError && (known.code === "privilege" || known.sqlstate === "42P01"))
      return undefined
    throw known
  }
}

async function hasEvents(
  client: Client,
  partition: string,
  organization: string | undefined,
): Promise<boolean> {
  const { rows } = await client.query<{ sql: string }>(
    "select format('select from only pgtrail.%I e where %L is null or e.organization_id = %2$L limit 1', $1::text, $2::text) as sql",
    [partition, organization ?? null],
  )
  return (await client.query(rows[0]?.sql ?? "")).rowCount !== 0
}
