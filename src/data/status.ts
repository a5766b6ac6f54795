// What a DBA wants to know at a glance, and what monitoring asks: server, schema, drift, sizes, heads, proof, and a state for each check.
import type { ClientBase } from "pg"
import { isPending, type SchemaState, schemaState } from "./migrate/state.js"
import { type OrganizationHeads, organizationHeads } from "./organization/heads.js"
import { sources } from "./organization/sources.js"
import { writeTime } from "./query/columns.js"
import { archiveChecks } from "./status/archives.js"
import { backupCheck, type LastBackup, lastBackup } from "./status/backup.js"
import { type BackupVerifications, backupVerifications, verifiedCheck } from "./status/backup-verified.js"
import { type Check, type CheckState, check, type Thresholds, worst } from "./status/checks.js"
import { type Drift, driftOf } from "./status/drift.js"
import { type History, history, historyChecks, type JobStatus, jobStatus } from "./status/history.js"
import { jobChecks, jobsStatus } from "./status/jobs.js"
import { leftoverChecks } from "./status/leftover.js"
import {
  type Edge,
  eventCheck,
  newestEvent,
  type PartitionsStatus,
  partitionChecks,
  partitionsStatus,
} from "./status/partitions.js"
import { requestChecks } from "./status/requests.js"
import { retentionChecks } from "./status/retention.js"
import { type ServerStatus, serverChecks, serverStatus } from "./status/server.js"
import type { StoreContext } from "./store/store.js"

export type { PartitionStatus } from "./status/partitions.js"

export interface StatusOptions {
  /** Compares the catalog with what the last migration left: most of the time that it takes. Default true. */
  readonly drift?: boolean | undefined
  /** `verification-age.warning`: `3d`. What is missing keeps its default. */
  readonly thresholds?: Thresholds | undefined
  /** What the place of the backups needs to be opened besides its location: a folder needs nothing. */
  readonly stores?: StoreContext | undefined
}

export interface LogStatus {
  readonly server_version: string
  readonly database: string
  readonly user: string
  readonly standby: boolean
  readonly server: ServerStatus
  readonly migrations: {
    readonly state: "not installed" | "changed" | "pending" | "current"
    readonly version: string | null
    readonly roles: boolean
  }
  /** Null where pgtrail is not installed. The parts of it are null where the role may not read them. */
  readonly log:
    | ({
        readonly log_id: string
        readonly incarnation: string
        readonly created_at: string
        /** True: this role reads some organizations alone, and what follows is of them. */
        readonly bound: boolean
        readonly organizations: readonly OrganizationHeads[] | null
        readonly heads: {
          readonly organizations: string
          readonly lanes: string
          readonly events: string
        } | null
        readonly newest_event: Edge | null
        readonly rows_estimate: string | null
        readonly bytes: string | null
        readonly drift: Drift | null
        readonly settings: readonly { name: string; value: string }[]
        readonly acts: History["acts"] | null
        readonly verified: History["verified"]
        readonly checkpoint: History["checkpoint"]
        readonly backup: (LastBackup & BackupVerifications) | null
        readonly accepted_findings: string | null
        readonly jobs: readonly JobStatus[]
      } & { readonly [K in keyof PartitionsStatus]: PartitionsStatus[K] | null })
    | null
  readonly checks: readonly Check[]
  /** Of the worst check. */
  readonly state: CheckState
}

type Log = NonNullable<LogStatus["log"]>

export async function logStatus(client: ClientBase, options: StatusOptions = {}): Promise<LogStatus> {
  const thresholds = options.thresholds ?? {}
  const about = await one(
    client,
    `select current_setting('server_version') as server_version, current_database() as database,
       current_user as user, pg_is_in_recovery() as standby`,
  )
  const standby = about.standby === "t"
  const server = await serverStatus(client)
  const migrations = migrationsOf(await schemaState(client))
  const found = migrations.state === "not installed" ? null : await logOf(client, options, thresholds)
  const checks = [
    schemaCheck(migrations),
    ...(found === null ? [] : found.checks),
    ...(await leftoverChecks(client)),
    ...serverChecks(server, standby, thresholds),
  ]
  return {
    server_version: about.server_version ?? "",
    database: about.database ?? "",
    user: about.user ?? "",
    standby,
    server,
    migrations,
    log: found === null ? null : found.log,
    checks,
    state: worst(checks),
  }
}

function migrationsOf(state: SchemaState): LogStatus["migrations"] {
  const newest = state.migrations.findLast((migration) => migration.state !== "pending")
  const version = newest === undefined ? null : `${newest.number}_${newest.name}`
  if (!state.installed) return { state: "not installed", version: null, roles: false }
  const changed = state.migrations.some((migration) => migration.state === "changed")
  return {
    state: changed ? "changed" : isPending(state) ? "pending" : "current",
    version,
    roles: state.roles,
  }
}

function schemaCheck({ state, version }: LogStatus["migrations"]): Check {
  if (state === "current") return check("schema", "ok", `${version}, current`)
  if (state === "pending") return check("schema", "warning", `${version}, a migration is pending`)
  const message =
    state === "changed" ? `${version}, applied from another text than this version has` : "not installed"
  return check("schema", "critical", message)
}

/** The catalog does not show it: drift alone would be silent. */
const noIdentity = check("identity", "critical", "pgtrail.log is empty: the log has lost its identity")

async function logOf(
  client: ClientBase,
  { drift = true, stores }: StatusOptions,
  thresholds: Thresholds,
): Promise<{ log: Log; checks: Check[] }> {
  const log = await one(
    client,
    `select l.log_id, l.incarnation, l.created_at, greatest(0, extract(epoch from now() - l.created_at)::bigint) as age
     from pgtrail.log l`,
  )
  const from = await sources(client)
  const organizations = from.heads === null ? null : await organizationHeads(client, from.heads)
  const partitions = from.bound ? null : await partitionsStatus(client)
  const done = from.acts ? await history(client) : null
  const last = from.acts ? await lastBackup(client) : null
  const backup = last && { ...last, ...(await backupVerifications(client, stores)) }
  const ran = await jobsStatus(client)
  const newest = from.times ? await newestEvent(client, from) : null
  const settings = await client.query<{ name: string; value: string }>(
    `select name, value from pgtrail.setting where name not in ('roles', 'code-checksum', 'catalog-checksum')
     order by name collate "C"`,
  )
  const drifted = drift ? await driftOf(client) : undefined
  return {
    log: {
      log_id: log.log_id ?? "",
      incarnation: log.incarnation ?? "",
      created_at: writeTime(log.created_at ?? ""),
      bound: from.bound,
      organizations,
      heads: organizations && {
        organizations: String(organizations.length),
        lanes: sum(organizations.map(({ lanes }) => lanes)),
        events: sum(organizations.map(({ events }) => events)),
      },
      newest_event: newest,
      rows_estimate: partitions && sum(partitions.partitions.map((partition) => partition.rows_estimate)),
      bytes: partitions && sum(partitions.partitions.map((partition) => partition.bytes)),
      partitions: partitions?.partitions ?? null,
      ahead_seconds: partitions?.ahead_seconds ?? null,
      rows_in_default: partitions?.rows_in_default ?? null,
      partitions_due: partitions?.partitions_due ?? null,
      default_reasons: partitions?.default_reasons ?? null,
      detached_partitions: partitions?.detached_partitions ?? null,
      invalid_indexes: partitions?.invalid_indexes ?? null,
      drift: drifted?.drift ?? null,
      settings: settings.rows,
      acts: done?.acts ?? null,
      verified: done?.verified ?? null,
      checkpoint: done?.checkpoint ?? null,
      backup,
      accepted_findings: done?.accepted_findings ?? null,
      jobs: jobStatus(done, ran.states ?? [], backup),
    },
    checks: [
      ...(log.log_id == null ? [noIdentity] : []),
      ...(drifted === undefined ? [] : [drifted.check]),
      ...historyChecks(done, Number(log.age ?? "0"), thresholds),
      backupCheck({ reads: from.acts, backup, jobs: ran.states ?? [] }, Number(log.age ?? "0"), thresholds),
      ...(backup === null ? [] : [verifiedCheck(backup, backup)]),
      ...(await retentionChecks(client, thresholds)),
      ...jobChecks(ran, thresholds),
      ...(await archiveChecks(client, thresholds)),
      ...(await requestChecks(client, thresholds)),
      ...(partitions === null ? [] : partitionChecks(partitions, thresholds)),
      eventCheck(newest, from, thresholds),
    ],
  }
}

const sum = (values: readonly (string | null)[]): string =>
  String(values.reduce((total, value) => total + BigInt(value ?? "0"), 0n))

async function one(client: ClientBase, text: string): Promise<Record<string, string | null>> {
  const { rows } = await client.query<Record<string, string | null>>(text)
  return rows[0] ?? {}
}
