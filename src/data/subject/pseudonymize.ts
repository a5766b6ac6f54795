// Puts a pseudonym in the place of whatever names a subject, in one transaction with one act. It is no erasure: who has the key can take it back.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { readSigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { findInLog, findSignature } from "./find.js"
import { countFound, type Found } from "./found.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { activeKey, type PrivacyKeys } from "./keys.js"
import { limitsOf } from "./limits.js"
import { refuseNamed } from "./named.js"
import type { PrivacyKey, PseudonymStrategy } from "./privacy-key.js"
import { type KnownPseudonym, knownPseudonyms, missingKeys, pseudonymsFor } from "./pseudonym.js"
import { type Redaction, type RedactionWork, redactSubject, refuseUnable } from "./redact.js"
import type { SubjectScope } from "./stage.js"

export const pseudonymStrategies = ["hash", "token", "encrypt"] as const

export interface PseudonymizeOptions extends SubjectScope, RedactionWork {
  readonly strategy: PseudonymStrategy
  readonly reason: string
  readonly requestedBy: string
  /** The request in the register of requests. */
  readonly request?: string | undefined
  /** The same pseudonym in all organizations, which lets them be joined. */
  readonly joined?: boolean | undefined
  readonly keys: PrivacyKeys
  /** A private signing key, as text: signs the act. */
  readonly signingKey?: string | undefined
  /** Finds the same and changes nothing. */
  readonly dryRun?: boolean | undefined
}

/** What stands for the subject in one organization. */
export interface PseudonymizedOrganization {
  readonly organization_id: string
  /** Null where nothing was changed. */
  readonly pseudonym: string | null
  /** Events in which something was replaced, or would be. */
  readonly events: string
}

export interface Pseudonymized {
  readonly dry_run: boolean
  /** Null where nothing was to be replaced. */
  readonly act: string | null
  readonly strategy: PseudonymStrategy
  readonly key_id: string
  readonly events: string
  readonly held: string
  readonly unsound: string
  readonly organizations: readonly PseudonymizedOrganization[]
  /** Under which pseudonyms the subject stood before, by all keys at hand. */
  readonly known: readonly KnownPseudonym[]
  readonly found: Found
  /** What was not searched, in words. */
  readonly limits: readonly string[]
}

const nothing = "nothing was changed"

/**
 * Throws `usage`, `privilege`, `read-only`, `lock-timeout` or `retry` where others are at work for too long, `config` where a key is missing or
 * wrong, `cancelled`.
 */
export async function pseudonymize(
  client: Client,
  identifiers: readonly Identifier[],
  options: PseudonymizeOptions,
): Promise<Pseudonymized> {
  const { strategy, reason, requestedBy, request, joined, signingKey } = options
  checkIdentifiers(identifiers)
  const problem = textProblem(JSON.stringify({ reason, requestedBy, request }))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: nothing })
  refuseNamed(identifiers, { "--reason": reason, "--requested-by": requestedBy, "--request": request })
  const signing = signingKey === undefined ? undefined : readSigningKey(signingKey)
  const needs = options.dryRun === true ? findSignature : "pgtrail.redact_begin(interval)"
  await refuseUnable(client, needs, { key: signing, nothing, patienceMs: options.patienceMs })
  const key = await activeKey(client, options.keys)
  const known = await knownPseudonyms(client, options.keys, identifiers)
  const about = { strategy, key_id: key.id, known }
  const missing = await missingKeys(client, options.keys)
  const counts = (found: Found) => counted(found, identifiers, options, missing)
  if (options.dryRun === true) {
    const found = await findInLog(client, identifiers, options)
    return {
      ...about,
      ...counts(found),
      dry_run: true,
      act: null,
      organizations: organizationsOf(found),
    }
  }
  let made: ReadonlyMap<string, string> = new Map()
  const redaction: Redaction = {
    ...options,
    key: signing,
    pseudonyms: async (organizations) => {
      await stillActive(client, options.keys, key)
      made = await pseudonymsFor(client, key, { strategy, identifiers, joined }, organizations)
      return made
    },
    recorded: async (act) => {
      await client.query("select pgtrail.note_request_act($1, $2, '[]')", [request ?? null, act])
    },
  }
  const { act, events, found } = await redactSubject(client, identifiers, redaction)
  return {
    ...about,
    ...counts(found),
    dry_run: false,
    act,
    events,
    organizations: organizationsOf(found).map((one) => ({
      ...one,
      pseudonym: made.get(one.organization_id) ?? null,
    })),
  }
}

/** A rotation may have come between: its lock is that of a redaction, so that from here on none can. */
async function stillActive(client: Client, keys: PrivacyKeys, key: PrivacyKey): Promise<void> {
  const active = await activeKey(client, keys)
  if (active.id === key.id) return
  throw new TrailError("retry", `the privacy key ${key.id} was rotated meanwhile`, {
    hint: `${nothing}; run it again`,
  })
}

const counted = (
  found: Found,
  identifiers: readonly Identifier[],
  options: PseudonymizeOptions,
  missing: readonly string[],
): Pick<Pseudonymized, "events" | "held" | "unsound" | "found" | "limits"> => ({
  events: countFound(found, "replaced"),
  held: countFound(found, "held"),
  unsound: countFound(found, "unsound"),
  found,
  limits: limitsOf(found, [], { ...options, archives: false }, identifiers, { keys: missing, archives: 0 }),
})

function organizationsOf({ events }: Found): PseudonymizedOrganization[] {
  const sums = new Map<string, bigint>()
  for (const { organization_id: name, replaced } of events) {
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(replaced))
  }
  return [...sums]
    .filter(([, sum]) => sum > 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sum]) => ({ organization_id: name, pseudonym: null, events: String(sum) }))
}
