// What all commands that change partitions have in common: who may, one at a time, patience, and running again what others got in the way of.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { schemaState } from "../migrate/state.js"
import { near } from "../near.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"

export interface ChangeOptions {
  /** Milliseconds to wait for a moment in which nobody reads or writes the partitions. Default 30,000. */
  readonly patienceMs?: number | undefined
  /** Changes nothing, and tells what would. */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with what is being done. */
  readonly progress?: ((doing: string) => void) | undefined
}

export interface Partition {
  readonly name: string
  readonly since: string
  readonly until: string
  readonly isDefault: boolean
  readonly attached: boolean
  /** Today is in it. */
  readonly isCurrent: boolean
  readonly bytes: string
}

/** Held by the session that makes partitions; sql/README.md lists these numbers. */
const lockSql = "pg_try_advisory_lock(1885828210, -7)"

/** Throws where the log or this role cannot do it. `needs` is the function that does it, as regprocedure reads it. */
export async function refuseUnable(
  client: Client,
  needs: string,
  { patienceMs = 30_000 }: Pick<ChangeOptions, "patienceMs">,
  readOnly = false,
): Promise<void> {
  // Also what only looks waits for somebody who has locked a partition against everybody.
  await client.query("select set_config('lock_timeout', $1, false)", [`${patienceMs}ms`])
  const state = await schemaState(client)
  if (!state.installed || state.migrations.some((migration) => migration.state === "pending")) {
    throw new TrailError(
      state.installed ? "pending-migration" : "not-installed",
      state.installed
        ? "a migration is pending: no partition was changed"
        : "pgtrail is not installed in this database",
      { hint: state.installed ? "pgtrail migrate up" : "pgtrail install" },
    )
  }
  await refuseForeignFunctions(client)
  const { rows } = await client.query<{ standby: string; may: string }>(
    "select pg_is_in_recovery() as standby, has_function_privilege($1, 'execute') as may",
    [needs],
  )
  if (rows[0]?.may !== "t") {
    throw new TrailError("privilege", "this role may not change partitions: that takes an operator", {
      hint: "nothing was changed; grant pgtrail_operator to the role of this connection: pgtrail grant operator ROLE",
    })
  }
  if (!readOnly && rows[0]?.standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: "nothing was changed; connect to the primary",
    })
  }
}

/** Alone, but for a dry run. The lock goes before the connection does: who comes next must not meet a session that is ending. */
export async function alone<T>(client: Client, dryRun: boolean, work: () => Promise<T>): Promise<T> {
  if (dryRun) return work()
  await lock(client)
  try {
    return await work()
  } finally {
    await client.query("select pg_advisory_unlock(1885828210, -7)").catch(() => undefined)
  }
}

async function lock(client: Client): Promise<void> {
  const { rows } = await client.query<{ locked: string }>(`select ${lockSql} as locked`)
  if (rows[0]?.locked === "t") return
  const { rows: holders } = await client.query<{ holder: string }>(
    `select format('process %s (%s)', a.pid, concat_ws(', ', a.usename, nullif(a.application_name, ''))) as holder
     from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = 1885828210 and l.objid::bigint = 4294967289
       and l.database = (select d.oid from pg_database d where d.datname = current_database())`,
  )
  const who = holders[0] === undefined ? "" : `: ${holders[0].holder}`
  throw new TrailError("busy", `another run is changing the partitions of this log${who}`, {
    hint: "nothing was changed; wait until it is done, and run it again: pgtrail partition list",
  })
}

/** As interval text: a name in a message is `00:00:30`. */
export const patienceOf = ({ patienceMs }: ChangeOptions): string => `${patienceMs ?? 30_000} milliseconds`

const mostAttempts = 5

/** What was decided or arrived meanwhile makes the server refuse: then the same is done again, on what there is now. */
export async function retried<T>({ signal, progress }: ChangeOptions, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      const known = toTrailError(error)
      const again = known instanceof TrailError && (known.sqlstate === "40001" || known.sqlstate === "40P01")
      if (!again || attempt === mostAttempts) throw error
      progress?.(`${known.message}: once more`)
    }
  }
}

/** In a transaction, that in a dry run is rolled back: what the server would refuse then, it refuses now. */
export async function inTransaction<T>(client: Client, dryRun: boolean, work: () => Promise<T>): Promise<T> {
  await client.query("begin isolation level read committed; set local synchronous_commit = on")
  try {
    const result = await work()
    await client.query(dryRun ? "rollback" : "commit")
    return result
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

/** One partition by its name. Throws `not-found`. */
export async function find(client: Client, name: string): Promise<Partition> {
  const { rows } = await client.query<Record<string, string>>(
    `select p.name, p.since, p.until, p.is_default, p.attached, p.since <= now() and now() < p.until and not p.is_default as is_current,
       pg_total_relation_size(p.oid) as bytes, p.name = $1 as is_it
     from pgtrail.partitions() p order by p.name = $1 desc, p.name`,
    [name],
  )
  const [row] = rows
  if (row?.is_it === "t") {
    return {
      name: row.name ?? "",
      since: writeTime(row.since ?? ""),
      until: writeTime(row.until ?? ""),
      isDefault: row.is_default === "t",
      attached: row.attached === "t",
      isCurrent: row.is_current === "t",
      bytes: row.bytes ?? "0",
    }
  }
  // One that differs in its digits is another month, and nobody's slip to be told of: what is meant must not be guessed of what removes events.
  const letters = name.replaceAll(/\d+/g, "")
  const [meant] = near(
    name,
    rows.map((other) => other.name ?? "").filter((other) => other.replaceAll(/\d+/g, "") !== letters),
    1,
  )
  throw new TrailError("not-found", `there is no partition ${JSON.stringify(name)}`, {
    hint: `nothing was changed; ${meant === undefined ? "pgtrail partition list" : `did you mean ${meant}?`}`,
  })
}
