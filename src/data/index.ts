// What the command line, the tests and other programs see of the data layer.
import type { ConnectionTarget } from "./connection.js"
import { Trail } from "./trail.js"

export type { Appended, AppendOptions } from "./append/append.js"
export { type EventField, type EventInput, eventFields, type Json } from "./append/event.js"
export type { Writer, WriterOptions } from "./append/writer.js"
export type { ConnectionTarget } from "./connection.js"
export { type ErrorCode, TrailError } from "./errors.js"
export type { EventColumn } from "./event-columns.js"
export type { ImportFormat, ImportOptions, ImportResult, RejectedRecord } from "./import/import.js"
export type { InstallOptions, InstallResult, MigrationStatus, SchemaState } from "./install.js"
export type { Outcome, Severity } from "./query/choices.js"
export type { EventRow } from "./query/columns.js"
export type { EventQuery, Events } from "./query/events.js"
export type { EventFilter } from "./query/filter.js"
export type { Neighbour, ShownEvent } from "./query/show.js"
export type { Place } from "./query/typed.js"
export type { LogStatus, PartitionStatus } from "./status.js"
export { Trail } from "./trail.js"
export type { Finding, FindingKind, Verdict } from "./verify/finding.js"
export type { VerifyOptions, VerifyReport } from "./verify/verify.js"
export { version } from "./version.js"

/** Opens a log: checks that the server answers, and nothing else. Throws TrailError `unreachable`, `authentication` or `no-database`. */
export async function open(target: ConnectionTarget | string): Promise<Trail> {
  return new Trail(typeof target === "string" ? { connectionString: target } : target)
}
