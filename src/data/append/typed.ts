// Writes an event whose fields were typed as text, each value of a JSON field staying as it was typed.
import { TrailError } from "../errors.js"
import { isEventField, isJsonField } from "./event.js"

/** Throws `bad-event` for a field that an event does not have, one given twice, and for one that is to be JSON and is not. */
export function eventOfText(fields: readonly (readonly [field: string, value: string])[]): string {
  const written = new Map<string, string>()
  for (const [field, value] of fields) {
    if (!isEventField(field)) {
      throw new TrailError("bad-event", `an event has no column ${JSON.stringify(field)}`, {
        hint: 'put what has no column of its own into details, as --details \'{"key": "value"}\'',
      })
    }
    if (written.has(field)) throw new TrailError("bad-event", `${field} is given twice`)
    written.set(field, isJsonField(field) ? json(field, value) : JSON.stringify(value))
  }
  return `{${[...written].map(([field, value]) => `${JSON.stringify(field)}:${value}`).join(",")}}`
}

function json(field: string, value: string): string {
  try {
    JSON.parse(value)
    return value
  } catch {
    throw new TrailError("bad-event", `${field} is not JSON`, {
      hint: `write it as '{"key": "value"}', with the quotes of your shell around it`,
    })
  }
}
