// Checks the events of an export one by one as they are read: the hash of each, and that they stand in the order of the export.
import { microseconds } from "../binary.js"
import { genesis, hashVersion, recompute, type TextRow } from "../canonical.js"
import { isLane } from "../verification/rows.js"
import { laneKey } from "./covering.js"
import { Lanes, type Spot } from "./lanes.js"
import type { Manifest } from "./manifest.js"
import type { ExportFindings } from "./report.js"
import { oddColumn } from "./text-forms.js"

interface Before {
  readonly time: bigint
  readonly organization: string
  readonly lane: number
  readonly seq: number
}

/** Hashes that a checkpoint knows, by lane and seq; those that were met are counted. */
export interface Watched {
  readonly seq: string
  readonly hash: string
}

export class RowChecks {
  events = 0
  withoutValues = 0
  redacted = 0
  /** Lanes whose event at the checkpoint's head has the hash that it knows. */
  agreed = 0
  readonly lanes: Lanes
  readonly #manifest: Manifest
  readonly #findings: ExportFindings
  readonly #watched: ReadonlyMap<string, Watched>
  #before: Before | undefined
  readonly #period: { readonly since: bigint | undefined; readonly until: bigint | undefined }
  #isOutside = false

  constructor(manifest: Manifest, findings: ExportFindings, watched: ReadonlyMap<string, Watched>) {
    this.lanes = new Lanes(manifest.checks === "chain")
    this.#manifest = manifest
    const { since, until } = manifest.filters
    this.#period = { since: moment(since), until: moment(until) }
    this.#findings = findings
    this.#watched = watched
  }

  add(row: TextRow, at: Spot): void {
    const { organization_id: organization, lane = "", seq: place = "", hash, previous_hash } = row
    const file = this.#manifest.files[at.file]?.name
    const seq = Number.parseInt(place ?? "", 10)
    if (organization == null || lane === null || !isLane(lane) || seq < 1 || String(seq) !== place) {
      this.#findings.add("altered", "it has no place in any lane", { file, line: at.line })
      return
    }
    const spot = { file, line: at.line, place: { organization, lane, seq } }
    if (this.#isTwice(row, { organization, lane: Number.parseInt(lane, 10), seq }, spot)) return
    this.events += 1
    if (row.identity_digest != null || row.content_digest != null) this.withoutValues += 1
    if (this.#isRedacted(row)) this.redacted += 1
    const own = hash?.replace(/^\\x/, "") ?? ""
    const previous = previous_hash?.replace(/^\\x/, "") ?? ""
    if (row.hash_version !== hashVersion) {
      this.#findings.add(
        "unknown_version",
        `its hash version ${row.hash_version} is unknown to this pgtrail`,
        spot,
      )
    } else {
      const odd = oddColumn(row)
      if (odd !== undefined)
        this.#findings.add("altered", `its ${odd} is in no form that a server writes`, spot)
      else if (computed(row) !== own)
        this.#findings.add("altered", "its hash does not belong to what it says", spot)
    }
    if (this.#isOutside)
      this.#findings.add("inserted", "it occurred outside of the time that the manifest names", spot)
    if (seq === 1 && !this.#beginnings(organization, lane).includes(previous)) {
      this.#findings.add(
        "unlinked",
        `it is the first of its lane, and of another log than ${this.#manifest.log_id}`,
        spot,
      )
    }
    const key = laneKey(organization, lane)
    const known = this.#watched.get(key)
    if (known !== undefined && known.seq === place) {
      if (known.hash.replace(/^\\x/, "") === own) this.agreed += 1
      else this.#findings.add("altered", "the checkpoint knew another event here", spot)
    }
    this.lanes.add(
      this.lanes.lane(key, () => [organization, lane]),
      seq,
      previous,
      own,
      at,
    )
  }

  /** Whether the event is the one before it again. One that does not stand in the order is told. */
  #isTwice(row: TextRow, place: Omit<Before, "time">, spot: Parameters<ExportFindings["add"]>[2]): boolean {
    this.#isOutside = false
    let time: bigint
    try {
      time = microseconds(row.occurred_at ?? "")
    } catch {
      // Its hash will not fit it either.
      return false
    }
    const { since, until } = this.#period
    this.#isOutside = (since !== undefined && time < since) || (until !== undefined && time >= until)
    const now = { time, ...place }
    const before = this.#before
    this.#before = now
    const order = before === undefined ? 1 : compare(now, before)
    if (order === 0) this.#findings.add("duplicated", "it stands here twice", spot)
    if (order < 0) this.#findings.add("reordered", "it stands after an event that comes later", spot)
    return order === 0
  }

  /** A digest stands there that no exclusion put there: what is beside it a redaction left, and the log alone can vouch for it. */
  #isRedacted(row: TextRow): boolean {
    const { excluded } = this.#manifest
    return (["identity", "content"] as const).some(
      (group) => row[`${group}_digest`] != null && !excluded.includes(group),
    )
  }

  readonly #beginning: { key: string; hashes: string[] } = { key: "", hashes: [] }

  #beginnings(organization: string, lane: string): string[] {
    const key = laneKey(organization, lane)
    if (this.#beginning.key !== key) {
      this.#beginning.key = key
      this.#beginning.hashes = this.#manifest.log_ids.map((id) =>
        genesis(id, organization, lane).toString("hex"),
      )
    }
    return this.#beginning.hashes
  }
}

/** Whoever writes a program may name a time in any form that the server reads: then nothing can be said. */
const moment = (text: string | undefined): bigint | undefined =>
  text !== undefined && /^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/.test(text)
    ? microseconds(text)
    : undefined

/** Undefined where a value has no canonical form: no insert wrote it. */
function computed(row: TextRow): string | undefined {
  try {
    return recompute(row).hash
  } catch {
    return undefined
  }
}

function compare(a: Before, b: Before): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  if (a.organization !== b.organization)
    return Buffer.compare(Buffer.from(a.organization), Buffer.from(b.organization))
  return a.lane - b.lane || a.seq - b.seq
}
