// Writes an event as JSON text, refusing by name what would be lost or altered on the way.
import { randomBytes } from "node:crypto"
import { type EventInput, isEventField, problemOf } from "./event.js"
import { textProblem } from "./text.js"

/** Stands for a bigint until the text is complete: JSON.stringify has no way to write one. No application knows the mark. */
const mark = `\0${randomBytes(12).toString("hex")}:`
const marked = new RegExp(`"\\\\u0000${mark.slice(1)}(-?\\d+)"`, "g")

class Unwritable extends Error {}

/** The event as JSON, or what is wrong with it (words that name the field). `stamp` gives it an id and a time where it has none. */
export function encodeEvent(
  event: EventInput,
  options: { readonly stamp?: boolean } = {},
): { readonly json: string } | { readonly problem: string } {
  if (typeof event !== "object" || event === null || Array.isArray(event))
    return { problem: "it is not an object" }
  if (event.event_type === undefined) return { problem: "event_type is missing" }
  for (const [field, value] of Object.entries(event)) {
    if (!isEventField(field)) return { problem: `an event has no key ${JSON.stringify(field.slice(0, 100))}` }
    const problem = problemOf(field, value)
    if (problem !== undefined) return { problem: `${field} ${problem}` }
  }
  const stamps =
    options.stamp === true
      ? {
          ...(event.id == null ? { id: newId() } : {}),
          ...(event.occurred_at === undefined ? { occurred_at: new Date() } : {}),
        }
      : {}
  try {
    const json = JSON.stringify({ ...event, ...stamps }, writable)
    const problem = textProblem(json, (text) => text.startsWith(mark))
    return problem === undefined ? { json: json.replace(marked, "$1") } : { problem }
  } catch (error) {
    if (error instanceof Unwritable) return { problem: error.message }
    // Not the engine's message: it quotes the event.
    if (error instanceof TypeError) return { problem: "it refers to itself" }
    throw error
  }
}

/** JSON.stringify turns these into null or nothing, silently. */
function writable(key: string, value: unknown): unknown {
  switch (typeof value) {
    case "bigint":
      return `${mark}${value}`
    case "number":
      if (!Number.isFinite(value)) throw new Unwritable(`${key} is ${value}, which JSON has not`)
      return value
    case "function":
    case "symbol":
      throw new Unwritable(`${key} is a ${typeof value}, which JSON has not`)
    default:
      return value
  }
}

/** A uuid of version 7: sorts by time. */
export function newId(now: number = Date.now()): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x70, 6)
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8)
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}
