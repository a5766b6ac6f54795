// What granting or revoking consists of: statements in their order, from what is so already.
import type { AccessChange, AccessRequest } from "./change.js"
import type { Facts } from "./facts.js"
import { groupOf } from "./rights.js"

export type Kind = "grant" | "revoke"

/** One statement, its values quoted by the server, and what it changes where it is an act. */
export interface Step {
  readonly template: string
  readonly values: readonly (string | null)[]
  readonly change?: Omit<AccessChange, "act" | "changed"> | undefined
}

export function granting(request: AccessRequest, facts: Facts, before: readonly string[]): Step[] {
  const { right, role } = request
  const wanted = wantedOrganizations(request)
  const isBound = wanted.length > 0
  const has = isBound ? facts.bound : facts.whole
  const steps: Step[] = []
  // Whoever had this name was dropped, and his membership with him: his bindings must not be another's.
  const stale = isBound && facts.bound.grantors.length === 0 ? before : []
  for (const organization of stale) steps.push(record("revoke", request, organization))
  const isMember = has.grantors.length > 0 && (!isBound || has.isUsed)
  if (!isMember) {
    const how = isBound && facts.is16 ? " with inherit true" : ""
    steps.push({ template: `grant %I to %I${how}`, values: [groupOf(right, isBound), role] })
    if (!isBound) steps.push(record("grant", request, null))
  }
  for (const organization of wanted) {
    if (!before.includes(organization) || stale.includes(organization))
      steps.push(record("grant", request, organization))
  }
  return steps
}

export function revoking(request: AccessRequest, facts: Facts, before: readonly string[]): Step[] {
  const named = wantedOrganizations(request)
  const isOfReader = request.right === "reader"
  const gone = !isOfReader ? [] : named.length > 0 ? before.filter((one) => named.includes(one)) : before
  const steps: Step[] = []
  const leavesNone = gone.length === before.length
  if (isOfReader && leavesNone && (gone.length > 0 || named.length === 0)) {
    steps.push(...revokeMembership(request, facts.bound.grantors, facts.is16, true))
  }
  for (const organization of gone) steps.push(record("revoke", request, organization))
  if (named.length === 0 && facts.whole.grantors.length > 0) {
    steps.push(
      ...revokeMembership(request, facts.whole.grantors, facts.is16, false),
      record("revoke", request, null),
    )
  }
  return steps
}

/** From 16 on each grantor's membership is one of its own, and is revoked as his. */
function revokeMembership(
  { right, role }: AccessRequest,
  grantors: readonly string[],
  is16: boolean,
  isBound: boolean,
): Step[] {
  const group = groupOf(right, isBound)
  if (!is16) {
    return grantors.length === 0 ? [] : [{ template: "revoke %I from %I", values: [group, role] }]
  }
  return grantors.map((grantor) => ({
    template: "revoke %I from %I granted by %I",
    values: [group, role, grantor],
  }))
}

const record = (kind: Kind, { right, role }: AccessRequest, organization: string | null): Step => ({
  template: "select pgtrail.record_access(%L, %L, %L, %L)",
  values: [kind, role, right, organization],
  change: { role, right, organization },
})

export const wantedOrganizations = ({ organizations = [] }: AccessRequest): string[] => [
  ...new Set(organizations),
]
