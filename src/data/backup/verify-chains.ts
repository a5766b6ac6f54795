// Reads the events of a backup: every one is hashed on its way, and a chain that does not close up is read again in its order.
import { word } from "../act/about.js"
import { microseconds } from "../binary.js"
import { allChains, type Covered, rangeOf, tally } from "../verify/check-chains.js"
import { isDoubtful } from "../verify/doubtful.js"
import type { NewFinding } from "../verify/finding.js"
import type { LogTables } from "../verify/log-tables.js"
import type { Partition } from "../verify/partitions.js"
import { chainOf } from "../verify/row.js"
import { reportVanished } from "../verify/walk-chains.js"
import type { BackupManifest, BackupTable } from "./manifest.js"
import type { VerifyBackupOptions } from "./verify.js"
import { checkChainsOf } from "./verify-claims.js"
import { isAbsurd } from "./verify-file.js"
import type { LogJudgement } from "./verify-log.js"
import type { Others } from "./verify-lying.js"
import { tell } from "./verify-manifest.js"
import { type PooledEvents, scanEvents } from "./verify-pool.js"
import type { Place } from "./verify-reading.js"
import type { BackupFindings, Parts } from "./verify-report.js"
import { qualified } from "./verify-row.js"
import type { EventJob } from "./verify-scan.js"
import type { TableSource } from "./verify-tables.js"
import { walkLanes } from "./verify-walk.js"

export interface CheckedChains {
  /** Undefined where the chains were not judged. */
  readonly covered: Covered | undefined
  readonly notCovered: readonly string[]
}

interface EventRequest {
  readonly source: Omit<TableSource, "manifest"> & { readonly manifest: BackupManifest }
  readonly tables: LogTables
  /** Undefined where the log could not be looked into. */
  readonly judged: LogJudgement | undefined
  readonly key: Buffer
  readonly options: VerifyBackupOptions
  readonly others: Others
}

export async function checkEvents(
  { source, tables, judged, key, options, others }: EventRequest,
  parts: Parts,
  findings: BackupFindings,
): Promise<CheckedChains> {
  const { manifest, store, identities = [], signal } = source
  const events = manifest.tables.filter(({ kind, file }) => kind !== "table" && !isAbsurd(file))
  const isComplete = events.length === manifest.tables.filter(({ kind }) => kind !== "table").length
  const watched = judged?.known.watched ?? new Map<string, never>()
  const job: EventJob = {
    manifest: { name: manifest.name, tables: manifest.tables, started_at: manifest.started_at },
    identities,
    key,
    partitions: partitionsOf(manifest),
    watched: new Map([...watched].map(([chain, heads]) => [chain, heads.map(({ seq }) => seq)])),
    hasEntries: judged?.known.redactions.any ?? false,
    longest: judged === undefined ? usual : await longestLine(tables, parts),
  }
  const all = await scanEvents(store, job, events, {
    jobs: options.jobs,
    s3: options.s3,
    signal,
    progress: options.progress,
  })
  const files = new Map(events.map((table) => [table.name, table.file.name]))
  let isRead = isComplete
  for (const { name, reading } of all.files) {
    await tell(reading.problems, files.get(name) ?? name, reading.lying?.sha256, others, findings)
    isRead &&= reading.isRead
  }
  const totals = isRead ? all : without(all, files)
  for (const { file, line, place, why } of totals.bad)
    if (place === undefined) findings.addFile("file", file, `line ${line} ${why}`, line)
  if (judged === undefined) {
    reportAltered(totals, findings)
    return { covered: undefined, notCovered: [] }
  }
  reportMisplaced(totals, findings)
  checkChainsOf(manifest, totals.chains.keys(), findings)
  const unlinked = "whether events are missing, and whether they follow one another"
  if (manifest.partition !== null || !isRead || !judged.isReadable || totals.strange > 0) {
    reportAltered(totals, findings)
    const why =
      manifest.partition === null
        ? `${unlinked}: not all of its files could be read`
        : `${unlinked}: it has one partition alone`
    const isPart = manifest.partition !== null && isRead
    return { covered: isPart ? counted(totals) : undefined, notCovered: [why] }
  }
  const covered = await parts.run(
    "the chains",
    () => judgeChains({ source, tables, judged, options }, job, totals, findings),
    signal,
  )
  return { covered, notCovered: [] }
}

/** A file that is not what was written says nothing against the log: it may be that of an older backup. */
function without(all: PooledEvents, files: ReadonlyMap<string, string>): PooledEvents {
  const unread = all.files.filter(({ reading }) => !reading.isRead)
  const others = new Set(unread.map(({ name }) => files.get(name) ?? name))
  const isOwn = ({ file }: { readonly file: string }): boolean => !others.has(file)
  const { bad, outOfBounds, placeless } = all
  return {
    ...all,
    bad: bad.filter(isOwn),
    outOfBounds: outOfBounds.filter(isOwn),
    placeless: placeless.filter(isOwn),
  }
}

async function judgeChains(
  {
    source,
    tables,
    judged,
    options,
  }: Pick<EventRequest, "source" | "tables" | "options"> & { readonly judged: LogJudgement },
  job: EventJob,
  totals: PooledEvents,
  findings: BackupFindings,
): Promise<Covered> {
  const { known, sums } = judged
  const chains = allChains(known, totals.chains.keys())
  const doubtful = chains.filter((chain) => isDoubtful(known, sums, chain, totals.chains.get(chain)))
  const vanished = new Map<string, NewFinding[]>()
  const report = (finding: NewFinding, place: Place | undefined): void => {
    const { organization_id: organization } = finding
    if (finding.kind !== "vanished" || organization == null) findings.add(finding, place)
    else vanished.set(organization, [...(vanished.get(organization) ?? []), finding])
  }
  const events = source.manifest.tables.filter(({ kind }) => kind !== "table")
  const walked = await walkLanes(
    {
      store: source.store,
      job,
      tables: events,
      log: tables,
      purges: known.purges,
      signal: source.signal,
      windowBytes: options.windowBytes,
    },
    doubtful.map((chain) => ({
      chain,
      range: rangeOf(known, chain),
      head: known.heads.get(chain) ?? { seq: 0, hash: "" },
      events: totals.chains.get(chain)?.events ?? 0,
      isRedactedAsTold: (totals.chains.get(chain)?.redactions ?? 0n) === known.redactions.sumOf(chain),
    })),
    report,
  )
  const living = new Set([...totals.chains.keys()].map((chain) => chainOf(chain).organization))
  await reportVanished(vanished, findings, (organization) => living.has(organization))
  return tally(chains, totals, new Map(doubtful.map((chain, at) => [chain, walked[at]])), known.purges)
}

function counted({ chains, files }: PooledEvents): Covered {
  const sum = (count: "redacted" | "redactedIdentity" | "redactedContent"): number =>
    [...chains.values()].reduce((all, one) => all + one[count], 0)
  return {
    chains: chains.size,
    events: files.reduce((all, { rows }) => all + rows, 0),
    redacted: { events: sum("redacted"), identity: sum("redactedIdentity"), content: sum("redactedContent") },
    purged: 0,
    archived: 0,
  }
}

/** Events that are wrong by themselves, where nobody can say more of their chains. */
function reportAltered({ bad }: PooledEvents, findings: BackupFindings): void {
  for (const { file, line, place, why, evidence } of bad) {
    if (place === undefined) continue
    const message = `event ${place.seq} ${why}`
    findings.add({ kind: "altered", ...place, message, evidence }, { file, line })
  }
}

function reportMisplaced({ outOfBounds, placeless }: PooledEvents, findings: BackupFindings): void {
  for (const { partition, evidence, file, line, ...place } of outOfBounds) {
    findings.add(
      {
        kind: "out_of_bounds",
        ...place,
        evidence: `out of bounds ${partition} ${evidence}`,
        message: `event ${place.seq} stands in ${partition}, whose bounds it is outside of: queries by time do not find it`,
      },
      { file, line },
    )
  }
  for (const { partition, evidence, file, line } of placeless) {
    findings.add(
      {
        kind: "altered",
        evidence: `no place ${evidence}`,
        message: `a row of ${partition} has no place in any chain: its chain columns were changed`,
      },
      { file, line },
    )
  }
}

const [lowest, highest] = [-0x8000000000000000n, 0x7fffffffffffffffn]

function partitionsOf({ tables }: BackupManifest): Partition[] {
  const time = (text: string | null, infinite: bigint): bigint =>
    text === null || text === "infinity" || text === "-infinity" ? infinite : microseconds(text)
  const isDefault = (table: BackupTable): boolean => table.kind === "partition" && table.since === null
  return tables
    .filter(({ kind }) => kind !== "table")
    .map((table) => ({
      name: qualified(table.name),
      isDefault: isDefault(table),
      isDetached: table.kind === "detached",
      since: time(table.since, lowest),
      until: time(table.until, highest),
      blocks: 0,
    }))
    .sort((a, b) => (a.isDefault !== b.isDefault ? (a.isDefault ? 1 : -1) : a.since < b.since ? -1 : 1))
}

const usual = 64 * 1024 * 1024
const longest = 256 * 1024 * 1024

/** Text takes more room than an event does: twice as much, where every character is escaped. */
async function longestLine(tables: LogTables, parts: Parts): Promise<number> {
  const settings = await parts.run("the settings", () => tables.all("setting", ["name", "value"]))
  const limit = Number(word(settings?.find(({ name }) => name === "event-size-limit")?.value))
  return limit > usual / 4 ? longest : usual
}
