// What the command line, the tests and other programs see of the data layer.
import type { ConnectionTarget } from "./connection.js"
import { Trail } from "./trail.js"

export type { AccessChange, AccessRequest, AccessResult } from "./access/change.js"
export type { Grant, Grants } from "./access/grants.js"
export type { Right } from "./access/rights.js"
export type { ActFilter, ActRow, Acts } from "./act/list.js"
export type { Setting, SettingChange } from "./act/setting.js"
export type { ShownAct } from "./act/show.js"
export type { Appended, AppendOptions } from "./append/append.js"
export { type EventField, type EventInput, eventFields, type Json } from "./append/event.js"
export type { Writer, WriterOptions } from "./append/writer.js"
export type { CheckpointOptions, CreatedCheckpoint } from "./checkpoint/create.js"
export type {
  Incarnation,
  IncarnationOptions,
  LostLane,
  OpenedIncarnation,
} from "./checkpoint/incarnation.js"
export type { RecordedCheckpoint } from "./checkpoint/list.js"
export type { ConnectionTarget, Server, SessionAttributes, SslMode, Tls } from "./connection.js"
export { type ErrorCode, TrailError } from "./errors.js"
export type { EventColumn } from "./event-columns.js"
export type { ImportFormat, ImportOptions, ImportResult, RejectedRecord } from "./import/import.js"
export type { DownOptions, DownResult } from "./migrate/down.js"
export type { MigrationStatus, SchemaState } from "./migrate/state.js"
export type { UninstalledRole, UninstallOptions, UninstallResult } from "./migrate/uninstall.js"
export type { InstallOptions, InstallResult } from "./migrate/up.js"
export type { CatalogDifference, Validation } from "./migrate/validate.js"
export type { Organization, Organizations } from "./organization/list.js"
export type { ShownOrganization } from "./organization/show.js"
export type { PurgedOrganization, PurgeOptions } from "./purge/options.js"
export type { Outcome, Severity } from "./query/choices.js"
export type { EventRow } from "./query/columns.js"
export type { EventQuery, Events } from "./query/events.js"
export type { EventFilter } from "./query/filter.js"
export type { Neighbour, ShownEvent } from "./query/show.js"
export type { Place } from "./query/typed.js"
export type { LogStatus, PartitionStatus, StatusOptions } from "./status.js"
export { Trail } from "./trail.js"
export type { AcceptedAct, AcceptOptions } from "./verification/accept.js"
export type { Against } from "./verification/against.js"
export type { Difference } from "./verification/difference.js"
export type { Explanation } from "./verification/explanation.js"
export type { Incident } from "./verification/incident.js"
export type { RecordedFinding, VerificationSummary } from "./verification/list.js"
export type { ShownFinding, ShownVerification, ShowOptions } from "./verification/show.js"
export type { Acceptance, AcceptedFinding, Finding, FindingKind, Verdict } from "./verify/finding.js"
export type { VerifyReport } from "./verify/report.js"
export type { VerifyOptions } from "./verify/verify.js"
export { version } from "./version.js"

/** Opens a log: checks that the server answers, and nothing else. Throws TrailError `unreachable`, `authentication` or `no-database`. */
export async function open(target: ConnectionTarget | string): Promise<Trail> {
  return new Trail(typeof target === "string" ? { connectionString: target } : target)
}
