// Purges all events of an organization, after they have been verified, in batches that are each recorded by an act of their own.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import type { Finding } from "../verify/finding.js"
import type { VerifyReport } from "../verify/report.js"
import { verifyHeads } from "../verify/verify.js"
import { plural } from "../words.js"
import type { PurgedOrganization, PurgeOptions } from "./options.js"
import {
  batches,
  countOf,
  type Home,
  type HomeSize,
  homes,
  homesOf,
  type LaneHead,
  laneHeads,
  leftUpTo,
  placesOf,
  sizeOf,
  type Window,
} from "./plan.js"
import { lock, refuseHeld, refuseUnable, refuseUnconfirmed, refuseUnfit, unknown } from "./refusals.js"

const defaultBatch = 100_000

/** Throws `usage` without the confirmation, `not-found`, `busy`, `retry` where something changed meanwhile. */
export async function purgeOrganization(
  target: ConnectionTarget,
  organization: string,
  options: PurgeOptions,
): Promise<PurgedOrganization> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  refuseUnfit(options)
  return withClient(target, async (client) => {
    await refuseUnable(client, key, options)
    const heads = await laneHeads(client, organization)
    if (heads.length === 0) throw await unknown(client, organization)
    const left = countOf(await leftUpTo(client, organization, heads))
    if (left > 0n && options.confirm === undefined && options.dryRun !== true)
      await refuseHeld(client, organization, options)
    if (left > 0n) refuseUnconfirmed(organization, left, heads.length, options)
    await lock(client)
    if (left === 0n) return nothingLeft(organization, options)
    await refuseHeld(client, organization, options)
    options.progress?.("verifying")
    const verified = await verifyHeads(target, {
      organization,
      jobs: options.jobs ?? 2,
      record: options.dryRun !== true,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      progress: (events) => options.progress?.(`${events} events verified`),
    })
    const known = [...verified.heads.values()].map(({ lane, seq, hash }) => ({
      lane,
      seq: String(seq),
      hash: `\\x${Buffer.from(hash, "latin1").toString("hex")}`,
    }))
    return purgeVerified(client, { organization, options, key, report: verified.report, heads: known })
  })
}

interface Job {
  readonly organization: string
  readonly options: PurgeOptions
  readonly key: SigningKey | undefined
  readonly report: VerifyReport
  readonly heads: readonly LaneHead[]
}

async function purgeVerified(client: Client, job: Job): Promise<PurgedOrganization> {
  const { organization, options, report, heads } = job
  const left = await leftUpTo(client, organization, heads)
  const all = countOf(left)
  const most = options.maxRows !== undefined && BigInt(options.maxRows) < all ? BigInt(options.maxRows) : all
  const where = await homes(client, organization)
  const found = findingsOf(report, organization)
  const refused = found.length > 0 && options.despiteFindings !== true
  const plain = { organization, dry_run: options.dryRun === true, refused, verification: report }
  if (refused || options.dryRun === true) {
    const sizes: HomeSize[] = []
    for (const home of where) {
      options.signal?.throwIfAborted()
      const size = await sizeOf(client, organization, home)
      if (size !== null)
        sizes.push({ ...size, oldest: writeTime(size.oldest), newest: writeTime(size.newest) })
    }
    return {
      ...plain,
      events: String(most),
      lanes: String(new Set(left.map(({ lane }) => lane)).size),
      oldest: sizes.map(({ oldest }) => oldest).sort()[0] ?? null,
      newest:
        sizes
          .map(({ newest }) => newest)
          .sort()
          .at(-1) ?? null,
      partitions: sizes,
      acts: [],
      remaining: String(all - most),
    }
  }
  const override = found.length === 0 ? null : found.slice(0, 1000).map(({ id }) => id)
  const acts: string[] = []
  let tried = 0n
  let purged = 0n
  try {
    for (const windows of batches(left, heads, batchSize(options), most)) {
      options.signal?.throwIfAborted()
      tried += placesOf(windows)
      const homes = homesOf(where, windows)
      // Of places that are missing, which the findings tell of, nothing is left to purge.
      if (override !== null && homes.length === 0) continue
      const { seq, events } = await purgeBatch(client, job, windows, homes, override)
      acts.push(seq)
      purged += events
      options.progress?.(`${purged} of ${all} events purged`)
    }
  } catch (error) {
    throw acts.length === 0 ? error : partly(error, purged, acts)
  }
  const { rows } = await client.query<{ lanes: string; oldest: string; newest: string }>(
    `select count(distinct p.lane) as lanes, min(p.oldest_occurred_at) as oldest, max(p.newest_occurred_at) as newest
     from pgtrail.purge p where p.organization_id = $1 and p.act_seq = any($2::bigint[])`,
    [organization, acts],
  )
  const [row] = rows
  return {
    ...plain,
    events: String(purged),
    lanes: row?.lanes ?? "0",
    oldest: row === undefined ? null : writeTime(row.oldest),
    newest: row === undefined ? null : writeTime(row.newest),
    partitions: [],
    acts,
    remaining: String(all - tried),
  }
}

function batchSize({ batchSize = defaultBatch, maxRows }: PurgeOptions): bigint {
  return BigInt(Math.min(batchSize, maxRows ?? batchSize))
}

/** Evidence of tampering is not purged: also not that which somebody accepted. */
function findingsOf({ findings, accepted }: VerifyReport, organization: string): Finding[] {
  return [...findings, ...accepted.filter((finding) => finding.organization_id === organization)]
}

async function purgeBatch(
  client: Client,
  { organization, options, key, report }: Job,
  windows: readonly Window[],
  where: readonly Home[],
  override: readonly string[] | null,
): Promise<{ seq: string; events: bigint }> {
  let events = 0n
  const seq = await performAct(client, key, async () => {
    await client.query("select set_config('lock_timeout', $1, true)", [
      `${options.lockTimeoutMs ?? 10_000}ms`,
    ])
    const { rows } = await client.query<{ seq: string; events: string }>(
      `select seq, events from pgtrail.purge_events($1, $2::smallint[], $3::bigint[], $4::bigint[], $5::text[]::bytea[], $6::oid[],
         $7, $8, $9::text[], $10)`,
      [
        organization,
        windows.map(({ lane }) => lane),
        windows.map(({ first }) => String(first)),
        windows.map(({ last }) => String(last)),
        windows.map(({ hash }) => hash),
        where.map(({ oid }) => oid),
        options.reason,
        options.requestedBy ?? null,
        override,
        report.act,
      ],
    )
    events = BigInt(rows[0]?.events ?? "0")
    return rows[0]?.seq ?? null
  })
  return { seq: seq ?? "", events }
}

function nothingLeft(organization: string, { dryRun }: PurgeOptions): PurgedOrganization {
  return {
    organization,
    dry_run: dryRun === true,
    refused: false,
    verification: null,
    events: "0",
    lanes: "0",
    oldest: null,
    newest: null,
    partitions: [],
    acts: [],
    remaining: "0",
  }
}

/** What was purged before it failed stays purged, and recorded. */
function partly(error: unknown, purged: bigint, acts: readonly string[]): unknown {
  const done = `${plural(String(purged), "event")} purged before, by ${actsOf(acts)}`
  const hint = `${done}; run it again for the rest`
  if (error instanceof Error && error.name === "AbortError") {
    return new TrailError("cancelled", "stopped between two portions", { hint, cause: error })
  }
  if (error instanceof TrailError) {
    return new TrailError(error.code, error.message, { hint, sqlstate: error.sqlstate, cause: error })
  }
  return error
}

export const actsOf = (acts: readonly string[]): string =>
  acts.length === 1 ? `act ${acts[0]}` : `${acts.length} acts, ${acts[0]} to ${acts.at(-1)}`
