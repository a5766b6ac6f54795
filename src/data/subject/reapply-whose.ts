// Whose pseudonyms an entry of a register has, or why nobody can tell here.
import { TrailError } from "../errors.js"
import type { Identifier } from "./identifiers.js"
import { lookupOf, openPseudonym, type PrivacyKey, pseudonymOf, registerHash } from "./privacy-key.js"
import type { BackPseudonymization, Inspected } from "./reapply-inspect.js"
import type { Pseudonymization } from "./register-read.js"

export interface Who {
  readonly key: PrivacyKey
  /** The main one first. */
  readonly identifiers: readonly Identifier[]
  /** In the order of the pseudonyms' organizations. */
  readonly lookups: readonly Buffer[]
}

/** Or why nobody can tell. Throws `broken` where the register has another pseudonym than its key makes. */
export function whose(
  entry: BackPseudonymization,
  { keys, known, identifiers: found }: Inspected,
): Who | string {
  const key = keys.get(entry.key)
  if (key === undefined) return keyWords(entry, known)
  const [first = "", ...others] = entry.subject
  const main = found.get(first) ?? openedBy(key, entry, first)
  if (main === undefined)
    return `whom it was about does not stand in the events that are back: nobody can tell whom they would have a pseudonym of; find and pseudonymize, or erase, these people by hand`
  const domains = [...entry.byOrganization.keys()].map((organization) => (entry.joined ? "" : organization))
  for (const [at, pseudonym] of [...entry.byOrganization.values()].entries()) {
    // Of an address the register has no spelling.
    if (
      entry.strategy === "token" ||
      main.kind !== "id" ||
      pseudonymOf(key, entry.strategy, domains[at] ?? "", main.value) === pseudonym
    )
      continue
    throw new TrailError(
      "broken",
      `the register of erasures is damaged: a pseudonym of act ${entry.act} is not the one that the privacy key ${entry.key} makes`,
      { hint: "nothing was given that pseudonym; take the register from another copy" },
    )
  }
  return {
    key,
    identifiers: [main, ...others.flatMap((hash) => found.get(hash) ?? [])],
    lookups: domains.map((domain) => lookupOf(key, domain, main.value)),
  }
}

/** What is encrypted in the pseudonym itself, no event needs to have. */
function openedBy(
  key: PrivacyKey,
  { strategy, byOrganization }: BackPseudonymization,
  hash: string,
): Identifier | undefined {
  const [pseudonym] = byOrganization.values()
  const value = strategy === "encrypt" && pseudonym !== undefined ? openPseudonym(key, pseudonym) : undefined
  const main = value === undefined ? undefined : ({ kind: "id", value } as const)
  return main !== undefined && registerHash(key, main) === hash ? main : undefined
}

const lost = ({ key }: Pseudonymization): string =>
  `; where nobody has it any more: --lost-key ${key}, which erases them instead`

function keyWords(entry: BackPseudonymization, known: Inspected["known"]): string {
  const { key } = entry
  const row = known.get(key)
  if (row === undefined) {
    const verb = [...known.values()].some(({ state }) => state === "active") ? "rotate" : "create"
    return `this log does not know the privacy key ${key}, which it had when they were given their pseudonym: pgtrail gdpr key ${verb} ${key} --privacy-key ${key}=file:PATH, then this once more${lost(entry)}`
  }
  if (row.state === "destroyed")
    return `the privacy key ${key} was destroyed: --lost-key ${key} erases them instead`
  if (row.here === "no") return `it takes its privacy key: --privacy-key ${key}=file:PATH${lost(entry)}`
  return row.here === "wrong"
    ? `what was given as the privacy key ${key} is another key: --privacy-key ${key}=file:PATH`
    : `the privacy key ${key} could not be read: see what --privacy-key ${key}=... leads to`
}

export const retiredWords = (entry: BackPseudonymization): string =>
  `its privacy key ${entry.key} is not active in this log any more, which makes no new pseudonyms by it: pseudonymize these people by hand (pgtrail gdpr pseudonymize), or ` +
  `--lost-key ${entry.key} erases them instead`
