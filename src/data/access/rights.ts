// The rights on a log that a role can be given, and what each lets it do.
import { TrailError } from "../errors.js"

/** In the order in which they are told. */
export const rights = ["writer", "reader", "auditor", "operator", "privacy"] as const
export type Right = (typeof rights)[number]

export function readRight(typed: string): Right {
  const right = rights.find((one) => one === typed)
  if (right !== undefined) return right
  throw new TrailError(
    "usage",
    `${JSON.stringify(typed)} is no right on a log: it is one of ${rights.join(", ")}`,
  )
}

/** The role whose members have a right; a reader bound to organizations is a member of another than one of all. */
export const groupOf = (right: Right, isBound = false): string =>
  isBound ? "pgtrail_organization_reader" : `pgtrail_${right}`

/** Why a right is of the whole log or not at all. */
export const whyWhole: Readonly<Record<Exclude<Right, "reader">, string>> = {
  writer:
    "a writer names the organization of each event itself, and to look it up for each would cost every commit",
  auditor: "whoever verifies must see every organization, or what he does not see could be missing",
  operator: "checkpoints, settings and incarnations are of the whole log",
  privacy: "a person may be in the events of every organization",
}
