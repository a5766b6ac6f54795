// Where the next page of a question begins, as text that programs pass back unread. Without drizzle, for the command line reads it.
import { createHash } from "node:crypto"
import { TrailError } from "../errors.js"
import { type Criteria, criterionNames, type EventFilter } from "./criteria.js"
import type { Order, Position } from "./order.js"

export interface Cursor {
  readonly order: Order
  readonly position: Position
  /** When the question was first asked, where words such as `-2h` are part of it: the next page means the same hours. */
  readonly asked: string | undefined
}

const version = "1"
/** No text of PostgreSQL has it. */
const separator = "\0"

/** `filter`: as it was asked, not as it was prepared. */
export function writeCursor({ order, position, asked }: Cursor, filter: EventFilter): string {
  const { occurred_at: time, lane, seq, organization_id: organization } = position
  const parts = [version, order, asked ?? "", time, lane, seq, organization]
  return Buffer.from([sumOf(parts, filter), ...parts].join(separator)).toString("base64url")
}

/** Throws TrailError `usage` for what is no cursor, is cut, or belongs to another question. Without a filter only its form is looked at. */
export function readCursor(typed: string, filter?: EventFilter, order?: Order): Cursor {
  const parts = Buffer.from(typed, "base64url").toString().split(separator)
  const [sum, known, was, asked, time = "", lane = "", seq = "", organization = ""] = parts
  const isWhole =
    parts.length === 8 &&
    known === version &&
    (was === "newest" || was === "oldest") &&
    /^(-?infinity|\d{4,}-\d\d-\d\d [\d:.]+\+00( BC)?)$/.test(time) &&
    /^\d{1,5}$/.test(lane) &&
    Number(lane) < 32_768 &&
    /^\d{1,18}$/.test(seq) &&
    (asked === "" || !Number.isNaN(Date.parse(asked ?? "")))
  if (!isWhole) {
    throw new TrailError("usage", "--after takes a cursor that pgtrail printed, whole", {
      hint: 'run the same without --after: "next" of --json is the cursor',
    })
  }
  if (filter !== undefined && (was !== order || sum !== sumOf(parts.slice(1), filter))) {
    throw new TrailError("usage", "the cursor of --after belongs to another question", {
      hint: "give the same filters, times and order as before, or begin anew without --after",
    })
  }
  const position = { occurred_at: time, lane, seq, organization_id: organization }
  return { order: was, position, asked: asked === "" ? undefined : asked }
}

function sumOf(parts: readonly string[], filter: EventFilter): string {
  const criteria = (all: Criteria): string[] =>
    criterionNames.flatMap((name) => {
      const values = all[name]
      const list = typeof values === "string" ? [values] : [...(values ?? [])].sort()
      return list.length === 0 ? [] : [name, String(list.length), ...list]
    })
  const question = [...criteria(filter), "not", ...criteria(filter.not ?? {})]
  const whole = [...parts, filter.since ?? "", filter.until ?? "", ...question]
  return createHash("sha256").update(whole.join(separator)).digest("base64url").slice(0, 16)
}
