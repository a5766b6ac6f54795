// In how many events of each organization a pseudonym was put, or would be.
import type { Found } from "./found.js"
import type { PseudonymizedOrganization } from "./pseudonymize.js"

export function sumsOf({ events }: Found): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { organization_id: name, replaced: count } of events) {
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(count))
  }
  return sums
}

export const organizationsOf = (
  live: ReadonlyMap<string, bigint>,
  archived: ReadonlyMap<string, bigint>,
  pseudonyms: ReadonlyMap<string, string>,
): PseudonymizedOrganization[] =>
  [...new Set([...live.keys(), ...archived.keys()])].sort().flatMap((name) => {
    const [inLog, inArchives] = [live.get(name) ?? 0n, archived.get(name) ?? 0n]
    if (inLog + inArchives === 0n) return []
    const pseudonym = pseudonyms.get(name) ?? null
    return [{ organization_id: name, pseudonym, events: String(inLog), archived: String(inArchives) }]
  })
