// Puts the manifest together, when all events were read and before the snapshot is given up.
import type { ClientBase } from "pg"
import type { Checkpoint } from "../checkpoint/anchor.js"
import type { EventFilter } from "../query/criteria.js"
import { detachedPartitionsIn } from "../query/detached.js"
import { version } from "../version.js"
import { covering } from "./covering.js"
import { type Facts, purgesOf, recordedCheckpoint, recordedVerification } from "./facts.js"
import { absentLanes, explainGaps, newestPlaces } from "./gaps.js"
import type { Lane } from "./lanes.js"
import {
  hasPeriod,
  type Manifest,
  type ManifestGap,
  type ManifestLane,
  type ManifestSample,
  type ManifestVerification,
  statementOf,
} from "./manifest.js"
import type { WrittenFile } from "./pages.js"
import type { Read } from "./read.js"
import type { Shape } from "./shape.js"

interface Asked {
  readonly shape: Pick<Shape, "format" | "isExcel" | "excluded" | "isWhole"> & {
    readonly columns: readonly string[]
  }
  readonly source: Manifest["source"]
  readonly filter: EventFilter
  readonly isExtract: boolean
  readonly checkpoints: readonly Checkpoint[]
  readonly typed: string | undefined
  readonly sample?: ManifestSample | undefined
  /** Organizations that were asked for, and that the log does not know. */
  readonly unknown: readonly string[]
  /** That was made for the export. */
  readonly verification: ManifestVerification | undefined
}

export async function makeManifest(
  client: ClientBase,
  facts: Facts,
  { shape, filter, isExtract, checkpoints, verification, typed, sample, source, unknown }: Asked,
  { lanes, population, files }: Read & { readonly files: readonly WrittenFile[] },
): Promise<Manifest> {
  const passed = lanes.finish()
  const organizations = [filter.organization ?? []].flat()
  const heads = isExtract || hasPeriod(filter) ? undefined : await newestPlaces(client, facts, organizations)
  const absent = heads === undefined ? [] : absentLanes(heads, passed)
  const gaps = isExtract
    ? new Map<Lane, ManifestGap[]>()
    : await explainGaps(client, [...passed, ...absent], facts, heads)
  const detached = isExtract ? await detachedPartitionsIn(client, filter) : []
  const exported = files.reduce((sum, { rows }) => sum + BigInt(rows), 0n)
  const counts = {
    events: String(population),
    exported: String(exported),
    omitted: String(population - exported),
  }
  const known = {
    kind: isExtract ? "extract" : "evidence",
    checks: !shape.isWhole || shape.isExcel ? "files" : isExtract ? "hashes" : "chain",
    excel: shape.isExcel,
    excluded: shape.excluded,
    sample,
    population: counts,
    filters: filter,
    source,
    unknown,
    detached,
  } as const
  return {
    schema: "pgtrail.export/1",
    kind: known.kind,
    source,
    checks: known.checks,
    statement: statementOf(known),
    log_id: facts.logId,
    log_ids: facts.logIds,
    incarnation: facts.incarnation,
    database: facts.database,
    created_by: facts.user,
    created_at: facts.time,
    tool_version: version,
    zone: "UTC",
    format: shape.format,
    excel: shape.isExcel,
    columns: shape.columns,
    excluded: shape.excluded,
    filters: filter,
    typed: typed ?? null,
    ...(sample === undefined ? {} : { sample }),
    population: counts,
    ...(detached.length === 0 ? {} : { detached }),
    lanes: passed.map((lane) => laneOf(lane, gaps.get(lane) ?? null)),
    ...(absent.length === 0
      ? {}
      : {
          absent_lanes: absent.map((one) => ({
            organization_id: one.organization,
            lane: one.lane,
            missing: gaps.get(one) ?? null,
          })),
        }),
    purges: facts.readsPurges
      ? await purgesOf(client, organizations.length === 0 ? undefined : organizations, filter)
      : null,
    verification:
      verification === undefined
        ? facts.readsActs
          ? await recordedVerification(client)
          : null
        : { ...verification, recorded_at: facts.time },
    checkpoint: covering(checkpoints, passed) ?? (facts.readsActs ? await recordedCheckpoint(client) : null),
    files: files.map(({ name, rows, bytes, sha256: hash }) => ({
      name,
      rows: String(rows),
      bytes: String(bytes),
      sha256: hash,
    })),
  }
}

const laneOf = (lane: Lane, missing: ManifestLane["missing"]): ManifestLane => ({
  organization_id: lane.organization,
  lane: lane.lane,
  events: String(lane.events),
  first: { seq: String(lane.first), previous_hash: lane.firstPrevious, hash: lane.firstHash },
  last: { seq: String(lane.last), hash: lane.lastHash },
  missing,
})
