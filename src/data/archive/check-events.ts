// Judges the events of an archive one by one, and in the end all of them together.
import { genesis } from "../canonical.js"
import { chainOf } from "../verify/row.js"
import { plural } from "../words.js"
import type { RowVisitor } from "./copy-rows.js"
import type { ArchiveFindings } from "./findings.js"
import { type ArchiveManifest, manifestName } from "./manifest.js"
import { Records } from "./records.js"
import { type HashedRow, placeOf, type RowRedaction } from "./row-hash.js"

/** Of the event at this place, whose chain is as verify/row.ts keys it. */
export interface RedactedGroup extends RowRedaction {
  readonly chain: string
  readonly seq: number
}

export class CheckedEvents implements RowVisitor {
  /** Which is being read. */
  file = ""
  count = 0
  redacted = 0
  redactedGroups = 0
  readonly hashes = new Map<string, Map<number, string>>()
  readonly #findings: ArchiveFindings
  readonly #logIds: readonly string[]
  readonly #known: ReadonlyMap<string, ReadonlySet<number>>
  readonly #redaction: ((redaction: RedactedGroup) => void) | undefined
  readonly #records = new Records()
  #bad = 0

  constructor(
    findings: ArchiveFindings,
    logIds: readonly string[],
    known: ReadonlyMap<string, ReadonlySet<number>>,
    redaction?: (redaction: RedactedGroup) => void,
  ) {
    this.#redaction = redaction
    this.#findings = findings
    this.#logIds = logIds
    this.#known = known
  }

  row(row: HashedRow, line: number): void {
    this.count += 1
    if (row.redactions.length > 0) this.#redacted(row)
    if (row.version !== 1) {
      this.#add(
        "unknown_version",
        `hash version ${row.version} is not known: nothing can be said about it`,
        row,
        line,
      )
    } else if (row.computed !== row.hash) {
      this.#add("altered", "its hash does not fit what it says", row, line)
    } else if (row.seq === 1 && !this.#isGenesis(row)) {
      this.#add(
        "unlinked",
        "it is the first of its lane, and does not begin with the genesis of its log",
        row,
        line,
      )
    }
    this.#records.add(row, line)
    if (this.#known.get(row.chain)?.has(row.seq) !== true) return
    const found = this.hashes.get(row.chain) ?? new Map<number, string>()
    this.hashes.set(row.chain, found.set(row.seq, row.hash))
  }

  #redacted({ chain, seq, redactions }: HashedRow): void {
    this.redacted += 1
    this.redactedGroups += redactions.length
    for (const redaction of redactions) this.#redaction?.({ chain, seq, ...redaction })
  }

  bad(line: number, why: string): void {
    this.#bad += 1
    this.#findings.add("altered", `it is no event: ${why}`, { file: this.file, line })
  }

  #add(
    kind: "altered" | "unlinked" | "unknown_version",
    message: string,
    row: HashedRow,
    line: number,
  ): void {
    this.#findings.add(kind, message, { file: this.file, line, place: placeOf(row) })
  }

  #isGenesis(row: HashedRow): boolean {
    const { organization, lane } = chainOf(row.chain)
    return this.#logIds.some((logId) => genesis(logId, organization, lane).toString("hex") === row.previous)
  }

  /** Of all files, where they were read to their ends. Returns what the events come to, hex. */
  finish(manifest: ArchiveManifest): string {
    const found = this.#records.finish()
    const { events, oldest_occurred_at, newest_occurred_at } = manifest
    for (const { kind, organization, lane, seq, line, message } of found.problems) {
      this.#findings.add(kind, message, { file: this.file, line, place: { organization, lane, seq } })
    }
    // A line that is no event is told already, and what it was is missing below.
    if (this.#bad > 0) return found.digest
    this.#compareLanes(manifest, found.lanes)
    const wrong = (message: string): void => this.#findings.add("manifest", message, { file: manifestName })
    if (String(found.events) !== events)
      wrong(`it tells of ${plural(events, "event")}, and there are ${plural(found.events, "event")}`)
    if (found.oldest !== oldest_occurred_at || found.newest !== newest_occurred_at)
      wrong("its times are not those of the oldest and the newest event")
    if (found.digest !== manifest.records) {
      this.#findings.add(
        "records",
        "these are not the events that the purge took out of the log, by its records",
        {
          file: this.file,
        },
      )
    }
    return found.digest
  }

  #compareLanes({ lanes }: ArchiveManifest, found: ArchiveManifest["lanes"]): void {
    const keyOf = (one: ArchiveManifest["lanes"][number]) => JSON.stringify([one.organization_id, one.lane])
    const said = new Map(lanes.map((one) => [keyOf(one), one]))
    const add = (one: ArchiveManifest["lanes"][number], message: string): void =>
      this.#findings.add("manifest", message, {
        file: manifestName,
        place: { organization: one.organization_id, lane: one.lane },
      })
    for (const one of found) {
      const other = said.get(keyOf(one))
      said.delete(keyOf(one))
      if (other === undefined) add(one, "it does not tell of this lane, of which there are events")
      else if (other.events !== one.events || other.first !== one.first || other.last !== one.last) {
        const is = `${plural(one.events, "event")} from ${one.first} to ${one.last}`
        add(
          one,
          `it tells of ${plural(other.events, "event")} from ${other.first} to ${other.last}, and there are ${is}`,
        )
      }
    }
    for (const one of said.values()) add(one, "it tells of this lane, of which there is no event")
  }
}
