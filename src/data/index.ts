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
export type { AuthLog, AuthorizationLog, LoggedBy, MemoryLog } from "./append/helpers.js"
export type { Writer, WriterOptions } from "./append/writer.js"
export type { ArchiveFailure } from "./archive/failure.js"
export type { ArchiveListOptions, ListedArchive } from "./archive/list.js"
export type {
  ArchivedPartition,
  ArchiveFailed,
  ArchiveOptions,
  ArchivePolicy,
  ArchiveRow,
  ArchiveRun,
} from "./archive/options.js"
export type { RemoveArchiveOptions, RemovedArchive } from "./archive/remove.js"
export type { ExpiredArchives, RemoveExpiredOptions } from "./archive/remove-expired.js"
export type { RestoredArchive, RestoreOptions } from "./archive/restore.js"
export type { ShowArchiveOptions, ShownArchive } from "./archive/show.js"
export { type ArchiveVerification, type VerifyArchivesOptions, verifyArchives } from "./archive/verify.js"
export {
  keepBackup,
  listBackups,
  type PlaceOptions,
  pruneBackups,
  releaseBackup,
  type ShownBackup,
  showBackup,
  verifyBackup,
} from "./backup/at-place.js"
export type {
  ActSince,
  BackupComparison,
  CompareOptions,
  EventDifference,
  TableComparison,
} from "./backup/compare-options.js"
export type { Kept } from "./backup/keep.js"
export type { BackupState, BackupSummary, FoundBackup, ReadFoundBackup } from "./backup/list.js"
export type { BackupOptions, BackupRun } from "./backup/options.js"
export type { PrunedBackup, PruneOptions } from "./backup/prune.js"
export type { KeepRules } from "./backup/prune-rules.js"
export type {
  GrantedRole,
  ReplacedLog,
  RestoreBackupOptions,
  RestoredBackup,
} from "./backup/restore-options.js"
export type { BackupResult } from "./backup/results.js"
export type { VerifyBackupOptions } from "./backup/verify.js"
export type { AcceptedBackupFinding, BackupFinding, BackupVerification } from "./backup/verify-report.js"
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
export type { IndexChanges, IndexOptions } from "./event-index/change.js"
export type { IndexKind } from "./event-index/kinds.js"
export type { IndexState } from "./event-index/list.js"
export type { CreatedExport, ExportOptions } from "./export/create.js"
export type { Manifest } from "./export/manifest.js"
export type { ExportFinding, ExportReport } from "./export/report.js"
export type { ExportFormat, ExportGroup } from "./export/shape.js"
export { type VerifyExportOptions, verifyExport } from "./export/verify.js"
export type { Following, FollowOptions } from "./follow/options.js"
export type { AddedHold, HoldOptions, NewHold } from "./hold/add.js"
export type { HeldArchives } from "./hold/archives.js"
export type { HeldCount, HeldMonth } from "./hold/count.js"
export type { Hold, HoldFilter } from "./hold/hold.js"
export type { ReleasedHold, ReleaseOptions } from "./hold/release.js"
export type { ShownHold } from "./hold/show.js"
export type { ImportFormat, ImportOptions, ImportResult, RejectedRecord } from "./import/import.js"
export type { ActorOptions, DayCount, Seen, ShownActor } from "./investigate/actor.js"
export type { BruteForce, BruteForceOptions } from "./investigate/brute-force.js"
export type { Count, Counted, CountOptions } from "./investigate/counts.js"
export type { Field } from "./investigate/fields.js"
export type { JsonChange } from "./investigate/json-diff.js"
export type { Access, ResourceEvent, ResourceHistory, ResourceOptions } from "./investigate/resource.js"
export type { Security, SecurityGroup, SecurityOptions } from "./investigate/security.js"
export type { Trace, TraceEvent, TraceKind, TraceOptions } from "./investigate/trace.js"
export type { Job, JobName } from "./job/jobs.js"
export type { FinishedJob, JobRunOptions, JobWork } from "./job/run.js"
export type { JobOutcome, JobState } from "./job/states.js"
export type { DownOptions, DownResult } from "./migrate/down.js"
export type { MigrationStatus, SchemaState } from "./migrate/state.js"
export type { UninstalledRole, UninstallOptions, UninstallResult } from "./migrate/uninstall.js"
export type { InstallOptions, InstallResult } from "./migrate/up.js"
export type { CatalogDifference, Validation } from "./migrate/validate.js"
export type { Organization, Organizations } from "./organization/list.js"
export type { ShownOrganization } from "./organization/show.js"
export type { ChangeOptions } from "./partition/change.js"
export type { CreatedPartitions, CreateOptions } from "./partition/create.js"
export type { MovedPartition } from "./partition/detach.js"
export type { DropOptions, DroppedPartition } from "./partition/drop.js"
export type { KeptEvents } from "./partition/kept.js"
export type { PartitionListOptions, PartitionRow } from "./partition/list.js"
export type { MaintainedPartitions } from "./partition/maintain.js"
export type { Left, Range, Reason } from "./partition/ranges.js"
export type { PurgedOrganization, PurgeOptions } from "./purge/options.js"
export type { Outcome, Severity } from "./query/choices.js"
export type { EventRow } from "./query/columns.js"
export type { Criteria, CriterionName, EventFilter, Values } from "./query/criteria.js"
export type { DetachedPartition } from "./query/detached.js"
export type { EventQuery, Events } from "./query/events.js"
export type { ExplainQuery, QueryPlan, SegmentPlan } from "./query/explain.js"
export type { Sample, SampleQuery } from "./query/sample.js"
export type { Neighbour, ShownEvent } from "./query/show.js"
export type { Place } from "./query/typed.js"
export type { Question } from "./query/walk.js"
export type { ExplainRetention, RetentionExplanation } from "./retention/explain.js"
export type { PastRun } from "./retention/list.js"
export type { PlannedPurge, RetentionPlan, RetentionPlanOptions } from "./retention/plan.js"
export type { NewRule, RetentionRule, RuleChange, RuleKind, RuleOptions } from "./retention/rule.js"
export type {
  PolicyCutoff,
  PurgedPartition,
  PurgeMethod,
  RetentionRun,
  RetentionRunOptions,
} from "./retention/run-options.js"
export type { Dimension, Group, Grouped, Stats, StatsOptions } from "./stats/options.js"
export type { LogStatus, PartitionStatus, StatusOptions } from "./status.js"
export type { AddedKey, DestroyedKey, DestroyKeyOptions, NewKeyOptions } from "./subject/change-keys.js"
export type { ErasedSubject, EraseOptions } from "./subject/erase.js"
export type { SubjectExport, SubjectExportOptions } from "./subject/export.js"
export type { SubjectManifest, SubjectTexts } from "./subject/export-manifest.js"
export type { FindOptions, FoundSubject } from "./subject/find.js"
export type { Found, FoundCase, FoundEvents, FoundField, FoundLaw } from "./subject/found.js"
export type { Identifier, IdentifierKind } from "./subject/identifiers.js"
export type { KeyState, ListedKey, PrivacyKeys } from "./subject/keys.js"
export type { PseudonymStrategy } from "./subject/privacy-key.js"
export type { KnownPseudonym } from "./subject/pseudonym.js"
export type { Pseudonymized, PseudonymizedOrganization, PseudonymizeOptions } from "./subject/pseudonymize.js"
export type { Reapplied, ReapplyOptions } from "./subject/reapply.js"
export type { Receipt } from "./subject/receipt.js"
export type { Rectified as RectifiedEvent, RectifyOptions } from "./subject/rectify.js"
export type {
  CloseOptions,
  NewRequest,
  Recipient,
  RequestFilter,
  RequestKind,
  RequestOutcome,
  SubjectRequest,
} from "./subject/request.js"
export type {
  Restricted as RestrictedSubject,
  RestrictOptions,
  Unrestricted as UnrestrictedSubject,
} from "./subject/restrict.js"
export type { Restriction, RestrictionsOptions } from "./subject/restriction-list.js"
export type { Revealed, RevealOptions } from "./subject/reveal.js"
export type {
  ChangedSubjectRule,
  NewSubjectRule,
  SubjectRule,
  SubjectRuleFilter,
  SubjectRuleKind,
} from "./subject/rules.js"
export type { RebuildOptions, Rebuilt, SummaryDifference } from "./summary/rebuild.js"
export type { Refreshed, RefreshOptions } from "./summary/refresh.js"
export type { ShownSummary, SummaryDay, SummaryFilter } from "./summary/show.js"
export { Trail } from "./trail.js"
export type { AddedType, NewType } from "./type/add.js"
export type { KnownType } from "./type/known.js"
export type { EventType, EventTypes } from "./type/list.js"
export type { UnknownType, UnknownTypes } from "./type/unknown.js"
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

/** A log, or none: with `enabled: false` appends are accepted and dropped without a connection, and a warning says so once. */
export interface OpenTarget extends ConnectionTarget {
  /** Default true. */
  readonly enabled?: boolean
}

/** Opens a log: checks that the server answers, and nothing else. Throws TrailError `unreachable`, `authentication` or `no-database`. */
export async function open(target: OpenTarget | string): Promise<Trail> {
  if (typeof target === "string") return new Trail({ connectionString: target })
  return new Trail(target, { enabled: target.enabled !== false })
}
