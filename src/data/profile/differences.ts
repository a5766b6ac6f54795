// In which respects an object of a profile is not as the act says that installed it.
import type { ProfileAct } from "./acts.js"
import type { Facts } from "./fingerprint.js"
import type { Rights } from "./grants.js"

export interface Granted {
  readonly name: string
  readonly role: string
  readonly everybody: boolean
  readonly right: string
}

/** A few words each: `definition`, `column risk_level missing`, `constraint x changed`. */
export function differencesOf(installed: Facts, now: Facts): string[] {
  const found: string[] = []
  for (const fact of [...new Set([...Object.keys(installed), ...Object.keys(now)])].sort()) {
    const [then, is] = [installed[fact], now[fact]]
    if (typeof then === "string" || typeof is === "string") {
      if (then !== is) found.push(fact)
      continue
    }
    for (const one of [...new Set([...Object.keys(then ?? {}), ...Object.keys(is ?? {})])].sort()) {
      if (is?.[one] === undefined) found.push(`${fact} ${one} missing`)
      else if (then?.[one] === undefined) found.push(`${fact} ${one} added`)
      else if (then[one] !== is[one]) found.push(`${fact} ${one} changed`)
    }
  }
  return found
}

const ofAll = (right: string): string => right.replace(/ \(.*$/s, "")

/** What a role that the acts name has not, and what somebody has whom pgtrail gave nothing. Roles that are gone need nothing. */
export function rightsDiffering(
  name: string,
  expected: Rights[string] | undefined,
  { writers, readers, everWriters, everReaders }: ProfileAct,
  granted: readonly Granted[],
): string[] {
  const found: string[] = []
  const here = granted.filter((one) => one.name === name)
  const due = (role: string, some: readonly string[], others: readonly string[]): string[] => [
    ...(some.includes(role) ? (expected?.writers ?? []) : []),
    ...(others.includes(role) ? (expected?.readers ?? []) : []),
  ]
  for (const role of new Set([...writers, ...readers])) {
    const has = here.filter((one) => one.role === role && !one.everybody).map(({ right }) => right)
    const lacks = [...new Set(due(role, writers, readers))].filter(
      (right) => !has.includes(right) && !has.includes(ofAll(right)),
    )
    if (lacks.length > 0) found.push(`${role} has lost ${lacks.join(", ")}`)
  }
  const given = new Map<string, string[]>()
  for (const { role, everybody, right } of here) {
    const allowed = everybody ? [] : due(role, everWriters, everReaders)
    if (allowed.includes(right) || allowed.includes(ofAll(right))) continue
    given.set(role, [...(given.get(role) ?? []), right])
  }
  for (const [role, rights] of given) found.push(`${rights.join(", ")} granted to ${role}`)
  return found
}
