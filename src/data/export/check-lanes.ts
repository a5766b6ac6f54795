// Compares what the files have of each lane with what the manifest says of it.
import type { Checkpoint } from "../checkpoint/anchor.js"
import { plural } from "../words.js"
import { laneKey } from "./covering.js"
import { mostGaps } from "./gaps.js"
import type { Lane, Run } from "./lanes.js"
import { hasPeriod, type Manifest, type ManifestGap, type ManifestLane } from "./manifest.js"
import type { ExportFindings } from "./report.js"

/** Lanes in `lanes` are finished. */
export function checkLanes(manifest: Manifest, lanes: readonly Lane[], findings: ExportFindings): void {
  const found = new Map(lanes.map((lane) => [laneKey(lane.organization, lane.lane), lane]))
  for (const expected of manifest.lanes) {
    const key = laneKey(expected.organization_id, expected.lane)
    const lane = found.get(key)
    found.delete(key)
    if (lane === undefined) {
      findings.add("missing", `all ${expected.events} events of the lane are missing`, {
        place: { organization: expected.organization_id, lane: expected.lane, seq: expected.first.seq },
      })
    } else checkLane(manifest, expected, lane, findings)
  }
  for (const { organization_id: organization, lane, missing } of manifest.absent_lanes ?? [])
    checkGaps(missing, { organization, lane }, findings)
  for (const lane of found.values()) {
    const message = `the manifest has no such lane; it has ${lane.events} events here`
    findings.add("inserted", message, { place: placeOf(lane, lane.first), ...spot(manifest, lane.runs?.[0]) })
  }
}

const placeOf = ({ organization, lane }: Pick<Lane, "organization" | "lane">, seq: number | string) => ({
  organization,
  lane,
  seq,
})

function spot(
  { files }: Manifest,
  run: Run | undefined,
): { file?: string | undefined; line?: number | undefined } {
  return run === undefined ? {} : { file: files[run.firstAt.file]?.name, line: run.firstAt.line }
}

function checkGaps(
  missing: ManifestLane["missing"],
  lane: Pick<Lane, "organization" | "lane">,
  findings: ExportFindings,
): void {
  for (const gap of missing ?? []) {
    const { first, last, unexplained, purged } = gap
    if (explained(gap) < BigInt(last) - BigInt(first) + 1n) {
      const message = `the manifest gives reasons for ${explained(gap)} of the events ${first} to ${last}, and for no more`
      findings.add("manifest", message, { place: placeOf(lane, first) })
    }
    // Who may not know of purges cannot tell.
    if (unexplained === "0" || purged === null) continue
    const message = `of the events ${first} to ${last} the log lacked ${unexplained} when it was exported, and nothing explains it`
    findings.add("missing", message, { place: placeOf(lane, first) })
  }
}

function checkLane(manifest: Manifest, expected: ManifestLane, lane: Lane, findings: ExportFindings): void {
  checkGaps(expected.missing, lane, findings)
  if (manifest.kind === "evidence" && !hasPeriod(manifest.filters) && expected.missing !== null) {
    // Without a period a lane begins with its first event.
    for (const [first, last] of new Gaps(expected).unlisted(1, Number.parseInt(expected.first.seq, 10) - 1)) {
      const message = `the manifest does not say why the events ${first} to ${last} are not here`
      findings.add("manifest", message, { place: placeOf(lane, first) })
    }
  }
  const before = findings.total
  if (manifest.checks === "chain") {
    if (lane.runs !== undefined) checkRuns(manifest, expected, lane, lane.runs, findings)
    else if (!lane.closes && expected.missing?.length === 0) {
      const message =
        "events of the lane are missing, or do not follow one another, in too many places to name them"
      findings.add("unlinked", message, { place: placeOf(lane, lane.first) })
    }
  }
  const ends: [string, string | number, string | number][] = [
    ["number of events", lane.events, expected.events],
    ["first event", lane.first, expected.first.seq],
    ["last event", lane.last, expected.last.seq],
    ["hash of the first event", lane.firstHash, expected.first.hash],
    ["hash before the first event", lane.firstPrevious, expected.first.previous_hash],
    ["hash of the last event", lane.lastHash, expected.last.hash],
  ]
  // Where places were named, the sums follow from them.
  if (findings.total > before) return
  for (const [what, here, there] of ends) {
    if (String(here) === String(there)) continue
    const kind =
      what === "number of events" && BigInt(lane.events) < BigInt(expected.events) ? "missing" : "altered"
    findings.add(kind, `the ${what} of the lane is ${here}, and ${there} by the manifest`, {
      place: placeOf(lane, lane.last),
    })
  }
}

const explained = ({ outside, purged, unexplained }: ManifestGap): bigint =>
  (purged ?? []).reduce((sum, { events }) => sum + BigInt(events), BigInt(outside) + BigInt(unexplained))

/** Place by place, as the manifest says which are not there. */
function checkRuns(
  manifest: Manifest,
  expected: ManifestLane,
  lane: Lane,
  runs: readonly Run[],
  findings: ExportFindings,
): void {
  const name = (at: number) => manifest.files[at]?.name
  const listed = manifest.lanes.reduce((sum, { missing }) => sum + (missing?.length ?? 0), runs.length + 1)
  if (expected.missing === null && runs.length > 1 && listed <= mostGaps) {
    const message = `the manifest does not say why events are not here, in ${plural(runs.length - 1, "place")} of the lane`
    findings.add("manifest", message, { place: placeOf(lane, lane.first) })
  }
  const gaps = new Gaps(expected)
  let next = Number.parseInt(expected.first.seq, 10)
  let last: Run | undefined
  const lost = (from: number, to: number): void => {
    for (const [first, end] of gaps.unlisted(from, to)) {
      const range = first === end ? "the event is missing" : `the events ${first} to ${end} are missing`
      const where = last === undefined ? {} : { file: name(last.lastAt.file), line: last.lastAt.line }
      const behind = last === undefined ? "" : `, after ${expected.lane}/${last.last}, which stands here`
      findings.add("missing", `${range}${behind}`, { ...where, place: placeOf(lane, first) })
    }
  }
  for (const run of runs) {
    const place = { ...spot(manifest, run), place: placeOf(lane, run.first) }
    if (run.first < next) {
      findings.add(
        "duplicated",
        last === undefined ? "it comes before the first of the manifest" : "it stands here twice",
        place,
      )
    } else {
      lost(next, run.first - 1)
      if (last !== undefined && run.first === next && run.previous !== last.hash)
        findings.add("unlinked", "its previous_hash is not the hash of the event before it", place)
    }
    const filled = gaps.listed(run.first, run.last)
    if (filled !== undefined)
      findings.add("inserted", `the manifest says that ${filled.first} to ${filled.last} are not here`, place)
    next = Math.max(next, run.last + 1)
    if (last === undefined || run.last > last.last) last = run
  }
  lost(next, Number.parseInt(expected.last.seq, 10))
}

/** What the manifest says is not there. Where it lists nothing, anything may be missing between two events. */
class Gaps {
  readonly #gaps: readonly { readonly first: number; readonly last: number }[] | undefined

  constructor({ missing }: ManifestLane) {
    this.#gaps = missing?.map((gap: ManifestGap) => ({
      first: Number.parseInt(gap.first, 10),
      last: Number.parseInt(gap.last, 10),
    }))
  }

  /** The parts of a range that no listed gap has. */
  *unlisted(from: number, to: number): Generator<[first: number, last: number]> {
    if (this.#gaps === undefined) return
    let next = from
    for (const { first, last } of this.#gaps) {
      if (last < next || first > to) continue
      if (first > next) yield [next, first - 1]
      next = last + 1
    }
    if (next <= to) yield [next, to]
  }

  listed(from: number, to: number): { readonly first: number; readonly last: number } | undefined {
    return this.#gaps?.find(({ first, last }) => first <= to && last >= from)
  }
}

/**
 * Of an export without an end in time: it must reach at least as far as a checkpoint from before it. Where something was purged, or the
 * exporter might not know of it, nothing can be said.
 */
export function checkEnds(manifest: Manifest, checkpoint: Checkpoint, findings: ExportFindings): void {
  const { filters, kind, purges, lanes, created_at } = manifest
  if (kind !== "evidence" || hasPeriod(filters)) return
  if (checkpoint.time > created_at || purges === null) return
  const named = [filters.organization ?? []].flat()
  const ends = new Map(lanes.map((lane) => [laneKey(lane.organization_id, lane.lane), lane.last.seq]))
  for (const { organization_id: organization, lane, seq } of checkpoint.heads) {
    if (named.length > 0 && !named.includes(organization)) continue
    const last = ends.get(laneKey(organization, lane)) ?? "0"
    if (BigInt(last) >= BigInt(seq) || purges.some((purge) => purge.organization_id === organization))
      continue
    const message = `the checkpoint knows the lane up to ${seq}, and the export ends at ${last}: its end was cut off`
    findings.add("missing", message, { place: { organization, lane, seq: String(BigInt(last) + 1n) } })
  }
}
