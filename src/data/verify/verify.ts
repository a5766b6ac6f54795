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
  /** seq of the act that records this verification; null where it was not recorded. */
  readonly act: string | null
}

const attempts = 3

export async function verify(target: ConnectionTarget, options: VerifyOptions = {}): Promise<VerifyReport> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(target, (client) => verifyOnce(client, target, options))
    } catch (error) {
      // A partition was dropped while it waited its turn: what that took away is judged on a fresh snapshot.
      const dropped =
        error instanceof TrailError && (error.sqlstate === "42P01" || error.sqlstate === "XX000")
      if (!dropped || attempt === attempts) throw error
    }
  }
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
  const pending = schema.migrations.find((migration) => migration.state !== "applied")
  if (pending !== undefined) {
    throw new TrailError(
      "pending-migration",
      `migration ${pending.number}_${pending.name} is ${pending.state}: nothing was checked`,
      {
        hint: "pgtrail migrate up",
      },
    )
  }
  const findings = new Findings()
  await client.query("begin isolation level repeatable read read only")
  const logs = await client.query<{ log_id: string }>("select log_id from pgtrail.log")
  const logId = logs.rows[0]?.log_id
  if (logId === undefined || logs.rows.length > 1) {
    throw new TrailError("server", "pgtrail.log must have exactly one row: the identity of the log is lost", {
      hint: "nothing was checked; restore the row from a backup",
    })
  }
  const acts = await checkActs(client, logId, findings)
  await checkCatalog(client, acts.catalogDigest, findings)
  const heads = await readHeads(client, logId, options.organization, findings)
  const wholeLog =
    options.organization === undefined && options.since === undefined && options.until === undefined
  const ranged = options.since !== undefined || options.until !== undefined
  const covered = ranged
    ? await checkRange(client, target, options, { logId, heads }, findings)
    : await checkChains(client, target, options, { logId, heads, acts }, findings)
  await client.query("commit")

  const verdict = verdictOf(findings.list, covered.events > 0)
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
  }
  const act =
    options.record === false
      ? null
      : await recordVerification(
          client,
          report,
          wholeLog && verdict === "intact" ? [...heads.values()] : undefined,
        )
  return { ...report, act }
}
