// Verifies a log: acts first, then the catalog, then every chain from genesis to head, each event hashed here and not in the server.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { schemaState } from "../install.js"
import { checkActs } from "./acts.js"
import { checkCatalog } from "./catalog.js"
import { checkChains } from "./check-chains.js"
import { type Finding, Findings, type Verdict, verdictOf } from "./finding.js"
import { readHeads } from "./heads.js"
import { createParts } from "./parts.js"
import { checkRange } from "./range.js"
import { recordVerification } from "./record.js"

export interface VerifyOptions {
  readonly organization?: string
  /** Events that occurred at or after this time; anything PostgreSQL reads as timestamptz. */
  readonly since?: string
  /** Events that occurred before this time. */
  readonly until?: string
  /** Connections that read at once. Default 2. */
  readonly jobs?: number
  /** Whether to record the verification as an act, where the role may. Default true. */
  readonly record?: boolean
  readonly signal?: AbortSignal
  /** Called now and then with the events read so far. */
  readonly progress?: (events: number) => void
}

export interface VerifyReport {
  readonly schema: "pgtrail.verify/1"
  readonly verdict: Verdict
  readonly requested: {
    readonly organization: string | null
    readonly since: string | null
    readonly until: string | null
  }
  /** Counts, as strings of digits. */
  readonly covered: {
    readonly chains: string
    readonly events: string
    readonly purged: string
    readonly redacted: string
    readonly archived: string
  }
  readonly findings: readonly Finding[]
  /** All findings, of which the list has the first 10,000. */
  readonly findings_total: string
  /** What could not be read, beside the tampering that was found. */
  readonly unread: readonly string[]
  /** seq of the act that records this verification; null where it was not recorded. */
  readonly act: string | null
  /** Why it was not recorded, where it should have been. */
  readonly not_recorded: string | null
}

const attempts = 3

export async function verify(target: ConnectionTarget, options: VerifyOptions = {}): Promise<VerifyReport> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(target, (client) => verifyOnce(client, target, options))
    } catch (error) {
      // A partition was dropped while it waited its turn: what that took away is judged on a fresh snapshot.
      const dropped = error instanceof TrailError && error.sqlstate === "42P01"
      if (!dropped || attempt === attempts) throw asFailure(error)
    }
  }
}

/** What the server says of a value is not about an event that somebody appends here. */
function asFailure(error: unknown): unknown {
  if (!(error instanceof TrailError) || error.code !== "bad-event") return error
  return new TrailError("server", error.message, { sqlstate: error.sqlstate, cause: error })
}

async function verifyOnce(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const schema = await schemaState(client)
  if (!schema.installed) {
    throw new TrailError("not-installed", "pgtrail is not installed in this database", {
      hint: "pgtrail install",
    })
  }
  const pending = schema.migrations.find((migration) => migration.state === "pending")
  if (pending !== undefined) {
    throw new TrailError(
      "pending-migration",
      `migration ${pending.number}_${pending.name} is pending: nothing was checked`,
      { hint: "pgtrail migrate up" },
    )
  }
  const findings = new Findings()
  for (const { number, name, state } of schema.migrations) {
    if (state !== "changed") continue
    const message = `pgtrail.migration: ${number}_${name} has another checksum than the migration of this pgtrail`
    findings.add({ kind: "catalog_changed", group: "object", message })
  }
  await client.query("begin isolation level repeatable read read only")
  // Before the first savepoint: a subtransaction cannot export one.
  const exported = await client.query<{ snapshot: string }>("select pg_export_snapshot() as snapshot")
  const parts = createParts(client, findings)
  const logId = await parts.run("pgtrail.log", () => readLogId(client, findings))
  const acts = await parts.run("the acts", () => checkActs(client, logId, findings))
  await parts.run("the catalog", () => checkCatalog(client, acts?.catalogDigest, findings))
  const heads =
    (await parts.run("the heads", () => readHeads(client, logId, options.organization, findings))) ??
    new Map()
  const wholeLog =
    options.organization === undefined && options.since === undefined && options.until === undefined
  const ranged = options.since !== undefined || options.until !== undefined
  const snapshot = exported.rows[0]?.snapshot ?? ""
  const known = { logId, snapshot, heads, verifiedHeads: acts?.verifiedHeads ?? [] }
  const covered = (await parts.run("the events", () =>
    ranged
      ? checkRange(client, target, options, known, findings)
      : checkChains(client, target, options, known, findings),
  )) ?? { chains: 0, events: 0, redacted: 0 }
  await client.query("commit").catch(() => undefined)

  const verdict = verdictOf(findings.list, covered.events > 0)
  // Tampering that was found is told, whatever else could not be read; without any, not to have looked is no verdict.
  if (parts.failures.length > 0 && verdict !== "tampered") throw parts.failures[0]?.error
  const report = {
    schema: "pgtrail.verify/1" as const,
    verdict,
    requested: {
      organization: options.organization ?? null,
      since: options.since ?? null,
      until: options.until ?? null,
    },
    covered: {
      chains: String(covered.chains),
      events: String(covered.events),
      purged: "0",
      redacted: String(covered.redacted),
      archived: "0",
    },
    findings: findings.list,
    findings_total: String(findings.total),
    unread: parts.failures.map(({ part, error }) => `${part}: ${error.message}`),
  }
  if (options.record === false) return { ...report, act: null, not_recorded: null }
  const whole = wholeLog && verdict === "intact"
  return { ...report, ...(await recordVerification(client, report, whole ? [...heads.values()] : undefined)) }
}

/** The identity of the log; without it no genesis can be computed, and every chain is found altered. */
async function readLogId(client: Client, findings: Findings): Promise<string | undefined> {
  const { rows } = await client.query<{ log_id: string }>(
    "select log_id from pgtrail.log order by created_at",
  )
  if (rows.length !== 1) {
    const message = `pgtrail.log has ${rows.length} rows instead of one: the identity of the log is lost`
    findings.add({ kind: "act_altered", group: "object", message })
  }
  return rows[0]?.log_id
}
