// Verifies a log: acts first, then the control tables and the catalog, then every chain from genesis to head, each event hashed here
// and not in the server.
import type { Client } from "pg"
import { type Anchor, openCheckpoint, readKeyFiles, readState, writeState } from "../checkpoint/anchor.js"
import type { VerifierKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { notInstalled, schemaState } from "../install.js"
import type { Place } from "../query/typed.js"
import { checkActs } from "./acts.js"
import { judgeAnchors } from "./anchors.js"
import { checkCatalog } from "./catalog.js"
import { type Covered, checkChains, type Known } from "./check-chains.js"
import { checkInOrder } from "./check-in-order.js"
import { Replay } from "./controls.js"
import { Findings } from "./finding.js"
import { type ChainHead, readHeads } from "./heads.js"
import { readIdentity } from "./identity.js"
import { createParts } from "./parts.js"
import { checkRange } from "./range.js"
import { flush, recordVerification } from "./record.js"
import { buildReport, present, type VerifyReport } from "./report.js"

export interface VerifyOptions {
  readonly organization?: string
  /** Events that occurred at or after this time; anything PostgreSQL reads as timestamptz. */
  readonly since?: string
  /** Events that occurred before this time. */
  readonly until?: string
  /** Connections that read at once. Default 2. */
  readonly jobs?: number
  /** Files of signed checkpoints, each with its list of heads beside it; the log must still have those heads. */
  readonly checkpoints?: readonly string[]
  /** Files of public keys that vouch for checkpoints and for signatures of acts. */
  readonly publicKeys?: readonly string[]
  /** The auditor's own file: what it knows is compared, and a verification that found nothing wrong advances it. */
  readonly state?: string
  /** Only what came since the newest checkpoint or the state, else since the last whole verification. */
  readonly incremental?: boolean
  /** Goes on where an earlier verification stopped. */
  readonly from?: Place
  /** Stops after so many seconds. Chains are then read one after another. */
  readonly maxSeconds?: number
  /** Events a second. */
  readonly maxRate?: number
  /** Findings that were accepted count as well. */
  readonly strict?: boolean
  /** Whether to record the verification as an act, where the role may. Default true. */
  readonly record?: boolean
  readonly signal?: AbortSignal
  /** Called now and then with the events read so far. */
  readonly progress?: (events: number) => void
}

/** What was read before the log was asked. */
interface Brought {
  readonly keys: readonly VerifierKey[]
  readonly anchors: readonly Anchor[]
}

const attempts = 3

/** Throws where it could not look at all; a checkpoint that is forged or of another log throws before anything is read. */
export async function verify(target: ConnectionTarget, options: VerifyOptions = {}): Promise<VerifyReport> {
  refuseContradictions(options)
  const keys = await readKeyFiles(options.publicKeys ?? [])
  const checkpoints = await Promise.all((options.checkpoints ?? []).map((path) => openCheckpoint(path, keys)))
  const state = options.state === undefined ? undefined : await readState(options.state)
  const brought = { keys, anchors: [...checkpoints, ...(state === undefined ? [] : [state])] }
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(target, (client) => verifyOnce(client, target, options, brought))
    } catch (error) {
      // A partition was dropped while it waited its turn: what that took away is judged on a fresh snapshot.
      const dropped = error instanceof TrailError && error.sqlstate === "42P01"
      if (!dropped || attempt === attempts) throw asFailure(error)
    }
  }
}

function refuseContradictions(options: VerifyOptions): void {
  const ranged = options.since !== undefined || options.until !== undefined
  const inOrder = options.from !== undefined || options.maxSeconds !== undefined
  if (ranged && (inOrder || options.incremental === true)) {
    throw new TrailError("usage", "a time range cannot be verified incrementally, nor in pieces", {
      hint: "leave out --since and --until, or --incremental, --from and --max-seconds",
    })
  }
  for (const limit of [options.maxRate, options.maxSeconds]) {
    if (limit === undefined || (limit > 0 && Number.isFinite(limit))) continue
    throw new TrailError("usage", "a rate and a time to stop after must be more than 0")
  }
  if (options.incremental === true && options.from !== undefined) {
    throw new TrailError("usage", "an incremental verification starts at its anchor, not at a place")
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
  { keys, anchors }: Brought,
): Promise<VerifyReport> {
  const findings = new Findings()
  await checkMigrations(client, findings)
  await client.query("begin isolation level repeatable read read only")
  // Before the first savepoint: a subtransaction cannot export one.
  const exported = await client.query<{ snapshot: string }>("select pg_export_snapshot() as snapshot")
  const parts = createParts(client, findings)
  const identity = await parts.run("the identity of the log", () => readIdentity(client, findings))
  // Without it every chain would look altered; where the table itself was tampered with, that was found.
  if (identity === undefined && findings.total === 0) throw parts.failures[0]?.error
  const replay = new Replay()
  const wanted = new Set(anchors.flatMap((anchor) => (anchor.act === null ? [] : [anchor.act.seq])))
  const acts = await parts.run("the acts", () => checkActs(client, identity, replay, wanted, findings))
  if (acts !== undefined) {
    const isReplayed = await parts.run("the control tables", async () => {
      await replay.check(client, identity?.presentLogId, keys, findings)
      return true
    })
    if (isReplayed === true && options.strict !== true) findings.accept(replay.accepted)
  }
  await parts.run("the catalog", () => checkCatalog(client, acts?.catalogDigest, findings))
  const logIds = identity?.logIds ?? []
  const heads =
    (await parts.run("the heads", () => readHeads(client, logIds, options.organization, findings))) ?? none
  const compared = acts?.remembered === undefined ? anchors : [...anchors, acts.remembered]
  const anchored =
    identity === undefined
      ? { watched: none, lost: 0n, start: undefined }
      : judgeAnchors(compared, identity, acts?.seen ?? none, options.organization, findings)
  const start = options.incremental === true ? (anchored.start ?? nothingToStartFrom()) : undefined
  const known: Known = {
    snapshot: exported.rows[0]?.snapshot ?? "",
    logIds,
    heads: ofOrganization(heads, options.organization),
    watched: anchored.watched,
    starts: start?.heads,
  }
  const covered = (await parts.run("the events", () =>
    checkEvents(client, target, options, known, findings),
  )) ?? { chains: 0, events: 0, redacted: 0 }
  await client.query("commit").catch(() => undefined)

  const report = buildReport(
    options,
    covered,
    anchored.lost,
    start?.anchor,
    compared,
    findings,
    parts.failures,
    replay.unverifiedSignatures,
  )
  // What was found is told, whatever else could not be read; without any, not to have looked is no verdict.
  const hasFound = report.verdict === "tampered" || report.verdict === "rolled_back"
  if (parts.failures.length > 0 && !hasFound) throw parts.failures[0]?.error
  const reachesHeads = report.verdict === "intact" && isOfAll(options)
  const recorded =
    options.record === false
      ? { act: null, not_recorded: null }
      : await recordVerification(
          client,
          report,
          heads.values(),
          // From a checkpoint somebody has vouched for, but nobody has verified what is before it.
          reachesHeads && (start === undefined || start.anchor.source === "verification"),
        )
  if (options.state !== undefined && reachesHeads && identity !== undefined) {
    if (recorded.act === null) await flush(client)
    await writeState(options.state, present(identity, acts?.head ?? null, heads.values()))
  }
  return { ...report, ...recorded }
}

const none = new Map<string, never>()

/** Whether a verification looks at all chains up to their heads, and at all that is known of them. */
function isOfAll(options: VerifyOptions): boolean {
  const { organization, since, until, from, maxSeconds } = options
  return [organization, since, until, from, maxSeconds].every((restriction) => restriction === undefined)
}

function ofOrganization(
  heads: ReadonlyMap<string, ChainHead>,
  organization: string | undefined,
): ReadonlyMap<string, ChainHead> {
  if (organization === undefined) return heads
  return new Map([...heads].filter(([, head]) => head.organization_id === organization))
}

function checkEvents(
  client: Client,
  target: ConnectionTarget,
  options: VerifyOptions,
  known: Known,
  findings: Findings,
): Promise<Covered> {
  if (options.since !== undefined || options.until !== undefined) {
    return checkRange(client, target, options, known, findings)
  }
  if (options.from !== undefined || options.maxSeconds !== undefined) {
    return checkInOrder(target, options, known, findings)
  }
  return checkChains(client, target, options, known, findings)
}

async function checkMigrations(client: Client, findings: Findings): Promise<void> {
  const schema = await schemaState(client)
  if (!schema.installed) throw notInstalled()
  const pending = schema.migrations.find((migration) => migration.state === "pending")
  if (pending !== undefined) {
    throw new TrailError(
      "pending-migration",
      `migration ${pending.number}_${pending.name} is pending: nothing was checked`,
      { hint: "pgtrail migrate up" },
    )
  }
  for (const { number, name, state } of schema.migrations) {
    if (state !== "changed") continue
    const message = `pgtrail.migration: ${number}_${name} has another checksum than the migration of this pgtrail`
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: message })
  }
}

function nothingToStartFrom(): never {
  throw new TrailError("config", "there is nothing that an incremental verification could start from", {
    hint: "run pgtrail verify once, or name a checkpoint with --checkpoint FILE --public-key FILE",
  })
}
