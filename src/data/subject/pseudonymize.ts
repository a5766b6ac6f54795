// Puts a pseudonym in the place of whatever names a subject: in the log in one transaction with one act, and then in archives, each by an act
// of its own. It is no erasure: who has the key can take it back.
import { textProblem } from "../append/text.js"
import { readSigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { living } from "./after-commit.js"
import type { ArchiveAccess } from "./archive-stage.js"
import type { ArchiveRedacted } from "./archive-told.js"
import { refuseRequest } from "./erase-refusals.js"
import { findSignature } from "./find.js"
import { countFound, type Found, staysNothing } from "./found.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { activeKey, type PrivacyKeys } from "./keys.js"
import { limitsOf, unsearchedBy } from "./limits.js"
import { refuseUnknownOrganization } from "./misnamed.js"
import { refuseNamed } from "./named.js"
import type { PseudonymStrategy } from "./privacy-key.js"
import type { KnownPseudonym } from "./pseudonym.js"
import { looked, registered } from "./pseudonymize-run.js"
import { type RedactionWork, refuseUnable } from "./redact.js"
import { sharedBy } from "./shared-address.js"
import type { SubjectScope } from "./stage.js"

export const pseudonymStrategies = ["hash", "token", "encrypt"] as const

export interface PseudonymizeOptions extends SubjectScope, RedactionWork, ArchiveAccess {
  readonly strategy: PseudonymStrategy
  readonly reason: string
  readonly requestedBy: string
  /** The request in the register of requests. */
  readonly request?: string | undefined
  /** The same pseudonym in all organizations, which lets them be joined. */
  readonly joined?: boolean | undefined
  /** Whether archives are written anew too. Default true. */
  readonly archives?: boolean | undefined
  readonly keys: PrivacyKeys
  /** The register of erasures, a file outside of the database: after a restore it gives the pseudonyms again. */
  readonly register?: string | undefined
  /** A private signing key, as text: signs the acts. */
  readonly signingKey?: string | undefined
  /** Finds the same and changes nothing. */
  readonly dryRun?: boolean | undefined
}

/** What stands for the subject in one organization. */
export interface PseudonymizedOrganization {
  readonly organization_id: string
  /** Null where nothing was changed. */
  readonly pseudonym: string | null
  /** Events of the log in which something was replaced, or would be. */
  readonly events: string
  /** Events in archives. */
  readonly archived: string
}

export interface Pseudonymized {
  readonly dry_run: boolean
  /** Of the log; null where nothing there was to be replaced. An archive has an act of its own. */
  readonly act: string | null
  readonly strategy: PseudonymStrategy
  readonly key_id: string
  /** In the log. */
  readonly events: string
  readonly held: string
  readonly unsound: string
  readonly organizations: readonly PseudonymizedOrganization[]
  /** Those that had something of the subject, and those of which nobody can tell; in a dry run as they are, with what would be replaced. */
  readonly archives: readonly ArchiveRedacted[]
  /** sha256 of its newest entry in the register; null where none was named, or nothing was changed. */
  readonly register: string | null
  /** Under which pseudonyms the subject stood before, by all keys at hand. */
  readonly known: readonly KnownPseudonym[]
  readonly found: Found
  /** What was not searched, in words. */
  readonly limits: readonly string[]
  /** What went wrong after the act of the log was committed, in words. */
  readonly failed: readonly string[]
  /** Nothing stays that was to have a pseudonym. */
  readonly complete: boolean
}

const nothing = "nothing was changed"

/**
 * Throws `usage`, `not-found` of the request, `privilege`, `read-only`, `lock-timeout` or `retry` where others are at work for too long,
 * `config` where a key is missing or wrong, `cancelled`.
 */
export function pseudonymize(
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: PseudonymizeOptions,
): Promise<Pseudonymized> {
  const { reason, requestedBy, request, signingKey } = options
  checkIdentifiers(identifiers)
  const problem = textProblem(JSON.stringify({ reason, requestedBy, request }))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: nothing })
  refuseNamed(identifiers, { "--reason": reason, "--requested-by": requestedBy, "--request": request })
  const signing = signingKey === undefined ? undefined : readSigningKey(signingKey)
  const needs = options.dryRun === true ? findSignature : "pgtrail.redact_begin(interval)"
  return withClient(target, async (client) => {
    await refuseUnable(client, needs, { key: signing, nothing, patienceMs: options.patienceMs })
    await refuseUnknownOrganization(client, options, nothing)
    await refuseRequest(client, request, nothing)
    const key = await activeKey(client, options.keys)
    const job = { target, client, identifiers, options, key, signing }
    const done = options.dryRun === true ? await looked(job) : await registered(job)
    const unsearched = await living(job, (at) => unsearchedBy(target, at, identifiers, done.found, options))
    const { found, archives, failed } = done
    return {
      ...done,
      dry_run: options.dryRun === true,
      strategy: options.strategy,
      key_id: key.id,
      held: countFound(found, "held"),
      unsound: countFound(found, "unsound"),
      limits: limitsOf(found, [], options, identifiers, unsearched),
      // A pseudonym of a key that was not given is one all the same.
      complete:
        staysNothing(found) &&
        sharedBy(found.actors) === undefined &&
        archives.every(({ why, held, unsound }) => why === null && held === "0" && unsound === "0") &&
        unsearched.archives === 0 &&
        unsearched.misnamed.length === 0 &&
        unsearched.companions.length === 0 &&
        failed.length === 0,
    }
  })
}
