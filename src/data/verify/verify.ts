// Verifies a log: acts first, then the control tables and the catalog, then every chain from genesis to head, each event hashed here
// and not in the server.
import { randomBytes } from "node:crypto"
import type { Client } from "pg"
import { type Anchor, openCheckpoint, readKeyFiles, readState, writeState } from "../checkpoint/anchor.js"
import type { VerifierKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { isBoundSql } from "../query/source.js"
import { checkActs } from "./acts.js"
import { judgeAnchors } from "./anchors.js"
import { checkCatalog } from "./catalog.js"
import { Chains } from "./chains.js"
import { checkArchives } from "./check-archives.js"
import { type Covered, checkChains, type Known } from "./check-chains.js"
import { checkInOrder } from "./check-in-order.js"
import { Replay } from "./controls.js"
import { Findings } from "./finding.js"
import { type ChainHead, readHeads } from "./heads.js"
import { readIdentity } from "./identity.js"
import { readKeys, refuseNowhere } from "./locate-archives.js"
import { liveTables } from "./log-tables.js"
import { checkMigrations, refuseMigrated } from "./migrations.js"
import { refuseContradictions, type VerifyOptions } from "./options.js"
import { createParts } from "./parts.js"
import { Purges } from "./purges.js"
import { checkRange } from "./range.js"
import { flush, recordVerification } from "./record.js"
import { Redactions } from "./redactions.js"
import { buildReport, present, type VerifyReport } from "./report.js"
import { noneRedacted } from "./walk-chain.js"

export type { VerifyOptions } from "./options.js"

/** What was read before the log was asked. */
interface Brought {
  readonly keys: readonly VerifierKey[]
  readonly anchors: readonly Anchor[]
}

const attempts = 3

export interface Verified {
  readonly report: VerifyReport
  /** The heads up to which the chains were read, by chain key. */
  readonly heads: ReadonlyMap<string, ChainHead>
}

/** Throws where it could not look at all; a checkpoint that is forged or of another log throws before anything is read. */
export async function verify(target: ConnectionTarget, options: VerifyOptions = {}): Promise<VerifyReport> {
  return (await verifyHeads(target, options)).report
}

export async function verifyHeads(target: ConnectionTarget, options: VerifyOptions): Promise<Verified> {
  refuseContradictions(options)
  const s3 = await readKeys(options)
  const given = s3 === undefined ? options : { ...options, stores: { s3 } }
  const keys = await readKeyFiles(options.publicKeys ?? [])
  const checkpoints = await Promise.all((options.checkpoints ?? []).map((path) => openCheckpoint(path, keys)))
  const state = options.state === undefined ? undefined : await readState(options.state)
  const brought = { keys, anchors: [...checkpoints, ...(state === undefined ? [] : [state])] }
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(target, (client) => verifyOnce(client, target, given, brought))
    } catch (error) {
      // A partition was dropped while it waited its turn, or the log was migrated: judged on a fresh snapshot.
      const again = error instanceof TrailError && (error.sqlstate === "42P01" || error.code === "retry")
      if (!again || attempt === attempts) throw asFailure(error)
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
  { keys, anchors }: Brought,
): Promise<Verified> {
  const findings = new Findings()
  const pending = await checkMigrations(client, findings)
  await refuseNowhere(client, target, options)
  await client.query("begin isolation level repeatable read read only")
  // Before the first savepoint: a subtransaction cannot export one.
  const exported = await client.query<{ snapshot: string; is_bound: string }>(
    `select pg_export_snapshot() as snapshot, ${isBoundSql} as is_bound`,
  )
  if (exported.rows[0]?.is_bound === "t") throw seesTooLittle()
  const tables = liveTables(client)
  const parts = createParts(client, findings)
  const identity = await parts.run("the identity of the log", () => readIdentity(tables, findings))
  // Without it every chain would look altered; where the table itself was tampered with, that was found.
  if (identity === undefined && findings.total === 0) throw parts.failures[0]?.error
  const replay = new Replay()
  const wanted = new Set(anchors.flatMap((anchor) => (anchor.act === null ? [] : [anchor.act.seq])))
  const acts = await parts.run("the acts", () => checkActs(tables, identity, replay, wanted, findings))
  if (acts !== undefined) {
    const isReplayed = await parts.run("the control tables", async () => {
      await replay.check(tables, identity?.presentLogId, keys, findings)
      return true
    })
    if (isReplayed === true && options.strict !== true) findings.accept(replay.accepted)
  }
  await parts.run("the catalog", () => checkCatalog(client, acts?.catalogDigest, findings, target))
  const logIds = identity?.logIds ?? []
  const heads =
    (await parts.run("the heads", () => readHeads(tables, logIds, options.organization, findings))) ?? none
  const compared = acts?.remembered === undefined ? anchors : [...anchors, acts.remembered]
  const anchored =
    identity === undefined
      ? { watched: none, lost: 0n, start: undefined }
      : judgeAnchors(compared, identity, acts?.seen ?? none, options.organization, findings)
  const start = options.incremental === true ? (anchored.start ?? nothingToStartFrom()) : undefined
  const key = randomBytes(32)
  const sums = new Chains(key)
  const purges = new Purges()
  // Where it cannot be read what was purged would be taken for missing.
  const arePurgesRead = await parts.run("the purges", async () => {
    await purges.check(tables, acts === undefined ? undefined : replay, findings)
    await purges.sum(tables, options.organization, start?.heads, anchored.watched, sums, findings)
    return true
  })
  const redactions = new Redactions()
  const areRedactionsRead = await parts.run("the redactions", async () => {
    const scope = { organization: options.organization, starts: start?.heads, purges, sums }
    await redactions.check(tables, acts === undefined ? undefined : replay.redacted, scope, findings)
    return true
  })
  const isReadable = arePurgesRead === true && areRedactionsRead === true
  if (findings.count + parts.failures.length > 0) await refuseMigrated(client, target)
  const known: Known = {
    key,
    purges,
    redactions,
    snapshot: exported.rows[0]?.snapshot ?? "",
    logIds,
    heads: ofOrganization(heads, options.organization),
    watched: anchored.watched,
    starts: start?.heads,
  }
  const readEvents = () =>
    parts.run("the events", () => checkEvents(client, target, options, known, sums, findings))
  const covered = (isReadable ? await readEvents() : undefined) ?? {
    chains: 0,
    events: 0,
    redacted: noneRedacted,
    purged: 0,
    archived: 0,
  }
  await client.query("commit").catch(() => undefined)

  const archives = await checkArchives(
    {
      target,
      options,
      events: covered.events,
      archives: purges.archives(options.organization),
      logIds,
      purges,
      key,
      watched: anchored.watched,
    },
    findings,
  )
  const report = buildReport(
    options,
    covered,
    anchored.lost,
    start?.anchor,
    compared,
    findings,
    parts.failures,
    replay.unverifiedSignatures,
    archives,
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
  return { report: { ...report, ...recorded, pending_migration: pending }, heads: known.heads }
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
  sums: Chains,
  findings: Findings,
): Promise<Covered> {
  if (options.since !== undefined || options.until !== undefined) {
    return checkRange(client, target, options, known, findings)
  }
  if (options.from !== undefined || options.maxSeconds !== undefined) {
    return checkInOrder(target, options, known, findings)
  }
  return checkChains(client, target, options, known, sums, findings)
}

/** What a reader of one organization does not see would be missing to him, or would hide what is. */
function seesTooLittle(): TrailError {
  return new TrailError(
    "privilege",
    "this role reads the events of some organizations alone, and who verifies must see all",
    {
      hint: "nothing was verified; connect as a role that has pgtrail_auditor; pgtrail show checks one event",
    },
  )
}

function nothingToStartFrom(): never {
  throw new TrailError("config", "there is nothing that an incremental verification could start from", {
    hint: "run pgtrail verify once, or name a checkpoint with --checkpoint FILE --public-key FILE",
  })
}
