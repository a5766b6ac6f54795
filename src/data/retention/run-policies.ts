// By which policies events went, as the acts of a run have them.
import type { PolicyCutoff } from "./run-options.js"

/** `policies` of an act, or of a dry run. */
export function policiesOf(json: string | null): PolicyCutoff[] {
  const found: { policy: string; floor: string | null; keep: number; cutoff: string; events: number }[] =
    json === null ? [] : JSON.parse(json)
  return found.map(({ policy, floor, keep, cutoff, events }) => ({
    policy,
    floor,
    keep_days: String(keep),
    cutoff,
    events: String(events),
  }))
}

/** Each policy once, with the latest of its cutoffs. */
export function summed(all: readonly PolicyCutoff[]): PolicyCutoff[] {
  const sums = new Map<string, PolicyCutoff>()
  for (const one of all) {
    const key = JSON.stringify([one.policy, one.floor, one.keep_days])
    const known = sums.get(key)
    if (known === undefined) {
      sums.set(key, one)
      continue
    }
    const cutoff = known.cutoff < one.cutoff ? one.cutoff : known.cutoff
    sums.set(key, { ...one, cutoff, events: String(BigInt(known.events) + BigInt(one.events)) })
  }
  return [...sums.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1))
}

const place = ({ policy, floor, keep_days }: PolicyCutoff): string =>
  [policy, keep_days.padStart(6, "0"), floor ?? ""].join("\0")
