// What happened to one resource: who changed it, and how, and who read it.

import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import type { EventColumn } from "../event-columns.js"
import type { EventRow } from "../query/columns.js"
import type { EventFilter } from "../query/criteria.js"
import { events } from "../query/events.js"
import { writePlace } from "../query/made.js"
import type { Period } from "../query/time.js"
import { readResource } from "../query/typed.js"
import { quoted } from "../words.js"
import { type JsonChange, jsonDiff } from "./json-diff.js"

/** What an event did to its resource. "other": it says neither. */
export type Access = "change" | "read" | "other"

export interface ResourceEvent {
  /** The columns that were read. */
  readonly row: EventRow
  /** ORG/LANE/SEQ. */
  readonly place: string
  readonly access: Access
  /** What is different between before_state and after_state; nothing for a read. */
  readonly changes: readonly JsonChange[]
}

export interface ResourceOptions extends Period {
  readonly organization?: EventFilter["organization"]
  /** Changes alone. */
  readonly changes?: boolean | undefined
  /** At most this many events. Without it, all. */
  readonly limit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Newest first. Nothing is asked before the first is; every iteration asks again. */
export interface ResourceHistory extends AsyncIterable<ResourceEvent> {
  /** After the last: whether the limit left events out. */
  readonly more: boolean
}

const columns: readonly EventColumn[] = [
  "organization_id",
  "lane",
  "seq",
  "occurred_at",
  "actor_id",
  "actor_name",
  "event_type",
  "action",
  "outcome",
  "before_state",
  "after_state",
]

/** `typed`: TYPE/ID. Throws `usage` for a type alone. */
export function resourceHistory(
  target: ConnectionTarget,
  typed: string,
  { changes: changesAlone = false, limit, signal, ...asked }: ResourceOptions = {},
): ResourceHistory {
  const { type, id } = readResource(typed, "resource show")
  if (id === undefined) {
    throw new TrailError("usage", `resource show takes TYPE/ID, not ${quoted(typed)}`, {
      hint: `pgtrail resource list ${type}`,
    })
  }
  const found = {
    more: false,
    async *[Symbol.asyncIterator]() {
      found.more = false
      let left = limit ?? Number.POSITIVE_INFINITY
      for await (const row of events(target, { ...asked, resource: typed, columns, signal })) {
        const access = accessOf(row)
        if (changesAlone && access !== "change") continue
        if (left === 0) {
          found.more = true
          return
        }
        left -= 1
        const { before_state: before = null, after_state: after = null } = row
        yield {
          row,
          place: writePlace(row),
          access,
          changes: access === "read" ? [] : jsonDiff(before, after),
        }
      }
    },
  }
  return found
}

const changing =
  /^(create|add|insert|update|modify|modifi|change|edit|patch|set|put|write|save|delete|remove|erase|purge|restore|rename|move|replace|merge|upload|import|activate|deactivate|enable|disable|grant|revoke|assign|reset|rotate|lock|unlock|archive|publish|share)(e?d)?$/
const reading =
  /^(read|get|list|view|retrieve|search|query|querie|export|download|fetch|open|print|access|preview|select|show|check)(e?d)?$/

/** For the help of the commands. */
export const accessRule =
  "A change has a before_state and an after_state that differ, or its action, or where it has none the last word of its type, says so (create, " +
  "update, delete, grant and the like); a read says read, get, list, view, search, export and the like; an event that says neither is a " +
  "change where it has a state, and other where it has none. One that failed counts too: look at its outcome."

export function accessOf({
  before_state: before = null,
  after_state: after = null,
  ...row
}: EventRow): Access {
  if (before !== null && after !== null && before !== after) return "change"
  const { action = null, event_type: type } = row
  const word = (action ?? type?.split(/[._:-]/).at(-1) ?? "").toLowerCase()
  if (changing.test(word)) return "change"
  if (reading.test(word)) return "read"
  return before !== null || after !== null ? "change" : "other"
}
