// Reads durations: a number and a unit, nothing else, so that `10` is never taken for milliseconds.
import { TrailError } from "./errors.js"

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Milliseconds. `name` stands in the message. Throws TrailError `usage`. */
export function readDuration(typed: string, name: string): number {
  const [, amount, unit] = /^(\d{1,9})([a-z]+)$/.exec(typed) ?? []
  const factor = milliseconds[unit ?? ""]
  const value = Number(amount) * (factor ?? Number.NaN)
  // PostgreSQL's own timeouts are 32-bit milliseconds.
  if (factor === undefined || value < 1 || value > 2_147_483_647) {
    throw new TrailError("usage", `${name} takes a duration of at least 1ms, not ${JSON.stringify(typed)}`, {
      hint: "write a number and ms, s, m, h or d: 500ms, 10s, 2m",
    })
  }
  return value
}
