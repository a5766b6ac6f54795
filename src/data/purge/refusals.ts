// What a purge is refused for before anything is read: an option, a right, a confirmation, another run.
import type { Client } from "pg"
import { wantsSignatures } from "../act/perform.js"
import type { SigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { countHeld } from "../hold/count.js"
import { holds } from "../hold/hold.js"
import { schemaState } from "../migrate/state.js"
import { nearOrganization } from "../organization-known.js"
import { plural } from "../words.js"
import type { PurgeOptions } from "./options.js"

/** Held by the session for as long as it purges. */
const purgeLock = "pg_try_advisory_lock(1885828210, -3)"

export function refuseUnfit({ reason, maxRows, batchSize }: PurgeOptions): void {
  if (reason.trim() === "")
    throw new TrailError("usage", "a purge takes a reason", { hint: '--reason "why"' })
  for (const limit of [maxRows, batchSize]) {
    if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) continue
    throw new TrailError("usage", "the number of events to purge must be at least 1", {
      hint: "nothing was purged",
    })
  }
}

export async function refuseUnable(
  client: Client,
  key: SigningKey | undefined,
  { dryRun }: PurgeOptions,
): Promise<void> {
  const state = await schemaState(client)
  if (!state.installed || state.migrations.some((migration) => migration.state === "pending")) {
    throw new TrailError(
      state.installed ? "pending-migration" : "not-installed",
      state.installed
        ? "a migration is pending: nothing was purged"
        : "pgtrail is not installed in this database",
      { hint: state.installed ? "pgtrail migrate up" : "pgtrail install" },
    )
  }
  const { rows } = await client.query<{ standby: string; reads: string; purges: string }>(
    `select pg_is_in_recovery() as standby, has_table_privilege('pgtrail.event', 'select') as reads,
       has_function_privilege('pgtrail.purge_events(text,smallint[],bigint[],bigint[],bytea[],oid[],text,text,text[],bigint)', 'execute')
         as purges`,
  )
  const [able] = rows
  if (able?.reads !== "t" || able.purges !== "t") {
    throw new TrailError("privilege", "this role may not purge: that takes an operator who may also verify", {
      hint: "nothing was purged; grant pgtrail_operator and pgtrail_auditor to the role of this connection",
    })
  }
  if (dryRun === true) return
  if (able.standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: "nothing was purged; connect to the primary",
    })
  }
  if (key === undefined && (await wantsSignatures(client))) {
    throw new TrailError("config", "this log takes signed acts only, and no key was given", {
      hint: "nothing was purged; run it again with --key file:PATH",
    })
  }
}

export function refuseUnconfirmed(
  organization: string,
  events: bigint,
  lanes: number,
  { confirm, dryRun, maxRows }: PurgeOptions,
): void {
  if (dryRun === true || confirm === organization) return
  const count = maxRows !== undefined && BigInt(maxRows) < events ? BigInt(maxRows) : events
  const what = `${plural(String(count), "event")} of ${shell(organization)} in ${plural(lanes, "lane")}`
  throw new TrailError(
    "usage",
    confirm === undefined
      ? `this removes ${what} for ever`
      : `--confirm names ${shell(confirm)}, and this removes ${what} for ever`,
    {
      hint: `nothing was purged; look with --dry-run first, then run it again with --confirm ${shell(organization)}`,
    },
  )
}

const shell = (text: string): string => (/^[\w.@-]+$/.test(text) ? text : JSON.stringify(text))

/** Told before anything is verified; the server refuses it again, of holds that came since. */
export async function refuseHeld(
  client: Client,
  organization: string,
  { signal, progress }: PurgeOptions,
): Promise<void> {
  const named = (await holds(client)).filter(
    (hold) => (hold.organization_id ?? organization) === organization,
  )
  if (named.length === 0) return
  const cases = new Set<string>()
  const acts: string[] = []
  let events = 0n
  const count = async (of: readonly string[]): Promise<bigint> => {
    const { organizations } = await countHeld(client, of, { signal, progress })
    return BigInt(organizations.find((one) => one.organization_id === organization)?.events ?? "0")
  }
  for (const hold of named) {
    const counted = await count([hold.act])
    if (counted === 0n) continue
    cases.add(hold.case_id)
    acts.push(hold.act)
    events = counted
  }
  if (acts.length === 0) return
  // An event that several of them hold counts once.
  if (acts.length > 1) events = await count(acts)
  throw new TrailError(
    "held",
    `${plural(String(events), "event")} of ${shell(organization)} ${events === 1n ? "is" : "are"} under a legal hold: ${[...cases].join(", ")}`,
    { hint: "nothing was purged; pgtrail hold list says what is held, and pgtrail hold release ends it" },
  )
}

export async function lock(client: Client): Promise<void> {
  const { rows } = await client.query<{ locked: string }>(`select ${purgeLock} as locked`)
  if (rows[0]?.locked === "t") return
  throw new TrailError("busy", "another run is purging or archiving in this log", {
    hint: "nothing was done; wait until it is over, and run it again",
  })
}

/** `nothing`: what was not done; empty where nothing would have been. */
export async function unknown(
  client: Client,
  organization: string,
  nothing = "nothing was purged",
): Promise<TrailError> {
  const meant = await nearOrganization(client, organization)
  const next = meant === null ? "pgtrail organization list" : `did you mean ${shell(meant)}?`
  return new TrailError("not-found", `there is no organization ${shell(organization)}`, {
    hint: nothing === "" ? next : `${nothing}; ${next}`,
  })
}
