// Records what is right in the place of what an event says of a person (Article 16): a new event that refers to it. The old one stays.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { performUnsigned } from "../act/unsigned.js"
import { isEventField, problemOf } from "../append/event.js"
import { textProblem } from "../append/text.js"
import { TrailError } from "../errors.js"
import { eventTypes } from "../event-columns.js"
import type { Place } from "../query/typed.js"
import { refuseText } from "./given.js"
import type { BackupScope } from "./known-backups.js"
import { refuseAddress } from "./named.js"
import { recipientsOfEvent } from "./recipients.js"
import { refuseUnknownRequest } from "./request.js"

export interface RectifyOptions extends BackupScope {
  /** Field and its right value, as JSON text; `null`: there should be none. */
  readonly set: ReadonlyMap<string, string>
  readonly reason: string
  readonly requestedBy: string
  readonly request?: string | undefined
}

export interface Rectified {
  /** ORG/LANE/SEQ of the new event. */
  readonly place: string
  readonly id: string
  /** Of the event that it rectifies. */
  readonly rectifies: string
  /** Names alone. */
  readonly fields: readonly string[]
}

/** Throws `usage`, naming fields and never values. */
export async function rectifyEvent(
  client: Client,
  place: Place,
  options: RectifyOptions,
): Promise<Rectified> {
  const { set, reason, requestedBy, request } = options
  refuseText({ reason, requestedBy, request }, nothing)
  refuseAddress({ "--reason": reason })
  const fields = [...set.keys()]
  if (fields.length === 0)
    throw new TrailError("usage", "nothing is said to be right", { hint: `${nothing}; --set FIELD=VALUE` })
  for (const [field, json] of set) {
    if (textProblem(json) !== undefined)
      throw new TrailError("usage", `the value of ${field} has text that no event can have`, {
        hint: nothing,
      })
    const problem = unfit(field, json)
    if (problem !== undefined) throw new TrailError("usage", `${field} ${problem}`, { hint: nothing })
  }
  await refuseUnknownRequest(client, request, nothing)
  // Who got the event as it was must be told what is right.
  const recipients = request === undefined ? [] : await recipientsOfEvent(client, place, options)
  // No act: the event itself is the record.
  const made = await performUnsigned(client, async () => {
    await client.query("select pgtrail.subject_stage()")
    const copy = client.query(copyFrom("copy pg_temp.pgtrail_subject (kind, value) from stdin"))
    copy.end([...set].map(([field, json]) => `${escaped(field)}\t${escaped(json)}\n`).join(""))
    await once(copy, "finish")
    const { rows } = await client.query<Record<"id" | "organization_id" | "lane_of" | "seq_of", string>>(
      "select * from pgtrail.rectify_event($1, $2, $3, $4, $5, $6)",
      [place.organization, place.lane, place.seq, reason, requestedBy, request ?? null],
    )
    if (recipients.length > 0) {
      await client.query("select pgtrail.note_request_act($1, null, $2)", [
        request,
        JSON.stringify(recipients),
      ])
    }
    return rows[0]
  })
  if (made === undefined)
    throw new TrailError("retry", "the rectification is not there", { hint: "run it again" })
  return {
    place: `${made.organization_id}/${made.lane_of}/${made.seq_of}`,
    id: made.id,
    rectifies: `${place.organization}/${place.lane}/${place.seq}`,
    fields,
  }
}

/** As an event that is appended is looked at. What is read here goes nowhere. */
function unfit(field: string, json: string): string | undefined {
  if (!isEventField(field)) return undefined
  try {
    return problemOf(field, JSON.parse(json))
  } catch {
    return "is no JSON"
  }
}

const nothing = "nothing was recorded"
const special = /[\\\n\r\t]/g
const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }
const escaped = (text: string): string => text.replace(special, (found) => escapes[found] ?? found)

/** FIELD=VALUE as it was typed: of a jsonb column, or of tags, JSON; of another, text. Throws `usage` without the value. */
export function readSet(typed: string): { readonly field: string; readonly value: string } {
  const at = typed.indexOf("=")
  const field = typed.slice(0, at)
  if (at < 1 || !Object.hasOwn(eventTypes, field)) {
    throw new TrailError("usage", "--set takes FIELD=VALUE, where FIELD is a column of an event", {
      hint: `${nothing}; pgtrail field list`,
    })
  }
  return { field, value: typed.slice(at + 1) }
}

/** A value as JSON text. Throws `usage` where a column of JSON gets something else. */
export function toJson(field: string, value: string): string {
  const type = (eventTypes as Readonly<Record<string, string>>)[field]
  if (type !== "jsonb" && type !== "text[]") return JSON.stringify(value)
  try {
    JSON.parse(value)
    return value
  } catch {
    throw new TrailError("usage", `the value of ${field} is no JSON`, { hint: nothing })
  }
}
