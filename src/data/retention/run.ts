// Runs retention: purges, partition by partition, what no rule keeps any more, as long as it verifies and no hold is on it. For cron.
import type { Client } from "pg"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { actsOf } from "../purge/organization.js"
import { lock } from "../purge/refusals.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import { verify } from "../verify/verify.js"
import { plural } from "../words.js"
import { candidates } from "./candidates.js"
import { analyze, casesInForce } from "./run-after.js"
import { Done } from "./run-done.js"
import type { RetentionRun, RetentionRunOptions } from "./run-options.js"
import { isGone, PartitionFailure, purgePartition, type Work } from "./run-partition.js"
import { summed } from "./run-policies.js"
import { noteRefused, refuseUnable, refuseUnfit } from "./run-refusals.js"

/** Throws `busy`, `privilege`, `config` without a key, `not-found` without a backup; `cancelled` when it was stopped between two partitions. */
export function runRetention(
  target: ConnectionTarget,
  options: RetentionRunOptions = {},
): Promise<RetentionRun> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  refuseUnfit(options)
  return withClient(target, async (client) => {
    await refuseUnable(client, options).catch(async (error: unknown) => {
      await noteRefused(client, options, error)
      throw error
    })
    await lock(client)
    // Also for whatever else it may have to wait for; partitions and acts have their own way of waiting.
    await client.query("select set_config('lock_timeout', $1, false)", [`${options.patienceMs ?? 30_000}ms`])
    const { run, startedAt } = await begin(client, options)
    const done = new Done()
    try {
      const stopped = await purgeAll(target, client, { options, key, run, done })
      return await conclude(client, { options, run, startedAt, done, stopped })
    } catch (error) {
      const known = partly(error, done, options)
      if (run !== null) await failed(client, run, done, known)
      throw known
    }
  })
}

interface Job {
  readonly options: RetentionRunOptions
  readonly key: SigningKey | undefined
  readonly run: string | null
  readonly done: Done
}

/** Whether it stopped at a limit of its own. */
async function purgeAll(
  target: ConnectionTarget,
  client: Client,
  { options, key, run, done }: Job,
): Promise<boolean> {
  const began = performance.now()
  let found: Promise<readonly string[]> | undefined
  const isLate = (): boolean =>
    options.maxSeconds !== undefined && performance.now() - began >= options.maxSeconds * 1000
  const isFull = (): boolean =>
    (options.maxRows !== undefined && done.sum("events") >= BigInt(options.maxRows)) ||
    (options.maxPartitions !== undefined && done.changed >= options.maxPartitions)
  const left = await candidates(client, options.organization)
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    options.signal?.throwIfAborted()
    if (isLate() || isFull()) {
      done.partitionsLeft = left.length + 1
      return true
    }
    options.progress?.(`${next.name}: reading`)
    const work: Work = {
      client,
      options,
      key,
      run,
      room: options.maxRows === undefined ? undefined : BigInt(options.maxRows) - done.sum("events"),
      isOver: () => isLate() || options.signal?.aborted === true,
      findings: () => {
        found ??= findingsOf(target, options)
        return found
      },
    }
    await purgeOrSkip(work, next.name, done)
  }
  return done.sum("remaining") > 0n
}

/** One that could not be locked, or in which something happened again and again, must not keep the others from their turn. */
async function purgeOrSkip(work: Work, name: string, done: Done): Promise<void> {
  try {
    const purged = await purgePartition(work, name)
    const { events, held, unsound, remaining, fresh } = purged
    if ([events, held, unsound, remaining, fresh].some((count) => count !== "0")) done.partitions.push(purged)
    await analyze(work, purged)
  } catch (error) {
    if (!(error instanceof PartitionFailure)) throw error
    if (error.done.events !== "0") done.partitions.push(error.done)
    const known = toTrailError(error.cause)
    if (!(known instanceof TrailError)) throw known
    // Somebody dropped it meanwhile.
    if (isGone(known)) return
    if (!["lock-timeout", "retry"].includes(known.code)) throw known
    done.failed.push({ name, message: known.message })
  }
}

async function findingsOf(target: ConnectionTarget, options: RetentionRunOptions): Promise<string[]> {
  options.progress?.("verifying, for the findings that the acts name")
  const { organization, signal, dryRun } = options
  const report = await verify(target, {
    jobs: 2,
    record: dryRun !== true,
    ...(organization === undefined ? {} : { organization }),
    ...(signal === undefined ? {} : { signal }),
  })
  return [...report.findings, ...report.accepted].slice(0, 1000).map(({ id }) => id)
}

async function begin(
  client: Client,
  { dryRun }: RetentionRunOptions,
): Promise<{ run: string | null; startedAt: string }> {
  const { rows } = await client.query<{ run: string | null; at: string }>(
    dryRun === true
      ? "select null as run, clock_timestamp() as at"
      : "insert into pgtrail.retention_run default values returning run_id as run, started_at as at",
  )
  return { run: rows[0]?.run ?? null, startedAt: rows[0]?.at ?? "" }
}

interface Conclusion {
  readonly options: RetentionRunOptions
  readonly run: string | null
  readonly startedAt: string
  readonly done: Done
  readonly stopped: boolean
}

async function conclude(client: Client, conclusion: Conclusion): Promise<RetentionRun> {
  const { options, run, startedAt, done, stopped } = conclusion
  const outcome = stopped ? "limit" : "done"
  const names = done.failed.map(({ name }) => name).join(", ")
  const told = [
    ...(names === "" ? [] : [`not purged: ${names}`]),
    ...(done.partitionsLeft === 0 ? [] : [`${plural(done.partitionsLeft, "partition")} not looked at`]),
  ]
  const message = told.length === 0 ? null : told.join("; ")
  const endedAt = await end(client, { run, outcome, message, done })
  const count = (method: string): string =>
    String(done.partitions.filter((partition) => partition.method === method).length)
  const deleted = done.partitions.filter(({ method }) => method === "delete")
  return {
    run,
    dry_run: options.dryRun === true,
    started_at: writeTime(startedAt),
    ended_at: writeTime(endedAt),
    outcome,
    organization: options.organization ?? null,
    events: String(done.sum("events")),
    dropped: count("drop"),
    rewritten: count("rewrite"),
    deleted: String(deleted.reduce((sum, { events }) => sum + BigInt(events), 0n)),
    bytes_freed: String(done.sum("bytes_freed")),
    held: String(done.sum("held")),
    cases: done.sum("held") === 0n ? [] : await casesInForce(client, options.organization),
    unsound: String(done.sum("unsound")),
    fresh: String(done.sum("fresh")),
    fresh_until:
      done.partitions
        .map((one) => one.fresh_until ?? "")
        .sort()
        .at(-1) || null,
    remaining: done.remaining,
    partitions_left: String(done.notLookedAt),
    acts: done.acts,
    policies: summed(done.partitions.flatMap(({ policies }) => policies)),
    unarchived: String(done.sum("unarchived")),
    partitions: done.partitions,
    failed: done.failed,
  }
}

async function end(
  client: Client,
  given: { run: string | null; outcome: string; message: string | null; done: Done },
): Promise<string> {
  const { run, outcome, message, done } = given
  const { rows } = await client.query<{ at: string }>(
    run === null
      ? "select clock_timestamp() as at"
      : `update pgtrail.retention_run r set ended_at = clock_timestamp(), outcome = $2, message = $3, held = $4, unsound = $5, remaining = $6
         where r.run_id = $1 returning r.ended_at as at`,
    run === null
      ? []
      : [
          run,
          outcome,
          message,
          ...(["held", "unsound"] as const).map((name) => String(done.sum(name))),
          // One that failed did not come to the end of its partitions.
          outcome === "failed" ? null : done.remaining,
        ],
  )
  return rows[0]?.at ?? ""
}

/** Where the connection is gone nothing can be written: the row then tells of a run that was killed. */
async function failed(client: Client, run: string, done: Done, error: unknown): Promise<void> {
  const message = error instanceof TrailError ? error.message : "a bug in pgtrail"
  await end(client, { run, outcome: "failed", message, done }).catch(() => undefined)
}

function partly(error: unknown, done: Done, { signal }: RetentionRunOptions): unknown {
  const { acts } = done
  const rest =
    acts.length === 0
      ? "nothing was purged"
      : `${plural(String(done.sum("events")), "event")} purged before, by ${actsOf(acts)}`
  const hint = `${rest}; run it again for the rest`
  const cause = error instanceof PartitionFailure ? error.cause : error
  if (signal?.aborted === true || (cause instanceof Error && cause.name === "AbortError")) {
    return new TrailError("cancelled", "stopped between two partitions", { hint, cause: error })
  }
  const known = toTrailError(cause)
  if (!(known instanceof TrailError)) return known
  return new TrailError(known.code, known.message, {
    hint: known.hint === undefined || acts.length > 0 ? hint : known.hint,
    sqlstate: known.sqlstate,
    cause: error,
  })
}
