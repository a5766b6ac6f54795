// Adds or drops a kind of index on every partition, one run at a time. A run that was stopped goes on when it is started again.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import type { IndexKind } from "./kinds.js"
import { type Change, type Plan, plan, script } from "./plan.js"
import { takeSteps } from "./steps.js"

export interface IndexOptions {
  /** Plans, and changes nothing. */
  readonly dryRun?: boolean | undefined
  /** Partitions at once. */
  readonly jobs?: number | undefined
  /** Milliseconds that a statement may wait for a lock, or for transactions that were there before it. Without it, as long as they take. */
  readonly lockTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface IndexChanges {
  readonly kind: IndexKind
  readonly dry_run: boolean
  /** Partitions of the log. */
  readonly partitions: string
  /** Those that something was done to, or would be; with two indexes, a partition stands here twice. */
  readonly changed: readonly { readonly partition: string; readonly index: string }[]
}

/** Held by the session for as long as it works; sql/README.md lists these numbers. */
const indexLock = "pg_try_advisory_lock(1885828210, -6)"

/** The SQL that `changeIndexes` would run now; empty where there is nothing to do. */
export async function changeIndexesSql(
  target: ConnectionTarget,
  kind: IndexKind,
  change: Change,
): Promise<string> {
  return withClient(target, async (client) => {
    const owner = await ownerToBe(client)
    return script(kind, change, await planAs(owner, client, kind, change), owner)
  })
}

/** Throws `busy`, `config` where an extension is missing, `privilege`, `lock-timeout`, `cancelled`. */
export async function changeIndexes(
  target: ConnectionTarget,
  kind: IndexKind,
  change: Change,
  options: IndexOptions = {},
): Promise<IndexChanges> {
  return withClient(target, async (client) => {
    const owner = await ownerToBe(client)
    if (options.dryRun !== true) await lock(client)
    const { partitions, steps } = await planAs(owner, client, kind, change)
    const changed =
      options.dryRun === true ? steps : await takeSteps(target, client, { kind, steps, owner, options })
    return {
      kind,
      dry_run: options.dryRun === true,
      partitions: String(partitions),
      changed: changed.flatMap(({ partition, indexes }) => indexes.map((index) => ({ partition, index }))),
    }
  })
}

/** The role to become, where the session's own must not simply act as the owner of the log. */
async function ownerToBe(client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ owner: string; acts: string; may: string; standby: string }>(
    `select quote_ident(o.rolname) as owner, pg_has_role(o.oid, 'usage') as acts, pg_has_role(o.oid, 'member') as may,
       pg_is_in_recovery() as standby
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
     where n.nspname = 'pgtrail' and c.relname = 'event'`,
  )
  const [found] = rows
  // Where there is no log, the plan says so.
  if (found === undefined) return undefined
  const { owner, acts, may, standby } = found
  if (standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: "nothing was changed; connect to the primary",
    })
  }
  if (acts === "t") return undefined
  if (may === "t") return owner
  throw new TrailError("privilege", "this role may not change the indexes of the log", {
    hint: `nothing was changed; connect as the role that installed the log, or as a member of ${owner}`,
  })
}

/** As himself again a role may cancel what he has begun in other sessions, and not as the owner. */
async function planAs(
  owner: string | undefined,
  client: Client,
  kind: IndexKind,
  change: Change,
): Promise<Plan> {
  if (owner === undefined) return plan(client, kind, change)
  await client.query(`set role ${owner}`)
  const planned = await plan(client, kind, change)
  await client.query("reset role")
  return planned
}

async function lock(client: Client): Promise<void> {
  const { rows } = await client.query<{ locked: string }>(`select ${indexLock} as locked`)
  if (rows[0]?.locked === "t") return
  throw new TrailError("busy", "another run is changing the indexes of this log", {
    hint: "nothing was changed; wait until it is done, and run it again: pgtrail index list",
  })
}
