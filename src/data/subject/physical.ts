// What a redaction leaves in the files of the database, until something writes over it, goes: the partitions that have it are built anew, one
// after the other, and with them the summaries and the statistics, of which values of columns are a part. Whoever is stopped does the rest
// by running it again: the database knows which partitions are left.
import type { Client } from "pg"
import { type ConnectionTarget, withClient, withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { alone, patienceOf, retried } from "../partition/change.js"
import { toTrailError } from "../server-errors.js"
import { plural } from "../words.js"
import { awaitOlder, rowsKept } from "./older-transactions.js"

export interface EraseBytesOptions {
  /** Milliseconds to wait for a moment in which nobody reads or writes a partition. Default 30,000. */
  readonly patienceMs?: number | undefined
  /** Writes the table of archives in the database itself (`table:`) anew too. Default: where one of them was ever redacted. */
  readonly storage?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface RewrittenPartition {
  readonly name: string
  readonly method: "rewritten" | "failed"
  readonly why: string | null
}

export interface ErasedBytes {
  /** Those of which a file could still have values. */
  readonly partitions: readonly RewrittenPartition[]
  /** The summaries, the batches of the last day, and what else of the log's own names people. */
  readonly summaries: boolean
  /** Of the planner, with its file. */
  readonly statistics: boolean
  /** What somebody else must do, in words, with the command; empty: nothing is left in any file but in those of WAL. */
  readonly left: readonly string[]
}

/** Throws `privilege`, `read-only`, `busy` where another run changes partitions, `cancelled`; what is done by then stays so. */
export function eraseBytes(target: ConnectionTarget, options: EraseBytesOptions = {}): Promise<ErasedBytes> {
  return withClient(target, (client) => alone(client, false, () => erase(client, options)))
}

async function erase(client: Client, options: EraseBytesOptions): Promise<ErasedBytes> {
  const { signal, progress } = options
  const partitions: RewrittenPartition[] = []
  const { rows } = await client.query<{ name: string }>("select name from pgtrail.redacted_partitions() name")
  for (const { name } of rows) {
    signal?.throwIfAborted()
    progress?.(`building ${name} anew (${partitions.length + 1} of ${rows.length})`)
    partitions.push(await rewritten(client, name, options))
  }
  progress?.("writing summaries and statistics anew")
  const storage = options.storage ?? (await hadStored(client))
  const holder = await awaitOlder(client, options)
  let kept: string | undefined = "0"
  const why = await unless(async () => {
    kept = await rowsKept(client, () =>
      inTransaction(client, options, "select pgtrail.rewrite_summary($1, $2::interval)", [
        storage,
        patienceOf(options),
      ]),
    )
  })
  await client.query("select pgtrail.analyze_log()")
  // Who did not end within the patience has had it.
  const statistics = await statisticsLeft(client, holder === null ? options : { ...options, patienceMs: 0 })
  const failed = partitions.filter(({ method }) => method === "failed")
  const left = [
    failed.length === 0
      ? null
      : `${plural(failed.length, "partition")} could not be built anew (${failed[0]?.name}: ${failed[0]?.why}): run it again with --physical`,
    why === null ? null : `the summaries could not be written anew (${why}): run it again with --physical`,
    kept === "0"
      ? null
      : `rows that were taken away from restrictions, holds, pseudonyms or stored archives are still in their files, as ${holder ?? unknown} began before: when it is over, run it again with --physical`,
    statistics,
  ].filter((one) => one !== null)
  return { partitions, summaries: why === null, statistics: statistics === null, left }
}

async function rewritten(
  client: Client,
  name: string,
  options: EraseBytesOptions,
): Promise<RewrittenPartition> {
  const why = await unless(() =>
    inTransaction(client, options, "select pgtrail.rewrite_partition($1, $2::interval)", [
      name,
      patienceOf(options),
    ]),
  )
  if (why !== null) return { name, method: "failed", why }
  await client.query("select pgtrail.analyze_partition($1)", [name])
  return { name, method: "rewritten", why: null }
}

const inTransaction = (
  client: Client,
  options: EraseBytesOptions,
  sql: string,
  values: unknown[],
): Promise<unknown> =>
  retried(options, () =>
    withTransaction(client, "begin isolation level read committed", async () => {
      await client.query("set local synchronous_commit = on")
      return client.query(sql, values)
    }),
  )

/** Why it was not done, where others were in the way: what else there is to do is done all the same. */
async function unless(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work()
    return null
  } catch (error) {
    const known = toTrailError(error)
    if (!(known instanceof TrailError) || !inTheWay.has(known.code)) throw known
    return known.message
  }
}

const inTheWay: ReadonlySet<string> = new Set(["lock-timeout", "retry", "busy", "not-found", "disk-full"])

const vacuum = "vacuum full pg_catalog.pg_statistic"
const unknown = "a transaction"

/** Archives that lay in the database itself and were written anew, by this run or by one that was stopped before it came to their table. */
async function hadStored(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ had: string }>(
    `select pg_relation_size('pgtrail.archive_storage_part') > 0 and exists (
       select from pgtrail.act a where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.parameters #>> '{archive,location}' = 'table:') as had`,
  )
  return rows[0]?.had === "t"
}

/** Old rows of statistics have values of columns too, and only who owns the database may write their file anew. Null: it is done. */
async function statisticsLeft(client: Client, options: EraseBytesOptions): Promise<string | null> {
  const { rows } = await client.query<Record<"may" | "owner", string>>(
    `select pg_has_role(d.datdba, 'usage') as may, d.datdba::regrole::text as owner from pg_database d where d.datname = current_database()`,
  )
  const [{ may, owner } = { may: "f", owner: "" }] = rows
  if (may !== "t")
    return `old statistics have values of columns: the owner of the database (${owner}) runs: ${vacuum}`
  for (let attempt = 1; ; attempt += 1) {
    const holder = await awaitOlder(client, options)
    let kept: string | undefined
    try {
      kept = await rowsKept(client, () => client.query(vacuum.replace("full", "(full, verbose)")))
    } catch (error) {
      const known = toTrailError(error)
      if (!(known instanceof TrailError) || options.signal?.aborted === true) throw known
      return `old statistics have values of columns, and could not be written anew (${known.message}): run: ${vacuum}`
    }
    if (kept === "0") return null
    // Statistics of another table that somebody gathers at this moment are kept too, which only another attempt tells apart.
    if (holder !== null || attempt === 3) {
      return `old statistics may still be in their file, as ${holder ?? unknown} began before: when it is over: ${vacuum}`
    }
  }
}
