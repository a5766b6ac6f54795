// The face of the library: one method for each capability.
import type { Readable } from "node:stream"
import type { Client } from "pg"
import type { ActFilter, Acts } from "./act/list.js"
import type { Setting, SettingChange } from "./act/setting.js"
import type { ShownAct } from "./act/show.js"
import type { Appended, AppendOptions } from "./append/append.js"
import type { EventInput } from "./append/event.js"
import { createLink, type Link } from "./append/link.js"
import type { Writer, WriterOptions } from "./append/writer.js"
import type { CheckpointOptions, CreatedCheckpoint } from "./checkpoint/create.js"
import type { Incarnation, IncarnationOptions, OpenedIncarnation } from "./checkpoint/incarnation.js"
import type { RecordedCheckpoint } from "./checkpoint/list.js"
import { type ConnectionTarget, connect, withClient } from "./connection.js"
import type { ImportOptions, ImportResult } from "./import/import.js"
import {
  type InstallOptions,
  type InstallResult,
  install,
  pendingScript,
  type SchemaState,
  schemaState,
} from "./install.js"
import type { EventRow } from "./query/columns.js"
import type { EventQuery, Events } from "./query/events.js"
import type { ShownEvent } from "./query/show.js"
import type { Place } from "./query/typed.js"
import type { LogStatus } from "./status.js"
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

  constructor(target: ConnectionTarget) {
    this.target = target
  }

  /** Installs the schema, or migrates it to this version; does nothing where nothing is pending. */
  install(options: InstallOptions = {}): Promise<InstallResult> {
    return withClient(this.target, (client) => install(client, options))
  }

  /** The SQL that `install` would run now; empty where nothing is pending. */
  installSql(options: InstallOptions = {}): Promise<string> {
    return withClient(this.target, (client) => pendingScript(client, options))
  }

  schemaState(): Promise<SchemaState> {
    return withClient(this.target, schemaState)
  }

  async status(): Promise<LogStatus> {
    const { logStatus } = await import("./status.js")
    return withClient(this.target, logStatus)
  }

  /** Appends one event or many, all or none, and tells their places in the order given. Throws `bad-event` naming event and field. */
  async append(events: EventInput | readonly EventInput[], options: AppendOptions = {}): Promise<Appended[]> {
    const { appendEvents } = await import("./append/append.js")
    this.#link ??= createLink(this.target)
    return appendEvents(this.#link, events, options)
  }

  /** Appends events that are JSON text: one object, an array, or NDJSON. Numbers keep all their digits. */
  async appendJson(json: string | Uint8Array, options: AppendOptions = {}): Promise<Appended[]> {
    const { appendJson } = await import("./append/append.js")
    this.#link ??= createLink(this.target)
    return appendJson(this.#link, json, options)
  }

  /** Gathers events and appends them in batches. Has a connection of its own; the caller closes it. */
  async writer(options: WriterOptions = {}): Promise<Writer> {
    const { createWriter } = await import("./append/writer.js")
    return createWriter(this.target, options)
  }

  /** Imports a file or a stream; what an earlier run has imported is skipped. Throws `incomplete` past maxErrors. */
  async importFile(from: string | Readable, options: ImportOptions = {}): Promise<ImportResult> {
    const { importFile } = await import("./import/import.js")
    return importFile(this.target, from, options)
  }

  /** Events, newest first. Asks the server when they are iterated, partition by partition. */
  async query(query: EventQuery = {}): Promise<Events> {
    const { events } = await import("./query/events.js")
    return events(this.target, query)
  }

  /** Every event with this id, newest first; an id need not be unique. */
  async eventsWithId(id: string): Promise<EventRow[]> {
    const { eventsWithId } = await import("./query/show.js")
    return withClient(this.target, (client) => eventsWithId(client, id))
  }

  /** One event, its neighbours, and whether it verifies. Throws `not-found`. */
  async show(place: Place): Promise<ShownEvent> {
    const { showEvent } = await import("./query/show.js")
    return withClient(this.target, (client) => showEvent(client, place))
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

  /** A connection of its own, with the session settings of this library. The caller ends it. */
  connect(): Promise<Client> {
    return connect(this.target)
  }

  /** Waits for appends that are under way. */
  async close(): Promise<void> {
    await this.#link?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
