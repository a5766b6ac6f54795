// Reads tables and partitions over several connections at once, each file in a short transaction on the snapshot.
import type { Client } from "pg"
import { type ConnectionTarget, fixedTarget, withClient } from "../connection.js"
import { abortable } from "../export/abortable.js"
import { grouped } from "../words.js"
import type { BackupTable } from "./manifest.js"
import { ownSignal } from "./own-signal.js"
import type { Plan } from "./plan.js"
import { lockPatience } from "./relations.js"
import { type TableJob, writeTable } from "./write-table.js"

export interface Reading extends Omit<TableJob, "watch" | "counted" | "signal"> {
  readonly target: ConnectionTarget
  /** The connection that holds the snapshot, and has nothing else to do meanwhile. */
  readonly holder: Client
  /** That it has locked everything, and reads all by itself: others would wait behind those who wait for it. */
  readonly locked: boolean
  readonly silenceMs: number
  /** A file is about to be written. */
  readonly begun: (stem: string) => void
  readonly keep: (plan: Plan, table: BackupTable, runs: string | null) => Promise<void>
  readonly signal: AbortSignal | undefined
  readonly progress: ((doing: string) => void) | undefined
}

/** Throws what the first of them throws that fails; the others then end, and leave nothing half written. */
export async function readTables(plans: readonly Plan[], reading: Reading): Promise<void> {
  const { jobs, signal, progress } = reading
  // The largest first, so that the workers end together.
  const queue = [...plans].sort((a, b) => (a.relation.size < b.relation.size ? 1 : -1))
  const stopping = new AbortController()
  let [rows, files] = [0, 0]
  const tell = (): void => progress?.(`${grouped(rows)} rows, ${files} of ${plans.length} files`)
  const counted = (more: number): void => {
    rows += more
    tell()
  }
  const work = (client: Client): Promise<void> => {
    const either = ownSignal(signal, stopping.signal)
    return abortable(client, either, async () => {
      await client.query(lockPatience)
      const pid = await pidOf(client)
      const watch = { afterMs: reading.silenceMs, isAlive: () => isAlive(reading, pid) }
      const snapshot = reading.locked ? undefined : reading.snapshot
      const job: TableJob = { ...reading, snapshot, signal: either, watch, counted }
      for (let plan = queue.shift(); plan !== undefined; plan = queue.shift()) {
        await readOne(client, plan, job, reading)
        files += 1
        tell()
      }
    })
  }
  const failures: unknown[] = []
  const failed = (error: unknown): void => {
    failures.push(error)
    stopping.abort()
  }
  const target = fixedTarget(reading.target)
  await Promise.all(
    reading.locked
      ? [work(reading.holder).catch(failed)]
      : Array.from({ length: Math.min(jobs, queue.length) }, () => withClient(target, work).catch(failed)),
  )
  signal?.throwIfAborted()
  if (failures.length > 0) throw failures[0]
}

async function readOne(client: Client, plan: Plan, job: TableJob, { begun, keep }: Reading): Promise<void> {
  const { relation, stem, state } = plan
  const { name, kind, since, until, columns } = relation
  begun(stem)
  const { rows, file, runs } = await writeTable(client, relation, stem, job)
  await keep(plan, { name, kind, since, until, columns, rows, file, state, taken_over: null }, runs)
}

async function pidOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ pid: string }>("select pg_backend_pid() as pid")
  return rows[0]?.pid ?? ""
}

/** Whether the server still has something to send to that session, and is not waiting for somebody who takes it. */
async function isAlive({ holder, locked, target, silenceMs }: Reading, pid: string): Promise<boolean> {
  const ask = (client: Client) =>
    client.query<{ works: string }>(
      `select a.state = 'active' and a.wait_event is distinct from 'ClientWrite' as works
       from (select pg_stat_clear_snapshot()) fresh, pg_stat_activity a where a.pid = $1`,
      [pid],
    )
  const asked = locked ? withClient(fixedTarget(target), ask) : ask(holder)
  asked.catch(() => undefined)
  const answer = await Promise.race([asked, after(silenceMs)])
  return answer?.rows[0]?.works === "t"
}

const after = (milliseconds: number): Promise<undefined> =>
  new Promise((done) => {
    setTimeout(() => done(undefined), milliseconds).unref()
  })
