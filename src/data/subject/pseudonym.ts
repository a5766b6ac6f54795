// The pseudonyms of a subject: one for each organization in which he is found, or one for all of them.
import type { ClientBase } from "pg"
import type { Identifier } from "./identifiers.js"
import { listPrivacyKeys, noPrivacyKeys, type PrivacyKeys, usableKeys } from "./keys.js"
import {
  lookupOf,
  type PrivacyKey,
  type PseudonymStrategy,
  pseudonymOf,
  sealOriginal,
} from "./privacy-key.js"

export interface PseudonymOptions {
  readonly strategy: PseudonymStrategy
  /** The first is the main one: the pseudonym stands for it, in every field. */
  readonly identifiers: readonly Identifier[]
  /** The same pseudonym in all organizations, which lets them be joined. */
  readonly joined?: boolean | undefined
}

export interface KnownPseudonym {
  readonly pseudonym: string
  /** Null: in all of them. */
  readonly organization_id: string | null
  readonly strategy: PseudonymStrategy
  readonly key_id: string
}

/** Within a redaction, whose transaction notes them. A token that the subject has already is used again. */
export async function pseudonymsFor(
  client: ClientBase,
  key: PrivacyKey,
  { strategy, identifiers, joined = false }: PseudonymOptions,
  organizations: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const id = identifiers[0]?.value ?? ""
  const domains = joined ? [""] : organizations
  const lookups = domains.map((domain) => lookupOf(key, domain, id))
  const before = strategy === "token" ? await tokensBy(client, key, lookups) : new Map<string, string>()
  const pseudonyms = domains.map(
    (domain, at) => before.get(lookups[at]?.toString("hex") ?? "") ?? pseudonymOf(key, strategy, domain, id),
  )
  await client.query("select pgtrail.add_pseudonym($1, $2, $3, $4, $5, $6)", [
    pseudonyms,
    joined ? [null] : organizations,
    strategy,
    key.id,
    lookups,
    pseudonyms.map((pseudonym) => sealOriginal(key, pseudonym, identifiers)),
  ])
  return new Map(organizations.map((organization, at) => [organization, pseudonyms[joined ? 0 : at] ?? ""]))
}

async function tokensBy(
  client: ClientBase,
  key: PrivacyKey,
  lookups: readonly Buffer[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ pseudonym: string; lookup: string }>(
    `select p.pseudonym, encode(p.lookup, 'hex') as lookup from pgtrail.find_pseudonym($1) p
     where p.strategy = 'token' and p.key_id = $2`,
    [lookups, key.id],
  )
  return new Map(rows.map(({ pseudonym, lookup }) => [lookup, pseudonym]))
}

/**
 * Under which pseudonyms a subject stands in the log already, by all keys at hand, retired ones too. A key that was given and is wrong is refused:
 * what it would have found would be overlooked.
 */
export async function knownPseudonyms(
  client: ClientBase,
  given: PrivacyKeys | readonly PrivacyKey[],
  identifiers: readonly Identifier[],
): Promise<readonly KnownPseudonym[]> {
  const keys = "ids" in given ? await usableKeys(client, given) : given
  const ids = identifiers.filter(({ kind }) => kind === "id")
  if (keys.length === 0 || ids.length === 0) return []
  const { rows: organizations } = await client.query<{ name: string }>(
    "select h.organization_id as name from pgtrail.chain_head h where h.seq = 0 group by 1",
  )
  const domains = ["", ...organizations.map(({ name }) => name)]
  const lookups = keys.flatMap((key) =>
    domains.flatMap((domain) => ids.map(({ value }) => lookupOf(key, domain, value))),
  )
  const { rows } = await client.query<KnownPseudonym>(
    "select p.pseudonym, p.organization_id, p.strategy, p.key_id from pgtrail.find_pseudonym($1) p",
    [lookups],
  )
  return rows
}

/** Keys that were not given and whose pseudonyms still stand for somebody: under those the subject may be in the log, unseen. */
export async function missingKeys(client: ClientBase, { ids }: PrivacyKeys): Promise<string[]> {
  const listed = await listPrivacyKeys(client, noPrivacyKeys)
  return listed
    .filter(
      ({ key_id: id, state, originals }) => state !== "destroyed" && originals !== "0" && !ids.includes(id),
    )
    .map(({ key_id: id }) => id)
}
