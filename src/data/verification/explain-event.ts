// Explains a finding about an event that is there: is it still so, and what was it before.
import { hashVersion, type TextRow } from "../canonical.js"
import type { EventColumn } from "../event-columns.js"
import { writeTime } from "../query/columns.js"
import { type Difference, groupOf, groupsOf } from "./difference.js"
import { type Explained, type Explanation, nothing, type Vouched } from "./explanation.js"
import { fits, hashOf, hex, isRedacted } from "./fits.js"
import type { RecordedFinding } from "./list.js"
import { type Change, findHome, findOriginal } from "./original.js"
import type { EventPlace, StoredEvent } from "./rows.js"
import type { Surroundings } from "./surroundings.js"

export const cannotTell =
  "the log alone cannot tell what it was: try --against with a backup or another database"
/** Findings about a second row at one place. */
const several: ReadonlySet<string> = new Set(["duplicated", "forked", "overlapping", "inserted"])

/** `places`: of other findings, where this event may have been moved from. */
export function explainEvent(
  finding: RecordedFinding,
  place: EventPlace,
  around: Surroundings,
  places: readonly EventPlace[],
): Explained {
  const stored = around.events(place)
  const main = choose(finding, stored)
  if (main === undefined) {
    const says = [`no event stands at ${placeName(place)} now`]
    return { ...finding, explanation: { ...nothing, still: null, says }, wish: null }
  }
  const vouched = around.vouched(place)
  const found = judge(finding, place, main.row, stored, vouched, around, places)
  const explanation: Explanation = {
    ...nothing,
    ...found.part,
    groups: groupsOf(found.part.differences ?? []),
    found_by: (found.part.differences ?? []).length > 0 ? "trial" : null,
    vouched: vouched ?? null,
    recorded_at: writeTime(main.row.recorded_at ?? null),
    occurred_at: writeTime(main.row.occurred_at ?? null),
    follows: follows(main.row, found.part.differences ?? [], around.previousHashes(place)),
    rows: stored.map((event) => around.trace(place, event)),
  }
  const wish = found.target === undefined ? null : { place, target: found.target }
  return { ...finding, explanation, wish }
}

/** What an altered event says of the one before it counts only when the original was found. */
function follows(row: TextRow, list: readonly Difference[], previous: readonly string[]): boolean | null {
  if (previous.length === 0 || (!fits(row) && list.length === 0)) return null
  const replaced = list.find(({ column }) => column === "previous_hash")
  return previous.includes(hex(replaced === undefined ? row.previous_hash : replaced.original))
}

interface Judged {
  readonly part: Partial<Explanation>
  /** Hash of the original, where another place may have it. */
  readonly target?: string
}

function judge(
  finding: RecordedFinding,
  place: EventPlace,
  row: TextRow,
  stored: readonly StoredEvent[],
  vouched: Vouched | undefined,
  around: Surroundings,
  places: readonly EventPlace[],
): Judged {
  if (finding.kind === "out_of_bounds") {
    return { part: { still: null, says: [`it stands in ${stored[0]?.partition}`] } }
  }
  if (isOfRedaction(finding)) return redacted(finding, row, around)
  if (several.has(finding.kind)) return extra(place, stored, vouched, around)
  const own = hex(row.hash)
  const computed = hashOf(row)
  const target = vouched?.hash ?? own
  if (computed === own && row.hash_version === hashVersion) {
    if (target === own) return consistent(finding, place, row, around)
    const says = [`its own hash fits it, but ${vouched?.by} knows another: event and hash were both replaced`]
    return altered(row, target, says, [["hash", `\\x${target}`]], place, around, places)
  }
  const says =
    computed === undefined
      ? ["a value in it is none that an insert could have stored"]
      : row.hash_version === hashVersion
        ? ["its hash does not fit it"]
        : [`it has hash version ${row.hash_version}, which this pgtrail does not know`]
  if (computed === target) {
    const differences = [difference(row, ["hash", `\\x${target}`])]
    const only = `only the column hash was changed: the event itself is as ${vouched?.by} vouches for it`
    return { part: { still: true, says: [...says, only], differences }, target }
  }
  const hashToo: readonly Change[] = target === own ? [] : [["hash", `\\x${target}`]]
  return altered(row, target, says, hashToo, place, around, places)
}

function altered(
  row: TextRow,
  target: string,
  says: readonly string[],
  hashToo: readonly Change[],
  place: EventPlace,
  around: Surroundings,
  places: readonly EventPlace[],
): Judged {
  const previous = around.previousHashes(place)[0]
  const guesses = {
    previousHash: previous === undefined ? undefined : `\\x${previous}`,
    places,
    neighbours: around.neighbours(place),
  }
  const changes = findOriginal(row, target, guesses)
  if (changes === undefined) {
    const home = findHome(row, hex(row.hash), guesses)
    const moved = home === undefined ? undefined : movedFrom(row, home, around)
    return { part: { still: true, ...(moved ?? { says: [...says, cannotTell] }) }, target }
  }
  const all = [...changes, ...hashToo]
  const differences = all.map((change) => difference(row, change))
  const names = all.map(([column]) => `${column} (${groupOf(column)})`).join(", ")
  const what = `found by trial: what was changed is ${names}, and nothing else`
  return { part: { still: true, says: [...says, what], differences }, target }
}

/** Its own hash fits it at another place. That counts only where the log vouches for that hash there: it may have been written as well. */
function movedFrom(
  row: TextRow,
  changes: readonly Change[],
  around: Surroundings,
): Pick<Explanation, "says" | "differences"> | undefined {
  const home = { ...row, ...Object.fromEntries(changes) }
  const place = { organization_id: home.organization_id ?? "", lane: home.lane ?? "", seq: home.seq ?? "" }
  if (around.vouched(place)?.hash !== hex(row.hash)) return undefined
  const says = [`it was moved: it is the event of ${placeName(place)}`]
  return { says, differences: changes.map((change) => difference(row, change)) }
}

const difference = (row: TextRow, [column, original]: readonly [EventColumn, string | null]): Difference => ({
  column,
  group: groupOf(column),
  original,
  present: row[column] ?? null,
})

/** Nothing in the log contradicts the event: either it is whole again, or only an anchor outside knew another. */
function consistent(finding: RecordedFinding, place: EventPlace, row: TextRow, around: Surroundings): Judged {
  const previous = around.previousHashes(place)
  if (previous.length > 0 && !previous.includes(hex(row.previous_hash))) {
    const what = place.seq === "1" ? "the beginning of its lane" : "the event before it"
    return { part: { still: true, says: [`its hash fits it, but it does not follow ${what}`, cannotTell] } }
  }
  if (finding.group === "head" || finding.kind === "rolled_back") {
    const says = [
      "the event fits the chain as it stands now: somebody rewrote the chain up to its head, or set it back",
      "which of the events up to here are the originals, the log alone cannot tell",
    ]
    return { part: { still: true, says } }
  }
  return {
    part: { still: false, says: ["it verifies now: its hash fits it, and the chain goes on from it"] },
  }
}

/** The hash fits the event, and what is wrong is what stands in a redacted group of it. */
const isOfRedaction = ({ kind, group }: RecordedFinding): boolean =>
  kind === "unauthorized_redaction" || (kind === "altered" && (group === "identity" || group === "content"))

function redacted(finding: RecordedFinding, row: TextRow, around: Surroundings): Judged {
  const faults = around.faults(row)
  if (faults === undefined) {
    const says = ["whether a redaction left what is there now this role may not know"]
    return { part: { still: null, says } }
  }
  const fault = faults.find(({ group }) => group === finding.group)
  if (fault === undefined) {
    const says = isRedacted(row)
      ? "what is there now is what its redactions left"
      : "no digest stands in place of its values any more"
    return { part: { still: false, says: [says] } }
  }
  const what = `its ${fault.group} ${fault.words}`
  if (!isRedacted(row)) return { part: { still: true, says: [what] } }
  const own = hex(row.hash)
  const digests = (["identity_digest", "content_digest"] as const).filter((column) => row[column] != null)
  if (hashOf({ ...row, identity_digest: null, content_digest: null }) === own) {
    const differences = digests.map((column) => difference(row, [column, null]))
    const says = [what, "only the digest was set: the values are still those that were recorded"]
    return { part: { still: true, says, differences }, target: own }
  }
  const says = [
    what,
    "a digest stands in place of its values: the hash says nothing about what is there now",
    cannotTell,
  ]
  return { part: { still: true, says }, target: own }
}

/** Several rows at one place, or one where none belongs. */
function extra(
  place: EventPlace,
  stored: readonly StoredEvent[],
  vouched: Vouched | undefined,
  around: Surroundings,
): Judged {
  const says: string[] = []
  const head = around.newestHead(place)
  if (head !== undefined && BigInt(place.seq) > BigInt(head.seq))
    says.push(`the head of its chain is at ${head.seq}: no insert put it there`)
  if (stored.length > 1) says.push(`${stored.length} events stand at ${placeName(place)}`)
  if (vouched !== undefined && stored.length > 1) {
    const original = stored.find(({ row }) => hex(row.hash) === vouched.hash && fits(row))
    says.push(
      original === undefined
        ? `none of them is the one that ${vouched.by} vouches for`
        : `the one at ${original.partition} ${original.ctid} is the one that ${vouched.by} vouches for`,
    )
  }
  return { part: { still: says.length > 0, says: says.length > 0 ? says : ["one event stands there now"] } }
}

/** The row that the finding means: with its id, and rather one that does not verify. */
function choose(finding: RecordedFinding, stored: readonly StoredEvent[]): StoredEvent | undefined {
  const named = stored.filter(({ row }) => row.id === finding.event_id)
  const candidates = named.length > 0 ? named : stored
  return candidates.find(({ row }) => !fits(row)) ?? candidates[0]
}

const placeName = (place: EventPlace): string => `${place.organization_id}/${place.lane}/${place.seq}`
