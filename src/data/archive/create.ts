// Archives events, partition by partition: they stand in files elsewhere, still verify, and leave the table by an act each. For cron too.

import type { Client } from "pg"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { actsOf } from "../purge/organization.js"
import { lock } from "../purge/refusals.js"
import { toTrailError } from "../server-errors.js"
import type { Store } from "../store/store.js"
import { plural } from "../words.js"
import { readRecipients } from "./age.js"
import { archivePartition } from "./create-partition.js"
import { clock, reportOf } from "./create-report.js"
import { archiveFailures, forgetFailure, isAnswered, type NotedFailure, noteFailure } from "./failure.js"
import { openPlace } from "./files.js"
import { type ArchiveJob, archiveJobs } from "./job.js"
import { lookAt } from "./look.js"
import type { ArchivedPartition, ArchiveFailed, ArchiveOptions, ArchiveRun } from "./options.js"
import { askPlaces } from "./places.js"
import { refuseUnable, refuseUnfit, refuseUnknown } from "./refusals.js"
import { UnsettledError } from "./settle.js"
import { overKeep } from "./why.js"

/** Throws `busy`, `privilege`, `config` without a key, `not-found`, `usage`; `cancelled` when it was stopped. What was archived by then stays so. */
export function createArchives(target: ConnectionTarget, options: ArchiveOptions): Promise<ArchiveRun> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  refuseUnfit(options)
  return withClient(target, async (client) => {
    await readRecipients(options.recipients ?? [])
    const wants = { calls: "archive_places", nothing: "nothing was archived", key: options.key, reads: true }
    await refuseUnable(client, { ...wants, readOnly: options.dryRun === true })
    if (options.organization !== undefined) await refuseUnknown(client, options.organization)
    await lock(client)
    // It does nothing itself while a partition is read and written, and must keep its lock.
    await client.query(
      "select set_config('lock_timeout', $1, false), set_config('idle_session_timeout', '0', false)",
      [`${options.patienceMs ?? 30_000}ms`],
    )
    const run = new Run(target, client, options, key)
    try {
      return await run.all(await archiveJobs(client, options))
    } catch (error) {
      throw partly(error, run.partitions, options)
    } finally {
      await run.close()
    }
  })
}

class Run {
  readonly partitions: ArchivedPartition[] = []
  readonly #failed: ArchiveFailed[] = []
  readonly #stores = new Map<string, Store>()
  readonly #target: ConnectionTarget
  readonly #client: Client
  readonly #options: ArchiveOptions
  readonly #key: SigningKey | undefined
  /** Failures that were noted before, and are still. */
  #known: readonly NotedFailure[] = []
  /** Those that failed before, and were done elsewhere meanwhile. */
  readonly #answered = new Set<ArchiveJob>()
  /** Places that cannot be reached: each further try would wait for nothing. */
  readonly #away = new Map<string, string>()

  constructor(
    target: ConnectionTarget,
    client: Client,
    options: ArchiveOptions,
    key: SigningKey | undefined,
  ) {
    this.#target = target
    this.#client = client
    this.#options = options
    this.#key = key
  }

  async all(jobs: readonly ArchiveJob[]): Promise<ArchiveRun> {
    const { maxPartitions, maxSeconds, signal } = this.#options
    const startedAt = await clock(this.#client)
    const began = performance.now()
    this.#known = await archiveFailures(this.#client)
    // A place that this run was told and that is not there is a mistake of the line; of what failed before, one more failure.
    await lookAt(await this.#store(this.#options.to))
    let left = jobs.length
    for (const job of jobs) {
      signal?.throwIfAborted()
      const isLate = maxSeconds !== undefined && performance.now() - began >= maxSeconds * 1000
      const archived = this.partitions.filter(({ method }) => method !== "none").length
      if (isLate || (maxPartitions !== undefined && archived >= maxPartitions)) break
      if (!this.#answered.has(job)) await this.#one(job, jobs)
      left -= 1
    }
    const { partitions } = this
    return reportOf(this.#client, this.#options, { startedAt, left, jobs, partitions, failed: this.#failed })
  }

  /** One that cannot be archived must not keep the others from their turn. */
  async #one(job: ArchiveJob, jobs: readonly ArchiveJob[]): Promise<void> {
    const client = this.#client
    const options = this.#options
    options.progress?.(`${job.partition}: reading`)
    try {
      const reason = this.#away.get(job.location)
      if (reason !== undefined) {
        // Of what has nothing to archive there is no failure to note.
        if ((await askPlaces(client, job, await clock(client))).length === 0) return
        throw new TrailError("unreachable", reason)
      }
      const store = await this.#store(job.location)
      const done = await archivePartition(
        { target: this.#target, client, store, options, key: this.#key },
        job,
      )
      const counts = [done.events, done.held, done.unsound, done.fresh]
      if (counts.some((count) => count !== "0")) this.partitions.push(done)
      if (options.dryRun !== true && done.unsound !== "0") await this.#note(job, unsound(done.unsound))
      else if (done.archive !== null || !(await this.#isOver(job))) await this.#forget(job, jobs)
    } catch (error) {
      const known = toTrailError(error)
      if (!(known instanceof TrailError)) throw known
      if (isGone(known)) {
        await this.#forget(job, jobs)
        return
      }
      if (options.signal?.aborted === true || (await this.#ends(known))) throw known
      if (known.code === "unreachable" || known.code === "authentication")
        this.#away.set(job.location, known.message)
      this.#failed.push({ partition: job.partition, location: job.location, message: known.message })
      if (options.dryRun !== true) await this.#note(job, known.message)
    }
  }

  /** Another place may be tried yet by this same run. */
  async #note(job: ArchiveJob, reason: string): Promise<void> {
    await noteFailure(this.#client, job, reason)
    this.#known = [...this.#known.filter((one) => keyOf(one) !== keyOf(job)), { ...job, original: job }]
  }

  /** What failed of it before, wherever it was to go: it is archived now. */
  async #forget(job: ArchiveJob, jobs: readonly ArchiveJob[]): Promise<void> {
    const answered = this.#known.filter((failure) => isAnswered(failure, job))
    for (const failure of answered) {
      if (this.#options.dryRun !== true) await forgetFailure(this.#client, failure)
      for (const later of jobs)
        if (later !== job && keyOf(later) === keyOf(failure)) this.#answered.add(later)
    }
    this.#known = this.#known.filter((failure) => !answered.includes(failure))
  }

  /** Whether it was to be archived, never was, and retention is to purge it now: then the note tells so until it has. */
  async #isOver({ due, partition, organization }: ArchiveJob): Promise<boolean> {
    if (!due || !this.#known.some((failure) => failure.partition === partition)) return false
    return ((await overKeep(this.#client, partition, organization)) ?? 0n) > 0n
  }

  /** The store may have lost a connection of its own. */
  async #ends({ code }: TrailError): Promise<boolean> {
    if (code !== "connection-lost") return ends.has(code)
    return this.#client.query("select 1").then(
      () => false,
      () => true,
    )
  }

  async #store(location: string): Promise<Store> {
    const there = this.#stores.get(location)
    if (there !== undefined) return there
    const store = await openPlace(this.#target, location, this.#options.store)
    this.#stores.set(location, store)
    return store
  }

  async close(): Promise<void> {
    for (const store of this.#stores.values()) await store.close().catch(() => undefined)
  }
}

/** What no other partition could do either. */
const ends: ReadonlySet<string> = new Set(["cancelled", "not-installed"])

const keyOf = ({ partition, location }: { readonly partition: string; readonly location: string }): string =>
  `${location} ${partition}`

const unsound = (events: string): string =>
  `${plural(events, "event")} ${events === "1" ? "does" : "do"} not verify: evidence, which stays in the table`

/** Somebody dropped it meanwhile, or since it failed. */
const isGone = ({ code, sqlstate, message }: TrailError): boolean =>
  (sqlstate === "42P01" || code === "not-found") && message.startsWith("there is no partition")

function partly(
  error: unknown,
  partitions: readonly ArchivedPartition[],
  { signal }: ArchiveOptions,
): unknown {
  const acts = partitions.flatMap(({ act }) => (act === null ? [] : [act]))
  const events = partitions.reduce((total, one) => total + BigInt(one.events), 0n)
  const rest =
    acts.length === 0
      ? "nothing was archived"
      : `${plural(String(events), "event")} archived before, by ${actsOf(acts)}`
  if (signal?.aborted === true || (error instanceof Error && error.name === "AbortError")) {
    return new TrailError("cancelled", "stopped before the end", {
      hint: `${rest}; run it again for the rest`,
      cause: error,
    })
  }
  const known = toTrailError(error)
  if (!(known instanceof TrailError)) return known
  const own =
    known.code === "connection-lost" && acts.length > 0 && !(known instanceof UnsettledError)
      ? undefined
      : known.hint
  const done = acts.length === 0 && own !== undefined ? undefined : `${rest}; run it again for the rest`
  const hint = [own, done].filter(Boolean).join("; ")
  return new TrailError(known.code, known.message, { hint, sqlstate: known.sqlstate, cause: error })
}
