// The face of the library: one method for each capability; over 250 lines because each says what it does.
import type { Readable } from "node:stream"
import type { Client } from "pg"
import type { AccessRequest, AccessResult } from "./access/change.js"
import type { Grants } from "./access/grants.js"
import type { ActFilter, Acts } from "./act/list.js"
import type { Setting, SettingChange } from "./act/setting.js"
import type { ShownAct } from "./act/show.js"
import type { Appended, AppendOptions } from "./append/append.js"
import { disabledWriter, sayDisabled } from "./append/disabled.js"
import type { EventInput } from "./append/event.js"
import type { AuthLog, AuthorizationLog, LoggedBy, MemoryLog } from "./append/helpers.js"
import { createLink, type Link } from "./append/link.js"
import type { Writer, WriterOptions } from "./append/writer.js"
import type { ArchiveFailure } from "./archive/failure.js"
import type { ArchiveListOptions, ListedArchive } from "./archive/list.js"
import type { ArchiveOptions, ArchiveRun } from "./archive/options.js"
import type { RemoveArchiveOptions, RemovedArchive } from "./archive/remove.js"
import type { ExpiredArchives, RemoveExpiredOptions } from "./archive/remove-expired.js"
import type { RestoredArchive, RestoreOptions } from "./archive/restore.js"
import type { ShowArchiveOptions, ShownArchive } from "./archive/show.js"
import type { BackupComparison, CompareOptions } from "./backup/compare-options.js"
import type { BackupOptions, BackupRun } from "./backup/options.js"
import type { RestoreBackupOptions, RestoredBackup } from "./backup/restore-options.js"
import type { CheckpointOptions, CreatedCheckpoint } from "./checkpoint/create.js"
import type { Incarnation, IncarnationOptions, OpenedIncarnation } from "./checkpoint/incarnation.js"
import type { RecordedCheckpoint } from "./checkpoint/list.js"
import { endKept, keepOne } from "./connection/keep.js"
import { type ConnectionTarget, connect, withClient } from "./connection.js"
import type { EventColumn } from "./event-columns.js"
import type { IndexChanges, IndexOptions } from "./event-index/change.js"
import type { IndexKind } from "./event-index/kinds.js"
import type { IndexState } from "./event-index/list.js"
import type { Answer, DescribedAnswer } from "./export/answer.js"
import type { CreatedExport, ExportOptions } from "./export/create.js"
import type { Following, FollowOptions } from "./follow/options.js"
import type { AddedHold, HoldOptions, NewHold } from "./hold/add.js"
import type { Hold, HoldFilter } from "./hold/hold.js"
import type { ReleasedHold, ReleaseOptions } from "./hold/release.js"
import type { ShownHold } from "./hold/show.js"
import type { ImportOptions, ImportResult } from "./import/import.js"
import type { ActorOptions, ShownActor } from "./investigate/actor.js"
import type { CountOptions, fieldValues } from "./investigate/counts.js"
import type { Field } from "./investigate/fields.js"
import type { ResourceHistory, ResourceOptions } from "./investigate/resource.js"
import type { Security, SecurityOptions } from "./investigate/security.js"
import type { Trace, TraceOptions } from "./investigate/trace.js"
import type { FinishedJob, JobRunOptions } from "./job/run.js"
import type { JobState } from "./job/states.js"
import type { DownOptions, DownResult } from "./migrate/down.js"
import type { SchemaState } from "./migrate/state.js"
import type { UninstallOptions, UninstallResult } from "./migrate/uninstall.js"
import type { InstallOptions, InstallResult } from "./migrate/up.js"
import type { Validation } from "./migrate/validate.js"
import type { Organizations } from "./organization/list.js"
import type { ShownOrganization } from "./organization/show.js"
import type { ChangeOptions } from "./partition/change.js"
import type { CreatedPartitions, CreateOptions } from "./partition/create.js"
import type { MovedPartition } from "./partition/detach.js"
import type { DropOptions, DroppedPartition } from "./partition/drop.js"
import type { PartitionListOptions, PartitionRow } from "./partition/list.js"
import type { MaintainedPartitions } from "./partition/maintain.js"
import type {
  InstalledProfile,
  InstallProfileOptions,
  ProfileState,
  RemovedProfile,
  RemoveProfileOptions,
  RevokedProfile,
  RevokeProfileOptions,
  ShownProfile,
} from "./profile/index.js"
import type { PurgedOrganization, PurgeOptions } from "./purge/options.js"
import type { EventRow } from "./query/columns.js"
import type { DetachedPartition } from "./query/detached.js"
import type { EventQuery, Events } from "./query/events.js"
import type { ExplainQuery, QueryPlan } from "./query/explain.js"
import type { Sample, SampleQuery } from "./query/sample.js"
import type { ShownEvent } from "./query/show.js"
import type { Place } from "./query/typed.js"
import type { Question } from "./query/walk.js"
import type { ExplainRetention, RetentionExplanation } from "./retention/explain.js"
import type { PastRun } from "./retention/list.js"
import type { RetentionPlan, RetentionPlanOptions } from "./retention/plan.js"
import type { NewRule, RetentionRule, RuleChange, RuleKind, RuleOptions } from "./retention/rule.js"
import type { RetentionRun, RetentionRunOptions } from "./retention/run-options.js"
import type { Stats, StatsOptions } from "./stats/options.js"
import type { LogStatus, StatusOptions } from "./status.js"
import type { AddedKey, DestroyedKey, DestroyKeyOptions, NewKeyOptions } from "./subject/change-keys.js"
import type { ErasedSubject, EraseOptions } from "./subject/erase.js"
import type { SubjectExport, SubjectExportOptions } from "./subject/export.js"
import type { FindOptions, FoundSubject } from "./subject/find.js"
import type { Identifier } from "./subject/identifiers.js"
import type { ListedKey, PrivacyKeys } from "./subject/keys.js"
import type { Pseudonymized, PseudonymizeOptions } from "./subject/pseudonymize.js"
import type { Reapplied, ReapplyOptions } from "./subject/reapply.js"
import type { Rectified as RectifiedEvent, RectifyOptions } from "./subject/rectify.js"
import type { CloseOptions, NewRequest, RequestFilter, SubjectRequest } from "./subject/request.js"
import type {
  Restricted as RestrictedSubject,
  RestrictOptions,
  Unrestricted as UnrestrictedSubject,
} from "./subject/restrict.js"
import type { Restriction, RestrictionsOptions } from "./subject/restriction-list.js"
import type { Revealed, RevealOptions } from "./subject/reveal.js"
import type { ChangedSubjectRule, NewSubjectRule, SubjectRule, SubjectRuleFilter } from "./subject/rules.js"
import type { RebuildOptions, Rebuilt } from "./summary/rebuild.js"
import type { Refreshed, RefreshOptions } from "./summary/refresh.js"
import type { ShownSummary, SummaryFilter } from "./summary/show.js"
import type { AddedType, NewType } from "./type/add.js"
import type { EventTypes } from "./type/list.js"
import type { UnknownTypes } from "./type/unknown.js"
import type { AcceptedAct, AcceptOptions } from "./verification/accept.js"
import type { VerificationSummary } from "./verification/list.js"
import type { ShownVerification, ShowOptions } from "./verification/show.js"
import type { VerifyReport } from "./verify/report.js"
import type { VerifyOptions } from "./verify/verify.js"

/** An open log. Methods throw TrailError; none prints, prompts or reads the environment. */
export class Trail {
  readonly target: ConnectionTarget
  /** The connection that appends share. */
  #link: Link | undefined
  /** False: appends are accepted and dropped. */
  readonly #isEnabled: boolean

  constructor(target: ConnectionTarget, { enabled = true }: { readonly enabled?: boolean } = {}) {
    this.target = target
    this.#isEnabled = enabled
    if (!enabled) sayDisabled()
    keepOne(target)
  }

  /** Installs the schema, or migrates it to this version; does nothing where nothing is pending. */
  async install(options: InstallOptions = {}): Promise<InstallResult> {
    const { install } = await import("./migrate/up.js")
    return withClient(this.target, (client) => install(client, options))
  }

  /** The SQL that `install` would run now; empty where nothing is pending. */
  async installSql(options: InstallOptions = {}): Promise<string> {
    const { pendingScript } = await import("./migrate/up.js")
    return withClient(this.target, (client) => pendingScript(client, options))
  }

  /** Takes migrations back. Throws `usage` where something would be lost and `confirm` does not name the database. */
  async migrateDown(options: DownOptions = {}): Promise<DownResult> {
    const { migrateDown } = await import("./migrate/down.js")
    return withClient(this.target, (client) => migrateDown(client, options))
  }

  /** The SQL that `migrateDown` would run now; empty where there is nothing to take back. */
  async migrateDownSql(options: DownOptions = {}): Promise<string> {
    const { downScripts } = await import("./migrate/down.js")
    return withClient(this.target, (client) => downScripts(client, options))
  }

  /** Compares the installed schema with what the last migration left. Changes nothing. */
  async validate(): Promise<Validation> {
    const { validate } = await import("./migrate/validate.js")
    return withClient(this.target, validate)
  }

  /** Takes the whole log away, and the roles that nothing else uses. Throws `usage` where `confirm` does not name the database. */
  async uninstall(options: UninstallOptions = {}): Promise<UninstallResult> {
    const { uninstall } = await import("./migrate/uninstall.js")
    return withClient(this.target, (client) => uninstall(client, options))
  }

  /** The SQL that does what `uninstall` does, but for logs of more partitions than fit one transaction. */
  async uninstallSql(options: UninstallOptions = {}): Promise<string> {
    const { uninstallScript } = await import("./migrate/uninstall-script.js")
    return withClient(this.target, (client) => uninstallScript(client, options))
  }

  async schemaState(): Promise<SchemaState> {
    const { schemaState } = await import("./migrate/state.js")
    return withClient(this.target, schemaState)
  }

  /** The state of the log and of its server, each thing that is checked with its state. What the role may not read is unknown. */
  async status(options: StatusOptions = {}): Promise<LogStatus> {
    const { logStatus } = await import("./status.js")
    return withClient(this.target, (client) => logStatus(client, options))
  }

  /** Appends one event or many, all or none, and tells their places in the order given. Throws `bad-event` naming event and field. */
  async append(events: EventInput | readonly EventInput[], options: AppendOptions = {}): Promise<Appended[]> {
    if (!this.#isEnabled) return []
    const { appendEvents } = await import("./append/append.js")
    this.#link ??= createLink(this.target)
    return appendEvents(this.#link, events, options)
  }

  /** Appends events that are JSON text: one object, an array, or NDJSON. Numbers keep all their digits. */
  async appendJson(json: string | Uint8Array, options: AppendOptions = {}): Promise<Appended[]> {
    if (!this.#isEnabled) return []
    const { appendJson } = await import("./append/append.js")
    this.#link ??= createLink(this.target)
    return appendJson(this.#link, json, options)
  }

  /** Appends an authentication event: a login, a logout, what happened to a token or an account. */
  async logAuth(log: AuthLog, options: AppendOptions = {}): Promise<Appended[]> {
    const { authEvent } = await import("./append/helpers.js")
    return this.#log(authEvent(log), log, options)
  }

  /** Appends what was done to a memory, with its state before and after. */
  async logMemory(log: MemoryLog, options: AppendOptions = {}): Promise<Appended[]> {
    const { memoryEvent } = await import("./append/helpers.js")
    return this.#log(memoryEvent(log), log, options)
  }

  /** Appends the answer of a check of rights: authz.access.granted, or authz.access.denied with the outcome denied. */
  async logAuthorization(log: AuthorizationLog, options: AppendOptions = {}): Promise<Appended[]> {
    const { authorizationEvent } = await import("./append/helpers.js")
    return this.#log(authorizationEvent(log), log, options)
  }

  async #log(event: EventInput, { memoric }: LoggedBy, options: AppendOptions): Promise<Appended[]> {
    if (!this.#isEnabled || memoric === undefined) return this.append(event, options)
    const { asMemoricRow } = await import("./profile/memoric-row.js")
    return this.append(
      await withClient(this.target, (client) => asMemoricRow(client, memoric, event)),
      options,
    )
  }

  /** Gathers events and appends them in batches. Has a connection of its own; the caller closes it. */
  async writer(options: WriterOptions = {}): Promise<Writer> {
    if (!this.#isEnabled) return disabledWriter()
    const { createWriter } = await import("./append/writer.js")
    return createWriter(this.target, options)
  }

  /** Imports a file or a stream; what an earlier run has imported is skipped. Throws `incomplete` past maxErrors. */
  async importFile(from: string | Readable, options: ImportOptions = {}): Promise<ImportResult> {
    const { importFile } = await import("./import/import.js")
    return importFile(this.target, from, options)
  }

  /** Events, newest first unless told. Asks the server when they are iterated, partition by partition. Throws `usage`. */
  async query(query: EventQuery = {}): Promise<Events> {
    const { events } = await import("./query/events.js")
    return events(this.target, query)
  }

  /** How many events match, exactly, as decimal text. */
  async count(question: Question = {}): Promise<string> {
    const { countEvents } = await import("./query/count.js")
    return countEvents(this.target, question)
  }

  /** How many events match by the planner's statistics: quick, and only as good as they are. */
  async estimate(question: Question = {}): Promise<string> {
    const { estimateEvents } = await import("./query/count.js")
    return estimateEvents(this.target, question)
  }

  /** How the server would answer a query; with `run` it does, until the limit is full. */
  async explain(query: ExplainQuery = {}): Promise<QueryPlan> {
    const { explainEvents } = await import("./query/explain.js")
    return explainEvents(this.target, query)
  }

  /** A sample that can be drawn again, each event as likely as every other. Asks the server when it is iterated. */
  async sample(query: SampleQuery): Promise<Sample> {
    const { sample } = await import("./query/sample.js")
    return sample(this.target, query)
  }

  /** Events in the order of arrival, each once, from where an earlier run stopped, and on as they come. Asks the server when it is iterated. */
  async follow(options: FollowOptions = {}): Promise<Following> {
    const { follow } = await import("./follow/follow.js")
    return follow(this.target, options)
  }

  /** Every event with this id, newest first; an id need not be unique. */
  async eventsWithId(id: string): Promise<EventRow[]> {
    const { eventsWithId } = await import("./query/show.js")
    return withClient(this.target, (client) => eventsWithId(client, id))
  }

  /** How many events there are, failed ones, users, types, and by what else is asked: on one snapshot, from the summaries where they answer. */
  async stats(options: StatsOptions = {}): Promise<Stats> {
    const { countEvents } = await import("./stats/count.js")
    return countEvents(this.target, options)
  }

  /** The daily summaries, newest day first, and how far they reach. */
  async summary(filter: SummaryFilter = {}): Promise<ShownSummary> {
    const { showSummary } = await import("./summary/show.js")
    return withClient(this.target, (client) => showSummary(client, filter))
  }

  /** Counts what the daily summaries lack. Throws `busy`, `privilege`, `read-only`. */
  async refreshSummary(options: RefreshOptions = {}): Promise<Refreshed> {
    const { refreshSummary } = await import("./summary/refresh.js")
    return refreshSummary(this.target, options)
  }

  /** Counts all daily summaries anew, and tells which were wrong. Throws `not-found`, `busy`, `privilege`, `read-only`. */
  async rebuildSummary(options: RebuildOptions = {}): Promise<Rebuilt> {
    const { rebuildSummary } = await import("./summary/rebuild.js")
    return rebuildSummary(this.target, options)
  }

  /** One event, its neighbours, and whether it verifies. Throws `not-found`. */
  async show(place: Place): Promise<ShownEvent> {
    const { showEvent } = await import("./query/show.js")
    return withClient(this.target, (client) => showEvent(client, place))
  }

  /** What one actor did: by day and type, from which addresses and sessions. Throws `not-found`. */
  async actor(id: string, options: ActorOptions = {}): Promise<ShownActor> {
    const { showActor } = await import("./investigate/actor.js")
    const { withWalk } = await import("./query/walk.js")
    return withWalk(this.target, { ...options, actor: id }, {}, (walk) => showActor(walk, id, options))
  }

  /** Who did something, those with the most events first. Opens the partitions of the period, since it counts. */
  async actors(options: CountOptions = {}) {
    const { actors } = await import("./investigate/counts.js")
    return actors(this.target, options)
  }

  /** What happened to a resource (TYPE/ID), newest first: who changed it, and how, and who read it. Asks the server when it is iterated. */
  async resource(resource: string, options: ResourceOptions = {}): Promise<ResourceHistory> {
    const { resourceHistory } = await import("./investigate/resource.js")
    return resourceHistory(this.target, resource, options)
  }

  /** What was acted on, those with the most events first. Opens the partitions of the period, since it counts. */
  async resources(options: CountOptions = {}) {
    const { resources } = await import("./investigate/counts.js")
    return resources(this.target, options)
  }

  /** The events of a request, a correlation or a session, oldest first. Asks the server when it is iterated. */
  async trace(id: string, options: TraceOptions = {}): Promise<Trace> {
    const { trace } = await import("./investigate/trace.js")
    return trace(this.target, id, options)
  }

  /** What failed, was denied or is critical, by whom, from where and on what, and who guesses passwords. */
  async security(options: SecurityOptions = {}): Promise<Security> {
    const { security } = await import("./investigate/security.js")
    return security(this.target, options)
  }

  /** The columns of an event. */
  async fields(): Promise<Field[]> {
    const { fields } = await import("./investigate/fields.js")
    return withClient(this.target, fields)
  }

  /** The values of a column, the most frequent first. Throws `usage` for one that differs in nearly every event. */
  async fieldValues(column: EventColumn, options: CountOptions = {}): ReturnType<typeof fieldValues> {
    const counts = await import("./investigate/counts.js")
    return counts.fieldValues(this.target, column, options)
  }

  /** The event types that are known: those that ship, and those that were added. */
  async eventTypes(): Promise<EventTypes> {
    const { eventTypes } = await import("./type/list.js")
    return withClient(this.target, eventTypes)
  }

  /** The event types that occur in the log and are not known. */
  async unknownTypes(options: { readonly organization?: string | undefined } = {}): Promise<UnknownTypes> {
    const { unknownTypes } = await import("./type/unknown.js")
    return withClient(this.target, (client) => unknownTypes(client, options.organization))
  }

  /** Adds an event type to those that are known, or describes it anew, which is an act. Throws `usage`, `privilege`, `read-only`. */
  async addType(type: NewType): Promise<AddedType> {
    const { addType } = await import("./type/add.js")
    return withClient(this.target, (client) => addType(client, type))
  }

  /** Verifies the log, or a part of it; records that as an act where the role may. Throws when it could not check. */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const { verify } = await import("./verify/verify.js")
    return verify(this.target, options)
  }

  /** What pgtrail itself did, newest first. Asks the server when it is iterated. */
  async acts(filter: ActFilter = {}): Promise<Acts> {
    const { acts } = await import("./act/list.js")
    return acts(this.target, filter)
  }

  /** One act whole, and whether it verifies. Throws `not-found`. */
  async act(seq: string): Promise<ShownAct> {
    const { showAct } = await import("./act/show.js")
    return withClient(this.target, (client) => showAct(client, seq))
  }

  /** Gives a role a right on the log, a reader perhaps of some organizations alone; recorded as acts. Throws `usage`, `privilege`, `not-found`. */
  async grant(request: AccessRequest): Promise<AccessResult> {
    const { changeAccess } = await import("./access/change.js")
    return withClient(this.target, (client) => changeAccess(client, "grant", request))
  }

  /** Takes back what `grant` gave. */
  async revoke(request: AccessRequest): Promise<AccessResult> {
    const { changeAccess } = await import("./access/change.js")
    return withClient(this.target, (client) => changeAccess(client, "revoke", request))
  }

  /** Who may do what on the log, and how each came by it. */
  async grants(): Promise<Grants> {
    const { grants } = await import("./access/grants.js")
    return withClient(this.target, grants)
  }

  /** The organizations of the log, those with the most events first; a bound reader's own. Throws `privilege`. */
  async organizations(options: { readonly limit?: number | undefined } = {}): Promise<Organizations> {
    const { organizations } = await import("./organization/list.js")
    return withClient(this.target, (client) => organizations(client, options))
  }

  /** One organization: its lanes, what it did lately, who reads it alone, what was purged. Throws `not-found`. */
  async organization(name: string): Promise<ShownOrganization> {
    const { showOrganization } = await import("./organization/show.js")
    return withClient(this.target, (client) => showOrganization(client, name))
  }

  /** The settings that belong to the log. */
  async settings(): Promise<Setting[]> {
    const { settings } = await import("./act/setting.js")
    return withClient(this.target, settings)
  }

  /** Changes a setting, which is an act; `key` (a private signing key, as text) signs it. */
  async setSetting(name: string, value: string, key?: string): Promise<SettingChange> {
    const { setSetting } = await import("./act/setting.js")
    return withClient(this.target, (client) => setSetting(client, name, value, key))
  }

  /** Writes events into a new folder, with a manifest that says what they are; recorded as an act where the role may. */
  async createExport(options: ExportOptions): Promise<CreatedExport> {
    const { createExport } = await import("./export/create.js")
    return createExport(this.target, options)
  }

  /** A manifest for the answer of a query that was written into a file; recorded as an act where the role may. */
  async describeAnswer(answer: Answer): Promise<DescribedAnswer> {
    const { describeAnswer } = await import("./export/answer.js")
    return describeAnswer(this.target, answer)
  }

  /** Signs what the log is now, into two new files. Throws `read-only` on a standby. */
  async createCheckpoint(options: CheckpointOptions): Promise<CreatedCheckpoint> {
    const { createCheckpoint } = await import("./checkpoint/create.js")
    return createCheckpoint(this.target, options)
  }

  /** The checkpoints that were made, as their acts have them, newest first. */
  async checkpoints(): Promise<RecordedCheckpoint[]> {
    const { checkpoints } = await import("./checkpoint/list.js")
    return withClient(this.target, checkpoints)
  }

  /** Opens the next incarnation, and records what the log lost since a checkpoint. Throws `other-log`, or `forged` for the checkpoint. */
  async openIncarnation(options: IncarnationOptions): Promise<OpenedIncarnation> {
    const { openIncarnation } = await import("./checkpoint/incarnation.js")
    return withClient(this.target, (client) => openIncarnation(client, options))
  }

  /** The installation, and every restore, recovery, failover or copy that was recorded since. */
  async incarnations(): Promise<Incarnation[]> {
    const { incarnations } = await import("./checkpoint/incarnation.js")
    return withClient(this.target, incarnations)
  }

  /** The verifications that were recorded, newest first. */
  async verifications(options: { readonly limit?: number | undefined } = {}): Promise<VerificationSummary[]> {
    const { verifications } = await import("./verification/list.js")
    return withClient(this.target, (client) => verifications(client, options))
  }

  /** One verification, its findings explained from the log as it is now, and from another place. Throws `not-found`. */
  async verification(options: ShowOptions = {}): Promise<ShownVerification> {
    const { showVerification } = await import("./verification/show.js")
    return withClient(this.target, (client) => showVerification(client, options))
  }

  /** Accepts a finding (its id, or the first six digits at least), which is an act. Throws `not-found`, `usage`, `read-only`. */
  async acceptFinding(finding: string, options: AcceptOptions): Promise<AcceptedAct> {
    const { acceptFinding } = await import("./verification/accept.js")
    return withClient(this.target, (client) => acceptFinding(client, finding, options))
  }

  /**
   * Verifies an organization and purges its events, each portion with an act. Throws `usage` without the confirmation, `not-found`,
   * `busy`, `privilege`, `read-only`, and `retry` where something else stands there than what was verified.
   */
  async purgeOrganization(organization: string, options: PurgeOptions): Promise<PurgedOrganization> {
    const { purgeOrganization } = await import("./purge/organization.js")
    return purgeOrganization(this.target, organization, options)
  }

  /** Places a legal hold, by an act, and counts what it holds. Throws `usage`, `privilege`, `read-only`. */
  async addHold(hold: NewHold, options: HoldOptions = {}): Promise<AddedHold> {
    const { addHold } = await import("./hold/add.js")
    return withClient(this.target, (client) => addHold(client, hold, options))
  }

  /** The legal holds in force, or all that ever were, in the order in which they were placed. */
  async holds(filter: HoldFilter = {}): Promise<Hold[]> {
    const { holds } = await import("./hold/hold.js")
    return withClient(this.target, (client) => holds(client, filter))
  }

  /** A case: its holds, their acts, and the events held. Throws `not-found`. */
  async hold(name: string, options: HoldOptions = {}): Promise<ShownHold> {
    const { showHold } = await import("./hold/show.js")
    return withClient(this.target, (client) => showHold(client, name, options))
  }

  /** Releases the holds of a case, by an act, and counts what nothing holds any more. Throws `not-found`. */
  async releaseHold(name: string, options: ReleaseOptions): Promise<ReleasedHold> {
    const { releaseHold } = await import("./hold/release.js")
    return withClient(this.target, (client) => releaseHold(client, name, options))
  }

  /** Policies or floors, in the order in which they count; those that ended too, while the grace keeps what they kept. */
  async retentionRules(kind: RuleKind): Promise<RetentionRule[]> {
    const { rules } = await import("./retention/rule.js")
    return withClient(this.target, (client) => rules(client, kind, true))
  }

  /** Sets a policy or a floor, in the place of the one of its name, by an act. Throws `usage`, `privilege`, `read-only`. */
  async setRetentionRule(kind: RuleKind, rule: NewRule, options: RuleOptions = {}): Promise<RuleChange> {
    const { setRule } = await import("./retention/rule.js")
    return withClient(this.target, (client) => setRule(client, kind, rule, options))
  }

  /** Removes a policy or a floor, by an act. Throws `not-found`, `usage`, `privilege`, `read-only`. */
  async removeRetentionRule(kind: RuleKind, name: string, options: RuleOptions = {}): Promise<RuleChange> {
    const { removeRule } = await import("./retention/rule.js")
    return withClient(this.target, (client) => removeRule(client, kind, name, options))
  }

  /** Which policy an event has and why, how long it is kept, and what holds it. Throws `usage`, `not-found`. */
  async explainRetention(asked: ExplainRetention): Promise<RetentionExplanation> {
    const { explainRetention } = await import("./retention/explain.js")
    return withClient(this.target, (client) => explainRetention(client, asked))
  }

  /** The further indexes that searches use: of each kind, which partitions have it, and which lack it. */
  async indexes(): Promise<IndexState[]> {
    const { indexes } = await import("./event-index/list.js")
    return withClient(this.target, indexes)
  }

  /**
   * Makes an index on every partition that lacks it, none of which stops a writer. Throws `busy`, `config` where an extension is missing,
   * `lock-timeout`; what was made by then stays, and the next run goes on.
   */
  async addIndex(kind: IndexKind, options: IndexOptions = {}): Promise<IndexChanges> {
    const { changeIndexes } = await import("./event-index/change.js")
    return changeIndexes(this.target, kind, "add", options)
  }

  /** Takes it from every partition. */
  async dropIndex(kind: IndexKind, options: IndexOptions = {}): Promise<IndexChanges> {
    const { changeIndexes } = await import("./event-index/change.js")
    return changeIndexes(this.target, kind, "drop", options)
  }

  /** The SQL that `addIndex` or `dropIndex` would run now; empty where there is nothing to do. */
  async indexSql(kind: IndexKind, change: "add" | "drop"): Promise<string> {
    const { changeIndexesSql } = await import("./event-index/change.js")
    return changeIndexesSql(this.target, kind, change)
  }

  /** Every profile that ships, and where it is installed. Who may not read the acts must be able to become the owner of the log. */
  async profiles(): Promise<ProfileState[]> {
    const { profileStates } = await import("./profile/state.js")
    return withClient(this.target, profileStates)
  }

  /** What a profile replaces, and whether its objects are as they were made. Throws `usage` for a name that none has. */
  async profile(name: string, schema?: string): Promise<ShownProfile> {
    const { showProfile } = await import("./profile/state.js")
    return withClient(this.target, (client) => showProfile(client, name, schema))
  }

  /** Puts views in the shape of another system's tables over the log. Throws `exists` where a name is taken, `privilege`, `not-found`. */
  async installProfile(name: string, options: InstallProfileOptions = {}): Promise<InstalledProfile> {
    const { installProfile } = await import("./profile/install.js")
    return withClient(this.target, (client) => installProfile(client, name, options))
  }

  /** The SQL that `installProfile` would run now. */
  async profileSql(name: string, options: InstallProfileOptions = {}): Promise<string> {
    const { profileSql } = await import("./profile/install.js")
    return withClient(this.target, (client) => profileSql(client, name, options))
  }

  /** Takes roles out of a profile, which stays. Throws `not-found`, `usage`, `privilege`. */
  async revokeProfile(name: string, options: RevokeProfileOptions = {}): Promise<RevokedProfile> {
    const { revokeProfile } = await import("./profile/revoke.js")
    return withClient(this.target, (client) => revokeProfile(client, name, options))
  }

  /** Takes the views away; the events stay, and so do its tables unless `tables`. Throws `not-found`, `usage`, `privilege`. */
  async removeProfile(name: string, options: RemoveProfileOptions = {}): Promise<RemovedProfile> {
    const { removeProfile } = await import("./profile/remove.js")
    return withClient(this.target, (client) => removeProfile(client, name, options))
  }

  /** The partitions, oldest first, with their sizes and guards; also those that were detached. */
  async partitions(options: PartitionListOptions = {}): Promise<PartitionRow[]> {
    const { listPartitions } = await import("./partition/list.js")
    return withClient(this.target, (client) => listPartitions(client, options))
  }

  /** Makes the partition of a time (`2025-01`), or those up to another, and takes along what DEFAULT holds of them. Throws `usage`, `busy`, `lock-timeout`. */
  async createPartitions(time: string, options: CreateOptions = {}): Promise<CreatedPartitions> {
    const { createPartitions } = await import("./partition/create.js")
    return createPartitions(this.target, time, options)
  }

  /** The SQL that `createPartitions` would run now; empty where there is nothing to do. */
  async createPartitionsSql(time: string, options: CreateOptions = {}): Promise<string> {
    const { createSql } = await import("./partition/create.js")
    return createSql(this.target, time, options)
  }

  /** Makes the partitions that are due, and gathers statistics of those that have none. Throws `busy`, `lock-timeout`, `privilege`. */
  async maintainPartitions(options: ChangeOptions = {}): Promise<MaintainedPartitions> {
    const { maintainPartitions } = await import("./partition/maintain.js")
    return maintainPartitions(this.target, options)
  }

  /** The SQL that `maintainPartitions` would run now; empty where nothing is due. */
  async maintainPartitionsSql(options: ChangeOptions = {}): Promise<string> {
    const { maintainSql } = await import("./partition/maintain.js")
    return maintainSql(this.target, options)
  }

  /** Takes a partition out of every query, by an act; its events stay in the chains and in the sight of verify. */
  async detachPartition(name: string, reason: string, options: ChangeOptions = {}): Promise<MovedPartition> {
    const { detachPartition } = await import("./partition/detach.js")
    return detachPartition(this.target, name, reason, options)
  }

  /** The SQL that `detachPartition` would run now. */
  async detachPartitionSql(name: string, reason: string, options: ChangeOptions = {}): Promise<string> {
    const { detachSql } = await import("./partition/detach.js")
    return detachSql(this.target, name, reason, options)
  }

  /** Those that are detached and have a part of this time: no query finds their events. None where the role may not know. */
  async detachedPartitions(
    period: { readonly since?: string | undefined; readonly until?: string | undefined } = {},
  ): Promise<DetachedPartition[]> {
    const { detachedPartitionsIn } = await import("./query/detached.js")
    return withClient(this.target, (client) => detachedPartitionsIn(client, period))
  }

  /** Brings a detached partition back, and what arrived of its time since, by an act. */
  async attachPartition(name: string, options: ChangeOptions = {}): Promise<MovedPartition> {
    const { attachPartition } = await import("./partition/detach.js")
    return attachPartition(this.target, name, options)
  }

  /** The SQL that `attachPartition` would run now. */
  async attachPartitionSql(name: string, options: ChangeOptions = {}): Promise<string> {
    const { attachSql } = await import("./partition/detach.js")
    return attachSql(this.target, name, options)
  }

  /** Verifies a partition's events and purges all of them, by an act. Throws `usage` without the confirmation. */
  async dropPartition(name: string, options: DropOptions): Promise<DroppedPartition> {
    const { dropPartition } = await import("./partition/drop.js")
    return dropPartition(this.target, name, options)
  }

  /** The SQL that `dropPartition` would run now. */
  async dropPartitionSql(name: string, options: DropOptions): Promise<string> {
    const { dropSql } = await import("./partition/drop.js")
    return dropSql(this.target, name, options)
  }

  /** Gathers the planner's statistics of one partition, or of each; tells which. */
  async analyzePartitions(
    name?: string,
    options: Pick<ChangeOptions, "signal" | "progress"> = {},
  ): Promise<string[]> {
    const { analyzePartitions } = await import("./partition/analyze.js")
    return withClient(this.target, (client) => analyzePartitions(client, name, options))
  }

  /** What retention would purge in the next days, and what keeps it. Throws `not-found` for an organization that there is not. */
  async planRetention(options: RetentionPlanOptions = {}): Promise<RetentionPlan> {
    const { planRetention } = await import("./retention/plan.js")
    return planRetention(this.target, options)
  }

  /**
   * Purges what no rule keeps any more, as long as it verifies and no hold is on it. Throws `busy`, `privilege`, `config` without a key,
   * `not-found` without a backup that is asked for, `cancelled`; what was purged by then stays purged, and recorded.
   */
  async runRetention(options: RetentionRunOptions = {}): Promise<RetentionRun> {
    const { runRetention } = await import("./retention/run.js")
    return runRetention(this.target, options)
  }

  /** The runs of retention, newest first. */
  async retentionRuns(options: { readonly limit?: number | undefined } = {}): Promise<PastRun[]> {
    const { retentionRuns } = await import("./retention/list.js")
    return withClient(this.target, (client) => retentionRuns(client, options))
  }

  /**
   * Archives events, partition by partition: into files that still verify, and out of the table by an act each. Throws `busy`, `privilege`,
   * `config` without a key, `usage`, `not-found`, `cancelled`; what was archived by then stays so.
   */
  async createArchives(options: ArchiveOptions): Promise<ArchiveRun> {
    const { createArchives } = await import("./archive/create.js")
    return createArchives(this.target, options)
  }

  /**
   * Backs the log up into a folder or a bucket; recorded as an act where the role may. Throws `usage`, `not-found`, `privilege`, `disk-full`,
   * `cancelled`; what was written by then an incremental one goes on from.
   */
  async createBackup(options: BackupOptions): Promise<BackupRun> {
    const { createBackup } = await import("./backup/create.js")
    return createBackup(this.target, options)
  }

  /**
   * Makes a log of a backup, which appears whole or not at all, and verifies it; or puts it into a schema beside the log. `location` as a place of
   * backups or one of them. Throws `broken` where a file is not what was backed up, `usage` where a log is there and may not go, `busy`,
   * `privilege`, `config`, `newer-schema`, `disk-full`.
   */
  async restoreBackup(location: string, options: RestoreBackupOptions = {}): Promise<RestoredBackup> {
    const { restoreBackup } = await import("./backup/restore.js")
    return restoreBackup(this.target, location, options)
  }

  /**
   * Compares a backup with the log: equal, or which acts explain what is not, or the first event of each lane that differs. `location` as a place
   * of backups or one of them. Throws `usage` where it is of another log, `broken`, `config`, `privilege`, `not-found`.
   */
  async compareBackup(location: string, options: CompareOptions = {}): Promise<BackupComparison> {
    const { compareBackup } = await import("./backup/compare.js")
    return compareBackup(this.target, location, options)
  }

  /** The archives, oldest events first; with `at` also what lies there and no act tells of. */
  async archives(options: ArchiveListOptions = {}): Promise<ListedArchive[]> {
    const { listArchives } = await import("./archive/list.js")
    return listArchives(this.target, options)
  }

  /** What could not be archived, until it could. */
  async archiveFailures(): Promise<ArchiveFailure[]> {
    const { archiveFailures } = await import("./archive/failure.js")
    return withClient(this.target, archiveFailures)
  }

  /** One archive: its acts, what keeps it and until when, what blocks its removal, its files. Throws `not-found`. */
  async archive(name: string, options: ShowArchiveOptions = {}): Promise<ShownArchive> {
    const { showArchive } = await import("./archive/show.js")
    return showArchive(this.target, name, options)
  }

  /**
   * Brings the events of an archive back, by an act; or into a table beside the log. Throws `not-found`, `usage` where they are back,
   * `broken` where the files are not what was archived, `config`, `privilege`, `read-only`.
   */
  async restoreArchive(name: string, options: RestoreOptions): Promise<RestoredArchive> {
    const { restoreArchive } = await import("./archive/restore.js")
    return restoreArchive(this.target, name, options)
  }

  /** Deletes an archive for ever, by an act; at a place that is named an orphan too. Throws `usage` without the confirmation, `held`, `not-found`. */
  async removeArchive(name: string, options: RemoveArchiveOptions = {}): Promise<RemovedArchive> {
    const { removeArchive } = await import("./archive/remove.js")
    return removeArchive(this.target, name, options)
  }

  /** Deletes the archives that no rule of retention keeps any more, by an act each. Throws `busy`, `privilege`, `config`. */
  async removeExpiredArchives(options: RemoveExpiredOptions = {}): Promise<ExpiredArchives> {
    const { removeExpired } = await import("./archive/remove-expired.js")
    return removeExpired(this.target, options)
  }

  /** The keys of pseudonyms, oldest first, and which of them the caller has. */
  async privacyKeys(keys?: PrivacyKeys): Promise<ListedKey[]> {
    const { listPrivacyKeys, noPrivacyKeys } = await import("./subject/keys.js")
    return withClient(this.target, (client) => listPrivacyKeys(client, keys ?? noPrivacyKeys))
  }

  /** Makes a key of pseudonyms in a new file, or makes one known that the caller has, by an act. Throws `usage`, `config`, `privilege`. */
  async addPrivacyKey(options: NewKeyOptions): Promise<AddedKey> {
    const { addPrivacyKey } = await import("./subject/change-keys.js")
    return withClient(this.target, (client) => addPrivacyKey(client, options))
  }

  /** Forgets whom a key's pseudonyms stand for, by an act, and removes its file. Throws `usage` without the confirmation, `not-found`, `config`. */
  async destroyPrivacyKey(key: string, options: DestroyKeyOptions): Promise<DestroyedKey> {
    const { destroyPrivacyKey } = await import("./subject/change-keys.js")
    return withClient(this.target, (client) => destroyPrivacyKey(client, key, options))
  }

  /** What the log and its archives have of a subject, and what could not be erased. Records nothing. Throws `usage`, `privilege`, `read-only`. */
  async findSubject(identifiers: readonly Identifier[], options: FindOptions = {}): Promise<FoundSubject> {
    const { findSubject } = await import("./subject/find.js")
    return findSubject(this.target, identifiers, options)
  }

  /** Writes what a subject is given of the log, masked, with a manifest; recorded as an act. Throws `usage`, `privilege`, `read-only`, `retry`. */
  async exportSubject(
    identifiers: readonly Identifier[],
    options: SubjectExportOptions,
  ): Promise<SubjectExport> {
    const { createSubjectExport } = await import("./subject/export.js")
    return createSubjectExport(this.target, identifiers, options)
  }

  /** Erases a subject, by an act. Throws `usage` without the confirmation, `config`, `file`, `privilege`, `lock-timeout`, `retry`. */
  async eraseSubject(identifiers: readonly Identifier[], options: EraseOptions): Promise<ErasedSubject> {
    const { eraseSubject } = await import("./subject/erase.js")
    return eraseSubject(this.target, identifiers, options)
  }

  /** Erases again what a register of erasures lists and this log does not know. Throws `file`, `broken`, `other-log`, `privilege`, `retry`. */
  async reapply(register: string, options: ReapplyOptions = {}): Promise<Reapplied> {
    const { reapply } = await import("./subject/reapply.js")
    return reapply(this.target, register, options)
  }

  /** Puts a pseudonym in the place of whatever names a subject, in archives too, by acts. Throws `usage`, `config`, `privilege`, `lock-timeout`, `retry`. */
  async pseudonymize(
    identifiers: readonly Identifier[],
    options: PseudonymizeOptions,
  ): Promise<Pseudonymized> {
    const { pseudonymize } = await import("./subject/pseudonymize.js")
    return pseudonymize(this.target, identifiers, options)
  }

  /** Tells whom a pseudonym stands for, once an act of it is committed. Throws `usage`, `privilege`, `not-found`, `config`, `forged`. */
  async reveal(pseudonym: string, options: RevealOptions): Promise<Revealed> {
    const { reveal } = await import("./subject/reveal.js")
    return withClient(this.target, (client) => reveal(client, pseudonym, options))
  }

  /** The rules that say what is personal, and what a law keeps, in the order in which they were added. */
  async subjectRules(filter: SubjectRuleFilter = {}): Promise<SubjectRule[]> {
    const { subjectRules } = await import("./subject/rules.js")
    return withClient(this.target, (client) => subjectRules(client, filter))
  }

  /** Adds a rule of what is personal, by an act. Throws `usage`, `privilege`, `read-only`. */
  async addSubjectRule(rule: NewSubjectRule): Promise<ChangedSubjectRule> {
    const { addSubjectRule } = await import("./subject/rules.js")
    return withClient(this.target, (client) => addSubjectRule(client, rule))
  }

  /** Removes a rule of what is personal, by an act. Throws `not-found`, `privilege`. */
  async removeSubjectRule(rule: string): Promise<ChangedSubjectRule> {
    const { removeSubjectRule } = await import("./subject/rules.js")
    return withClient(this.target, (client) => removeSubjectRule(client, rule))
  }

  /** Hides a subject's events from all but pgtrail_privacy, by an act. Throws `usage`, `privilege`. */
  async restrictSubject(
    identifiers: readonly Identifier[],
    options: RestrictOptions,
  ): Promise<RestrictedSubject> {
    const { restrictSubject } = await import("./subject/restrict.js")
    return withClient(this.target, (client) => restrictSubject(client, identifiers, options))
  }

  /** Lifts restrictions, by an act each: that of an act, or all that name an identifier. Throws `not-found`, `privilege`. */
  async unrestrictSubject(
    which: { readonly act: string } | { readonly identifiers: readonly Identifier[] },
    options: RestrictOptions,
  ): Promise<UnrestrictedSubject> {
    const { unrestrictSubject } = await import("./subject/restrict.js")
    return withClient(this.target, (client) => unrestrictSubject(client, which, options))
  }

  /** The restrictions in force; whose they are is not told. Throws `privilege`; `read-only` where a standby is to count. */
  async restrictions(options: RestrictionsOptions = {}): Promise<Restriction[]> {
    const { listRestrictions } = await import("./subject/restriction-list.js")
    return withClient(this.target, (client) => listRestrictions(client, options))
  }

  /** Records what is right in the place of what an event says, by a new event. Throws `usage`, `privilege`. */
  async rectifyEvent(place: Place, options: RectifyOptions): Promise<RectifiedEvent> {
    const { rectifyEvent } = await import("./subject/rectify.js")
    return withClient(this.target, (client) => rectifyEvent(client, place, options))
  }

  /** The register of people's requests: those that are open, due first first, or all. */
  async subjectRequests(filter: RequestFilter = {}): Promise<SubjectRequest[]> {
    const { subjectRequests } = await import("./subject/request.js")
    return withClient(this.target, (client) => subjectRequests(client, filter))
  }

  /** One request of the register. Throws `not-found`. */
  async subjectRequest(request: string): Promise<SubjectRequest> {
    const { subjectRequest } = await import("./subject/request.js")
    return withClient(this.target, (client) => subjectRequest(client, request))
  }

  /** Enters a request, by an act: due a calendar month after it came. Throws `usage`, `privilege`. */
  async addRequest(request: NewRequest): Promise<SubjectRequest> {
    const { addRequest } = await import("./subject/request.js")
    return withClient(this.target, (client) => addRequest(client, request))
  }

  /** Extends the time of a request by two months, once, by an act. Throws `usage`, `not-found`. */
  async extendRequest(request: string, reason: string): Promise<SubjectRequest> {
    const { extendRequest } = await import("./subject/request.js")
    return withClient(this.target, (client) => extendRequest(client, request, reason))
  }

  /** Closes a request, by an act. Throws `usage`, `not-found`. */
  async closeRequest(request: string, options: CloseOptions): Promise<SubjectRequest> {
    const { closeRequest } = await import("./subject/request.js")
    return withClient(this.target, (client) => closeRequest(client, request, options))
  }

  /** Runs a job's work as the only one that does, with a row that tells how it ended. Throws `busy` where another run of it is at work. */
  async runJob(options: JobRunOptions): Promise<FinishedJob> {
    const { runJob } = await import("./job/run.js")
    return runJob(this.target, options)
  }

  /** How each job stands that ever ran: its newest run, its last success, and whether it is late. */
  async jobStates(): Promise<JobState[]> {
    const { jobStates } = await import("./job/states.js")
    return withClient(this.target, jobStates)
  }

  /** A connection of its own, with the session settings of this library. The caller ends it. */
  connect(): Promise<Client> {
    return connect(this.target)
  }

  /** Waits for appends that are under way, and ends the connection that is kept between two calls. */
  async close(): Promise<void> {
    await this.#link?.close()
    await endKept(this.target)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
