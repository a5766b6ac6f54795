// One event whole: its row, its place in the chain, its neighbours, and whether all of it verifies.
import type { Client } from "pg"
import { genesis, hashVersion, recompute } from "../canonical.js"
import { TrailError } from "../errors.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { type PurgedAround, purgedAround } from "../purge/place.js"
import { type RedactedGroup, redactionsOf } from "../redaction/of-event.js"
import { type EventRow, kindOf, rowWriter } from "./columns.js"
import { inDetached, readableDetached } from "./detached.js"
import { refuseHidden } from "./hidden.js"
import { type Head, headOf } from "./lane-head.js"
import { readRows, rowMaker } from "./rows.js"
import { readWalk, type Segment, withinText } from "./segments.js"
import { openEvents, type Source, wholeLog } from "./source.js"
import { stretches } from "./stretch.js"
import type { Place } from "./typed.js"

export interface Neighbour {
  readonly seq: string
  readonly id: string
  readonly occurred_at: string
  /** Whether its hash and this event's fit together. */
  readonly linked: boolean
}

export interface ShownEvent {
  readonly place: string
  /** Every column, as `query` writes it. */
  readonly event: EventRow
  /** Null for the first event of a lane, or where it is missing. */
  readonly previous: Neighbour | null
  /** Null for the newest event of a lane, or where it is missing. */
  readonly next: Neighbour | null
  /** seq of the act that purged the neighbour, where one did. */
  readonly purged_before: string | null
  readonly purged_after: string | null
  readonly newest: boolean
  /** What was redacted: the values recorded were others. Null where it was, and this role may not know more. */
  readonly redactions: readonly RedactedGroup[] | null
  /** Null: this tool does not know the event's hash version, or the role not what was redacted. */
  readonly verifies: boolean | null
  /** What does not fit, or could not be looked at. */
  readonly problems: readonly string[]
}

type Raw = Record<string, string | null>

/** Events with this id, newest first: it is the application's, and need not be unique. Throws `not-found` where one is in a detached partition alone. */
export async function eventsWithId(client: Client, id: string): Promise<EventRow[]> {
  const found: Raw[] = []
  const { source, segments } = await readWalk(client, {})
  for await (const row of walk(client, source, segments, "e.id = $1::uuid", [id])) found.push(row)
  if (found.length === 0) {
    const [other] = await besides(client, "e.id = $1::uuid", [id])
    if (other !== undefined) throw inDetached(`the event with the id ${id}`, other.partition)
  }
  return found.map(written)
}

/** The event at a place. Throws `not-found`. */
export async function showEvent(client: Client, place: Place): Promise<ShownEvent> {
  const { organization, lane, seq } = place
  const name = `${organization}/${lane}/${seq}`
  const near: Raw[] = []
  // An event that somebody moved or copied may be in any partition, so all are asked.
  const where =
    "e.organization_id = $1 and e.lane = $2::int and e.seq between $3::bigint - 1 and $3::bigint + 1"
  const { source: own, segments } = await readWalk(client, {})
  // A restriction hides what its neighbours say, and not that they are there.
  const source = own.isBound ? own : wholeLog
  for await (const row of walk(client, source, segments, where, [organization, lane, seq])) near.push(row)
  const at = (distance: bigint) => near.filter((row) => BigInt(row.seq ?? "0") === BigInt(seq) + distance)
  const [row, ...copies] = at(0n)
  // A neighbour that is in a detached partition is not missing, and the chain goes through it.
  if (row !== undefined && own === openEvents) await refuseHidden(client, name, row)
  const others =
    [-1n, 0n, 1n].every((distance) => at(distance).length > 0) || source.isBound
      ? []
      : await besides(client, where, [organization, lane, seq])
  const itself = others.find((other) => other.row.seq === seq)
  if (row === undefined && itself !== undefined) throw inDetached(`event ${name}`, itself.partition)
  near.push(...others.filter((other) => other.row.seq !== seq).map((other) => other.row))
  const isAlone = at(-1n).length === 0 || at(1n).length === 0
  const purges = row === undefined || isAlone ? await purgedAround(client, place) : []
  const purgeAt = (distance: bigint) => {
    const wanted = BigInt(seq) + distance
    return purges?.find(({ first, last }) => first <= wanted && wanted <= last)
  }
  if (row === undefined) {
    const purge = purgeAt(0n)
    if (purge !== undefined) throw purgedEvent(name, purge)
    throw new TrailError("not-found", `there is no event ${name}`, {
      hint: `pgtrail query --org ${/^[\w.-]+$/.test(organization) ? organization : JSON.stringify(organization)}`,
    })
  }
  const head = await headOf(client, source, organization, lane)
  const problems: string[] = []
  if (copies.length > 0) problems.push(`${copies.length + 1} events stand at ${name}`)
  const known = row.hash_version === hashVersion
  if (!known)
    problems.push(`its hash version ${row.hash_version} is unknown to this pgtrail: upgrade the tool`)
  else if (!isIntact(row)) problems.push("its hash does not belong to what it says: it was altered")

  const redactions = await redactionsOf(client, row)
  problems.push(...(redactions?.faults ?? []).map(({ group, words }) => `its ${group} ${words}`))
  const isJudged = known && redactions !== undefined
  const previous = at(-1n)[0]
  const purgedBefore = previous === undefined ? purgeAt(-1n) : undefined
  if (previous === undefined && purgedBefore === undefined && BigInt(seq) > 1n) {
    problems.push(missing("before", purges))
  }
  if (purgedBefore !== undefined && purgedBefore.hash !== row.previous_hash)
    problems.push(
      `what was purged before it (act ${purgedBefore.act}) ended with another hash than its previous_hash`,
    )
  if (previous !== undefined && previous.hash !== row.previous_hash)
    problems.push("the event before it has another hash than its previous_hash")
  if (
    BigInt(seq) === 1n &&
    !head.logIds.some((id) => `\\x${genesis(id, organization, lane).toString("hex")}` === row.previous_hash)
  ) {
    problems.push("its previous_hash is not the beginning of this lane of this log")
  }
  const next = at(1n)[0]
  if (next !== undefined && next.previous_hash !== row.hash)
    problems.push("the event after it names another hash than its own")
  const purgedAfter = next === undefined ? purgeAt(1n) : undefined
  if (purgedAfter !== undefined && purgedAfter.before !== row.hash)
    problems.push(`what was purged after it (act ${purgedAfter.act}) followed another hash than its own`)
  if (next === undefined && purgedAfter === undefined && head.readable)
    problems.push(...headProblems(head, seq, row.hash ?? "", purges))

  return {
    place: name,
    event: written(row),
    previous: previous === undefined ? null : neighbour(previous, previous.hash === row.previous_hash),
    next: next === undefined ? null : neighbour(next, next.previous_hash === row.hash),
    purged_before: purgedBefore?.act ?? null,
    purged_after: purgedAfter?.act ?? null,
    newest: head.seq === undefined ? next === undefined : head.seq === seq,
    redactions: redactions?.groups ?? null,
    verifies: isJudged || (known && problems.length > 0) ? problems.length === 0 : null,
    problems:
      redactions === undefined
        ? [...problems, "values of it were redacted: this role may not know by what"]
        : problems,
  }
}

function purgedEvent(name: string, { act, purged_at }: PurgedAround): TrailError {
  const when = purged_at === null ? "" : ` at ${purged_at}`
  return new TrailError("not-found", `event ${name} was purged${when} by act ${act}`, {
    hint: `pgtrail act show ${act}`,
  })
}

/** `purges`: undefined where this role may not know of any. */
const missing = (where: "before" | "after", purges: readonly PurgedAround[] | undefined): string =>
  `the event ${where} it is missing${purges === undefined ? ", or was purged: this role may not know" : ""}`

function headProblems(
  head: Head,
  seq: string,
  hash: string,
  purges: readonly PurgedAround[] | undefined,
): string[] {
  if (head.seq === undefined) return ["its lane has no head"]
  if (BigInt(head.seq) > BigInt(seq)) return [missing("after", purges)]
  if (BigInt(head.seq) < BigInt(seq)) return [`the head of its lane is ${head.seq}, before it`]
  return head.hash === hash ? [] : ["the head of its lane has another hash"]
}

function isIntact(row: Raw): boolean {
  try {
    return `\\x${recompute(row).hash}` === row.hash
  } catch {
    // A value that the canonical form cannot hold was not written by an insert.
    return false
  }
}

const isArray = (column: EventColumn): boolean => kindOf(column) === "array"
const jsonName = (column: EventColumn): string => `${column}_json`

/** Raw columns as Postgres writes them, for the hash, and the arrays as JSON beside them. */
const arrays = eventColumns.filter(isArray)
const list = [
  ...eventColumns.map((column) => `e.${column}`),
  ...arrays.map((column) => `to_json(e.${column})`),
].join(", ")
const names = [...eventColumns, ...arrays.map(jsonName)]
const make = rowMaker(names)

/**
 * Newest first. Most partitions have nothing, and to plan fifty columns of each would take longer than to look, so that they are read where
 * something is. To look is mostly to plan, too: where the partitions have their size the server keeps the plan.
 */
async function* walk(
  client: Client,
  source: Source,
  segments: readonly Segment[],
  where: string,
  values: readonly string[],
): AsyncGenerator<Raw> {
  const select = (columns: string, when: string) =>
    `select ${columns} from pgtrail.${source.events} e where ${where} and ${when}`
  const order = "order by e.occurred_at desc, e.organization_id, e.lane, e.seq desc"
  for (const stretch of stretches(segments)) {
    const period = withinText(stretch)
    const kept = stretch.isSettled
    const found = (await readRows(client, select("e.occurred_at", period), values, 1, { kept })).rows
    const [time] = found[0] ?? []
    if (time == null) continue
    const isOne = found.length === 1
    const when = isOne ? `e.occurred_at = $${values.length + 1}` : period
    const asked = isOne ? [...values, time] : values
    const { rows } = await readRows(client, `${select(list, when)} ${order}`, asked, names.length)
    for (const cells of rows) yield make(cells)
  }
}

/** What the detached partitions have of it. */
async function besides(
  client: Client,
  where: string,
  values: readonly string[],
): Promise<{ readonly partition: string; readonly row: Raw }[]> {
  const found: { partition: string; row: Raw }[] = []
  for (const { name, table } of await readableDetached(client)) {
    const sql = `select ${list} from only ${table} e where ${where} limit 3`
    const { rows } = await readRows(client, sql, [...values], names.length)
    found.push(...rows.map((cells) => ({ partition: name, row: make(cells) })))
  }
  return found
}

const write = rowWriter(eventColumns)

function written(raw: Raw): EventRow {
  const row: Raw = {}
  for (const column of eventColumns) row[column] = raw[isArray(column) ? jsonName(column) : column] ?? null
  return write(row)
}

function neighbour(raw: Raw, linked: boolean): Neighbour {
  const row = written(raw)
  return { seq: row.seq ?? "", id: row.id ?? "", occurred_at: row.occurred_at ?? "", linked }
}
