// Carries out what was planned, several partitions at once if wanted, each statement alone: CONCURRENTLY takes no transaction.
import type { Client } from "pg"
import { type ConnectionTarget, connect } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { plural } from "../words.js"
import type { IndexOptions } from "./change.js"
import type { IndexKind } from "./kinds.js"
import type { Step } from "./plan.js"
import { type Watch, watch } from "./watch.js"

export interface Job {
  readonly kind: IndexKind
  readonly steps: readonly Step[]
  /** The role to become. */
  readonly owner: string | undefined
  readonly options: IndexOptions
}

/** The steps that were taken; a partition that went away meanwhile needs none. */
export async function takeSteps(target: ConnectionTarget, watcher: Client, job: Job): Promise<Step[]> {
  const { steps, options } = job
  const left = [...steps]
  const taken = new Set<Step>()
  let failure: { readonly error: unknown; readonly step: Step | undefined } | undefined
  const watching = watch(watcher, options, () => `${job.kind}: ${taken.size} of ${steps.length} partitions`)
  const work = async (): Promise<void> => {
    let step: Step | undefined
    try {
      const client = await connect(target)
      try {
        await prepare(client, job)
        while (failure === undefined) {
          options.signal?.throwIfAborted()
          step = left.shift()
          if (step === undefined) return
          if (await takeStep(client, step, watching)) taken.add(step)
        }
      } finally {
        await client.end().catch(() => undefined)
      }
    } catch (error) {
      failure ??= { error, step }
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.jobs ?? 1, steps.length) }, work))
  await watching.stop()
  if (failure !== undefined) {
    throw partly(failure.error, failure.step, {
      done: taken.size,
      all: steps.length,
      holder: watching.holder(),
      isStopped: options.signal?.aborted === true,
    })
  }
  return steps.filter((step) => taken.has(step))
}

async function prepare(client: Client, { owner, options }: Job): Promise<void> {
  if (owner !== undefined) await client.query(`set role ${owner}`)
  await client.query(`set lock_timeout = ${Math.trunc(options.lockTimeoutMs ?? 0)}`)
}

/** False where the partition is there no more. */
async function takeStep(client: Client, step: Step, watching: Watch): Promise<boolean> {
  const { processID } = client as unknown as { processID: number }
  watching.begin(processID, step.partition)
  try {
    for (const statement of step.statements) await client.query(statement)
    return true
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "42P01")) throw error
    const { rows } = await client.query<{ gone: string }>("select to_regclass($1) is null as gone", [
      step.partition,
    ])
    if (rows[0]?.gone !== "t") throw error
    return false
  } finally {
    watching.end(processID)
  }
}

interface Progress {
  readonly done: number
  readonly all: number
  /** Who was waited for last. */
  readonly holder: string | undefined
  readonly isStopped: boolean
}

/** What was done before it failed stays done. */
function partly(cause: unknown, step: Step | undefined, progress: Progress): unknown {
  const { done, all, holder, isStopped } = progress
  const rest = `${done} of ${plural(all, "partition")} done, and no event was touched`
  const again = `${rest}; run it again: what was left half made is made anew`
  if (isStopped) return new TrailError("cancelled", "stopped", { hint: again, cause })
  const error = toTrailError(cause)
  if (!(error instanceof TrailError)) return error
  const where = step === undefined ? "" : `${step.partition}: `
  if (error.code === "lock-timeout") {
    const whom = holder === undefined ? "transactions that began before" : holder
    return new TrailError("lock-timeout", `${where}waited too long for ${whom}`, {
      hint: `${again}; wait longer with --lock-timeout`,
      sqlstate: error.sqlstate,
      cause,
    })
  }
  const hint = error.code === "privilege" && error.hint !== undefined ? `${rest}; ${error.hint}` : again
  return new TrailError(error.code, `${where}${error.message}`, { hint, sqlstate: error.sqlstate, cause })
}
