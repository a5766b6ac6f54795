// What somebody gave for an act or the register, as a database can keep it.
import { textProblem } from "../append/text.js"
import { TrailError } from "../errors.js"

export function refuseText(given: object, otherwise: string): void {
  const problem = textProblem(JSON.stringify(given))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: otherwise })
}
