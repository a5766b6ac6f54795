// Purges what is expired of one partition, by as many acts as it takes, each a transaction of its own.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import type { SigningKey } from "../checkpoint/note.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import { grouped } from "../words.js"
import type { PurgedPartition, PurgeMethod, RetentionRunOptions } from "./run-options.js"
import { policiesOf, summed, unarchivedOf } from "./run-policies.js"

export interface Work {
  readonly client: Client
  readonly options: RetentionRunOptions
  readonly key: SigningKey | undefined
  /** The row of this run; null in a dry run. */
  readonly run: string | null
  /** Events that it may still purge. */
  readonly room: bigint | undefined
  isOver(): boolean
  /** The findings that its acts shall name, where it purges despite them. */
  findings(): Promise<readonly string[]>
}

type Answer = Record<"events" | "held" | "unsound" | "remaining" | "bytes_freed" | "fresh", string> & {
  readonly seq: string | null
  readonly method: PurgeMethod
  readonly fresh_until: string | null
  /** JSON, as in the act. */
  readonly policies: string | null
}

/** What went before it failed stays gone; then it throws with that in `done`. */
export class PartitionFailure extends Error {
  readonly done: PurgedPartition
  constructor(done: PurgedPartition, cause: unknown) {
    super("a partition was not purged", { cause })
    this.done = done
  }
}

export async function purgePartition(work: Work, name: string): Promise<PurgedPartition> {
  let done = begun(name)
  let override: readonly string[] | null = null
  try {
    for (;;) {
      const room = work.room === undefined ? undefined : work.room - BigInt(done.events)
      const answer = await retried(work, () => purgeOnce(work, name, room, override))
      // A dry run asks twice about the same events where it would purge despite findings.
      const before = work.options.dryRun === true ? begun(name) : done
      done = added(before, answer)
      const unarchived = await unarchivedOf(work.client, name, answer.policies)
      done = { ...done, unarchived: sum(before.unarchived, unarchived) }
      work.options.progress?.(`${name}: ${grouped(done.events)} events purged`)
      const isRowWise = answer.remaining !== "0" && answer.events !== "0"
      const isFull = work.room !== undefined && BigInt(done.events) >= work.room
      if (isRowWise && !isFull && !work.isOver() && work.options.dryRun !== true) continue
      if (answer.remaining !== "0" || answer.unsound === "0" || override !== null) return done
      if (work.options.despiteFindings !== true || isFull) return done
      const found = await work.findings()
      if (found.length === 0) return done
      override = found
    }
  } catch (error) {
    throw new PartitionFailure(done, error)
  }
}

const begun = (name: string): PurgedPartition => ({
  name,
  method: "none",
  events: "0",
  held: "0",
  unsound: "0",
  remaining: "0",
  fresh: "0",
  fresh_until: null,
  bytes_freed: "0",
  acts: [],
  policies: [],
  unarchived: "0",
})

function added(done: PurgedPartition, answer: Answer): PurgedPartition {
  return {
    ...done,
    method: answer.method === "none" ? done.method : answer.method,
    events: sum(done.events, answer.events),
    held: answer.held,
    unsound: answer.unsound,
    remaining: answer.remaining,
    fresh: answer.fresh,
    fresh_until: writeTime(answer.fresh_until),
    bytes_freed: sum(done.bytes_freed, answer.bytes_freed),
    acts: answer.seq === null ? done.acts : [...done.acts, answer.seq],
    policies: summed([...done.policies, ...policiesOf(answer.policies)]),
  }
}

const sum = (a: string, b: string): string => String(BigInt(a) + BigInt(b))

async function purgeOnce(
  { client, options, key, run }: Work,
  name: string,
  room: bigint | undefined,
  override: readonly string[] | null,
): Promise<Answer> {
  const purge = async (): Promise<Answer> => {
    const { rows } = await client.query<Answer>(
      `select seq, events, method, held, unsound, remaining, bytes_freed, fresh, fresh_until, policies
       from pgtrail.purge_partition($1, 'retention', $2, most => $3, patience => $4::interval, requested_by => $5, override => $6::text[],
         portion => $7, dry_run => $8)`,
      [
        name,
        options.organization ?? null,
        room === undefined ? null : String(room),
        `${options.patienceMs ?? 30_000} milliseconds`,
        options.requestedBy ?? null,
        override,
        options.batchSize ?? 100_000,
        options.dryRun === true,
      ],
    )
    const [answer] = rows
    if (answer === undefined) throw new Error("pgtrail.purge_partition returned nothing")
    return answer
  }
  if (options.dryRun === true) return withTransaction(client, "begin isolation level read committed", purge)
  let answer: Answer | undefined
  await performAct(client, key, async () => {
    answer = await purge()
    // In the same transaction: what the run's row tells is what was done, wherever it is killed.
    await client.query(
      `update pgtrail.retention_run r set acts = r.acts || $2::bigint[], events = r.events + $3::bigint,
         bytes_freed = r.bytes_freed + $4::bigint where r.run_id = $1`,
      [run, answer.seq === null ? [] : [answer.seq], answer.events, answer.bytes_freed],
    )
    return answer.seq
  })
  if (answer === undefined) throw new Error("nothing was asked of the partition")
  return answer
}

const mostAttempts = 5

/** What was decided or arrived meanwhile makes the server refuse: then it is judged again, on what there is now. */
async function retried<T>({ options }: Work, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      const known = toTrailError(error)
      const again =
        known instanceof TrailError &&
        ["40001", "40P01", "TR013", "42P01"].includes(known.sqlstate ?? "") &&
        !isGone(known)
      if (!again || attempt === mostAttempts) throw error
      options.progress?.(`${known.message}: once more`)
      await new Promise((go) => setTimeout(go, 50 * 2 ** attempt * (0.5 + Math.random())))
    }
  }
}

/** Somebody dropped the partition meanwhile. */
export const isGone = ({ sqlstate, message }: TrailError): boolean =>
  sqlstate === "42P01" && message.startsWith("there is no partition")
