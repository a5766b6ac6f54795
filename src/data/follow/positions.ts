// Up to where events have been handed over, lane by lane, and the same as text that outlives the process: a cursor.
import { createHash } from "node:crypto"
import { TrailError } from "../errors.js"
import type { EventFilter } from "../query/criteria.js"
import { quoted } from "../words.js"
import { type LaneHead, laneKey } from "./heads.js"
import { damagedCursor } from "./refusals.js"

export interface Position {
  readonly organization: string
  readonly lane: string
  /** The last place that was passed; 0 before the first. */
  readonly seq: bigint
  /** Hash of what stood there, `\x` hex, so that another history is noticed; null where it is not known. */
  readonly hash: string | null
}

export type Positions = ReadonlyMap<string, Position>

/** Everything that tells one log and one question from others. */
export interface CursorOf {
  readonly logId: string
  /** Digest of the question. */
  readonly question: string
}

const schema = "pgtrail.cursor/1"

/** The filter without its times, which are others with each run of `--since -2h`; or what the caller says that was asked. */
export function digestOfQuestion(filter: EventFilter, asked: string | undefined): string {
  const { since: _since, until: _until, not = {}, ...criteria } = filter
  const list = (given: object) =>
    Object.entries(given)
      .filter(([, values]) => values !== undefined && values.length > 0)
      .map(([name, values]) => [name, [...new Set([values].flat())].sort()])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  const text = asked ?? JSON.stringify([list(criteria), list(not)])
  return createHash("sha256").update(text).digest("hex")
}

export function writeCursor({ logId, question }: CursorOf, positions: Positions): string {
  const lanes = [...positions.values()].map(
    ({ organization, lane, seq, hash }) =>
      `  ${JSON.stringify([organization, lane, String(seq), hash?.slice(2) ?? null])}`,
  )
  const head = `{"schema":${JSON.stringify(schema)},"log":${JSON.stringify(logId)},"question":${JSON.stringify(question)},"lanes":[`
  return `${head}\n${lanes.join(",\n")}\n]}\n`
}

/** Undefined where the text is no cursor. */
export function readCursor(
  text: string,
): (CursorOf & { readonly positions: Map<string, Position> }) | undefined {
  const cursor = parse(text)
  if (cursor?.schema !== schema || typeof cursor.log !== "string" || typeof cursor.question !== "string") {
    return undefined
  }
  if (!Array.isArray(cursor.lanes)) return undefined
  const positions = new Map<string, Position>()
  for (const entry of cursor.lanes as readonly unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 4) return undefined
    const [organization, lane, seq, hash] = entry as readonly unknown[]
    if (typeof organization !== "string" || typeof lane !== "string" || typeof seq !== "string")
      return undefined
    if (!/^\d{1,5}$/.test(lane) || !/^\d{1,18}$/.test(seq)) return undefined
    if (hash !== null && !(typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash))) return undefined
    positions.set(laneKey(organization, lane), {
      organization,
      lane,
      seq: BigInt(seq),
      hash: hash === null ? null : `\\x${hash}`,
    })
  }
  return { logId: cursor.log, question: cursor.question, positions }
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Throws where it is no cursor, or that of another log or another question: its places would mean something else. */
export function requireSame(
  cursor: CursorOf | undefined,
  logIds: readonly string[],
  question: string,
  name = "the cursor",
): void {
  if (cursor === undefined) throw damagedCursor(name)
  if (!logIds.includes(cursor.logId)) {
    throw new TrailError(
      "other-log",
      `${name} is of log ${quoted(cursor.logId)}, and this database has log ${logIds.at(-1)}`,
      { hint: "nothing was printed; connect to the database of that log, or name another file" },
    )
  }
  if (cursor.question !== question) {
    throw new TrailError("usage", `${name} was begun with other filters than these`, {
      hint: "nothing was printed; give the filters that it was begun with, or name another file",
    })
  }
}

/** Lanes that have come further than their positions, and those that have not come so far, which nobody but a restore or a forger brings about. */
export function compare(
  positions: Positions,
  heads: ReadonlyMap<string, LaneHead>,
): { readonly behind: readonly LaneHead[]; readonly ahead: Position | undefined } {
  const behind = [...heads].flatMap(([key, head]) =>
    head.seq > (positions.get(key)?.seq ?? 0n) ? [head] : [],
  )
  let ahead: Position | undefined
  for (const [key, position] of positions) {
    const head = heads.get(key)
    const isShort = (head?.seq ?? -1n) < position.seq
    const isOther = head?.seq === position.seq && position.hash !== null && position.hash !== head.hash
    if (isShort || (isOther && position.seq > 0n)) ahead ??= position
  }
  return { behind, ahead }
}
