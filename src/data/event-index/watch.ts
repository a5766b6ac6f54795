// Says from a session of its own how far the building of indexes is and whom it waits for, and cancels it when it is to stop: a
// connection that is merely cut would let the server build on.
import { setTimeout as pause } from "node:timers/promises"
import type { Client } from "pg"
import { plural, visible } from "../words.js"
import type { IndexOptions } from "./change.js"

/** Milliseconds between two looks. */
const interval = 500

export interface Watch {
  begin(pid: number, partition: string): void
  end(pid: number): void
  /** The session that was last seen to be waited for. */
  holder(): string | undefined
  stop(): Promise<void>
}

interface Row {
  readonly pid: string
  readonly phase: string | null
  readonly percent: string | null
  readonly holder: string | null
  readonly role: string | null
  readonly application: string | null
  readonly seconds: string | null
}

const query = `
select w.pid, p.phase, case when p.blocks_total > 0 then 100 * p.blocks_done / p.blocks_total end as percent,
  b.pid as holder, b.usename as role, b.application_name as application,
  extract(epoch from clock_timestamp() - b.xact_start)::bigint as seconds
from unnest($1::int[]) w (pid)
left join pg_stat_progress_create_index p on p.pid = w.pid
left join lateral (
  select a.pid, a.usename, a.application_name, a.xact_start from pg_stat_activity a where a.pid = any (pg_blocking_pids(w.pid)) limit 1
) b on true`

export function watch(
  client: Client,
  { signal, progress }: Pick<IndexOptions, "signal" | "progress">,
  sofar: () => string,
): Watch {
  const working = new Map<number, string>()
  const ended = new AbortController()
  let waited: string | undefined

  async function look(): Promise<void> {
    const pids = [...working.keys()]
    if (pids.length === 0) return
    if (signal?.aborted === true) {
      await client.query("select pg_cancel_backend(pid) from unnest($1::int[]) w (pid)", [pids])
      return
    }
    const { rows } = await client.query<Row>(query, [pids])
    const doing = rows.map((row) => {
      const holder = holderOf(row)
      if (holder !== undefined) waited = holder
      const percent = row.percent === null ? "" : ` ${row.percent} %`
      const what = holder === undefined ? `${row.phase ?? ""}${percent}` : `waits for ${holder}`
      return `${working.get(Number(row.pid)) ?? ""} ${what}`.trim()
    })
    progress?.([sofar(), ...doing].join("; "))
  }

  async function loop(): Promise<void> {
    while (!ended.signal.aborted) {
      // The work goes on without its watcher, and says itself what fails.
      await look().catch(() => undefined)
      const wake =
        signal === undefined || signal.aborted ? ended.signal : AbortSignal.any([ended.signal, signal])
      await pause(interval, undefined, { signal: wake }).catch(() => undefined)
    }
  }
  const looping = loop()

  return {
    begin: (pid, partition) => working.set(pid, partition),
    end: (pid) => working.delete(pid),
    holder: () => waited,
    async stop() {
      ended.abort()
      await looping
    },
  }
}

function holderOf({ holder, role, application, seconds }: Row): string | undefined {
  if (holder === null) return undefined
  const who = [role, application]
    .filter((name) => name !== null && name !== "")
    .map((name) => visible(name ?? ""))
  const since = seconds === null ? "" : `, ${plural(seconds, "second")} old`
  return `the transaction of session ${holder} (${who.join(", ")}${since})`
}
