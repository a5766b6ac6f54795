// Judges the log that a backup holds as verify judges one in a database: acts, control tables, description of the catalog, purges, redactions, every chain.
import { createHash } from "node:crypto"
import { headsDigest } from "../canonical.js"
import type { Anchor } from "../checkpoint/anchor.js"
import type { VerifierKey } from "../checkpoint/note.js"
import { fullName } from "../migrate/state.js"
import { findVersion, migrations } from "../sql-files.js"
import { checkActs } from "../verify/acts.js"
import { judgeAnchors } from "../verify/anchors.js"
import { compareAct, compareLedger } from "../verify/catalog-stored.js"
import { Chains } from "../verify/chains.js"
import type { Known } from "../verify/check-chains.js"
import { Replay } from "../verify/controls.js"
import { readHeads } from "../verify/heads.js"
import { readIdentity } from "../verify/identity.js"
import type { LogTables } from "../verify/log-tables.js"
import { Purges } from "../verify/purges.js"
import { Redactions } from "../verify/redactions.js"
import { timeOfName } from "./list.js"
import type { BackupManifest } from "./manifest.js"
import { SeenActs } from "./seen-acts.js"
import type { BackupFindings, Parts } from "./verify-report.js"
import { rowsOfTable, type TableSource } from "./verify-tables.js"

export interface LogJudgement {
  readonly known: Known
  readonly sums: Chains
  readonly lost: bigint
  readonly compared: readonly Anchor[]
  /** Whether checkpoints were named, and each of them is younger than the backup: none says anything of it. */
  readonly areAllYounger: boolean
  readonly uncheckedSignatures: number
  /** Whether acts, heads, purges and redactions could be read: without them chains cannot be judged. */
  readonly isReadable: boolean
  readonly notCovered: readonly string[]
}

export interface LogRequest {
  readonly source: Omit<TableSource, "manifest"> & { readonly manifest: BackupManifest }
  readonly tables: LogTables
  /** 32 bytes, drawn for this verification. */
  readonly key: Buffer
  readonly anchors: readonly Anchor[]
  readonly keys: readonly VerifierKey[]
  readonly strict: boolean
}

const none = new Map<string, never>()

export async function judgeLog(
  { source, tables, key, anchors, keys, strict }: LogRequest,
  parts: Parts,
  findings: BackupFindings,
): Promise<LogJudgement> {
  const { manifest, signal } = source
  const organization = manifest.organization ?? undefined
  const hasAll = organization === undefined
  const notCovered: string[] = []
  const log = findings.log
  const run = <T>(part: string, work: () => Promise<T>) => parts.run(part, work, signal)
  const identity = await run("the identity of the log", () => readIdentity(tables, log))
  const replay = new Replay()
  const seen = new SeenActs()
  const acting = { ...tables, acts: () => seen.of(tables.acts()) }
  const { usable, later } = younger(anchors, manifest)
  for (const { name } of later) notCovered.push(`${name}: it is younger than the backup`)
  const wanted = new Set(usable.flatMap((anchor) => (anchor.act === null ? [] : [anchor.act.seq])))
  const acts = await run("the acts", () => checkActs(acting, identity, replay, wanted, log, hasAll))
  if (acts !== undefined) {
    for (const message of seen.against(manifest)) findings.addFile("manifest", "manifest.json", message)
    const isReplayed = await run("the control tables", async () => {
      await replay.check(tables, identity?.presentLogId, keys, log, hasAll)
      return true
    })
    if (isReplayed === true && hasAll && !strict) log.accept(replay.accepted)
  }
  await run("the description of the catalog", () =>
    checkDescription(source, seen.migration, acts?.catalogDigest, findings),
  )
  const logIds = identity?.logIds ?? []
  if (identity !== undefined && identity.presentLogId !== manifest.log_id)
    findings.addFile("manifest", "manifest.json", "tells of another log than the backup has")
  const read = await run("the heads", async () => {
    const all = await readHeads(tables, logIds, organization, log)
    const list = [...all.values()].map((head) => ({
      ...head,
      seq: String(head.seq),
      hash: `\\x${Buffer.from(head.hash, "latin1").toString("hex")}`,
    }))
    if (headsDigest(list) !== manifest.heads.digest)
      findings.addFile("manifest", "manifest.json", "tells of other heads than the backup has")
    return all
  })
  const heads = read ?? none
  const compared = acts?.remembered === undefined ? usable : [...usable, acts.remembered]
  const judgedAnchors = await run("what anchors know", async () =>
    acts !== undefined && identity !== undefined
      ? judgeAnchors(compared, identity, acts.seen, organization, log)
      : undefined,
  )
  const anchored = judgedAnchors ?? { watched: none, lost: 0n }
  const sums = new Chains(key)
  const purges = new Purges()
  const believed = acts === undefined || !hasAll ? undefined : replay
  const arePurgesRead = await run("the purges", async () => {
    await purges.check(tables, believed, log)
    await purges.sum(tables, organization, undefined, anchored.watched, sums, log)
    return true
  })
  const redactions = new Redactions()
  const areRedactionsRead = await run("the redactions", async () => {
    const scope = { organization, starts: undefined, purges, sums }
    await redactions.check(tables, believed?.redacted, scope, log)
    return true
  })
  if (!hasAll) {
    notCovered.push(
      "holds, rules, archives, bindings and other control tables: it has one organization alone, and acts vouch for the rows of all",
      "whether acts recorded the purges and the redactions of this organization",
    )
  }
  const archives = purges.archives(organization).length
  if (archives > 0)
    notCovered.push(
      `events in ${archives} ${archives === 1 ? "archive" : "archives"}: pgtrail archive verify reads them`,
    )
  return {
    known: {
      key,
      snapshot: "",
      purges,
      redactions,
      logIds,
      heads: hasAll ? heads : new Map([...heads].filter(([, head]) => head.organization_id === organization)),
      watched: anchored.watched,
      starts: undefined,
    },
    sums,
    lost: anchored.lost,
    compared,
    areAllYounger: anchors.length > 0 && usable.length === 0,
    uncheckedSignatures: replay.unverifiedSignatures,
    isReadable:
      arePurgesRead === true &&
      areRedactionsRead === true &&
      read !== undefined &&
      judgedAnchors !== undefined,
    notCovered,
  }
}

/** What was signed after the backup was begun, by its manifest and by its name, cannot be in it: that its acts are missing says nothing. */
function younger(
  anchors: readonly Anchor[],
  { name, started_at, act }: BackupManifest,
): { readonly usable: readonly Anchor[]; readonly later: readonly Anchor[] } {
  const begun = Math.max(Date.parse(started_at), timeOfName(name))
  const isLater = (anchor: Anchor): boolean =>
    Date.parse(anchor.time) > begun && anchor.act !== null && BigInt(anchor.act.seq) > BigInt(act?.seq ?? "0")
  return { usable: anchors.filter((one) => !isLater(one)), later: anchors.filter(isLater) }
}

/** A backup has no catalog: whether the description that the log keeps of it is the one that its act recorded, and whether its tables are there. */
async function checkDescription(
  source: LogRequest["source"],
  act: SeenActs["migration"],
  digest: string | undefined,
  findings: BackupFindings,
): Promise<void> {
  const { manifest } = source
  const stored = createHash("sha256")
  const described = new Set<string>()
  for await (const { object, definition } of rowsOfTable(source, "catalog_object", [
    "object",
    "definition",
  ])) {
    stored.update(`${object}\n${definition}\n`)
    // Views are called tables there as well.
    const isTable = object?.startsWith("table ") === true && definition?.includes("table kind r,") === true
    if (isTable && object.length < 100) described.add(object)
  }
  const applied = new Map<string, string | null | undefined>()
  for await (const row of rowsOfTable(source, "migration", ["number", "checksum"])) {
    applied.set(row.number ?? "", row.checksum)
  }
  const level = Math.max(0, ...[...applied.keys()].map(Number))
  if (level !== manifest.level)
    findings.addFile(
      "manifest",
      "manifest.json",
      `tells of level ${manifest.level}, and the log in the backup is at level ${level}`,
    )
  const shipped = findVersion((one) => one.codeChecksum === act?.code_checksum)
  const differences = [
    ...compareAct(act, stored.digest("hex"), digest ?? act?.digest ?? undefined),
    ...compareLedger([...applied.keys()], shipped),
  ]
  for (const { kind, message, evidence } of differences)
    findings.add({ kind, group: "object", message, evidence })
  for (const { number, name, checksum } of migrations()) {
    const is = applied.get(String(number))
    if (is == null || is === checksum) continue
    const message = `pgtrail.migration: ${fullName({ number, name })} has another checksum than the migration of this pgtrail`
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: message })
  }
  const there = new Set(
    manifest.tables.flatMap(({ kind, name }) => (kind === "table" ? [`table ${name}`] : [])),
  )
  for (const object of described) {
    if (there.has(object)) continue
    const message = `${object} is missing`
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: message })
  }
}
