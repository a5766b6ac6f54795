// Puts a pseudonym in the place of whatever names a subject: in the log in one transaction with one act, and then in archives, each by an act
// of its own. It is no erasure: who has the key can take it back.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { living, stepsAfter } from "./after-commit.js"
import type { ArchiveAccess } from "./archive-stage.js"
import type { ArchiveRedacted } from "./archive-told.js"
import { refuseRequest } from "./erase-refusals.js"
import { findArchived, findInLog, findSignature } from "./find.js"
import { countFound, type Found, staysNothing, sumFound } from "./found.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { activeKey, type PrivacyKeys } from "./keys.js"
import { limitsOf, unsearchedBy } from "./limits.js"
import { refuseUnknownOrganization } from "./misnamed.js"
import { refuseNamed } from "./named.js"
import type { PrivacyKey, PseudonymStrategy } from "./privacy-key.js"
import { type KnownPseudonym, knownPseudonyms, pseudonymsFor } from "./pseudonym.js"
import { organizationsOf, sumsOf } from "./pseudonym-sums.js"
import { type RedactionWork, redactSubject, refuseUnable } from "./redact.js"
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
    const done = options.dryRun === true ? await looked(job) : await replaced(job)
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

interface Job {
  readonly target: ConnectionTarget
  readonly client: Client
  readonly identifiers: readonly Identifier[]
  readonly options: PseudonymizeOptions
  readonly key: PrivacyKey
  readonly signing: SigningKey | undefined
}

type Done = Pick<
  Pseudonymized,
  "known" | "act" | "events" | "organizations" | "found" | "archives" | "failed"
>

/** Of a dry run. */
async function looked({ target, client, identifiers, options }: Job): Promise<Done> {
  const found = await findInLog(client, identifiers, options)
  const inside = options.archives === false ? [] : await findArchived(target, identifiers, options)
  const known = await knownPseudonyms(client, options.keys, identifiers)
  return {
    ...{ act: null, known, events: countFound(found, "replaced"), failed: [] },
    // Whether an address is the subject's alone archives tell too.
    found: { ...found, actors: sumFound([found, ...inside.map((one) => one.found)]).actors },
    organizations: organizationsOf(
      sumsOf(found),
      sumsOf(sumFound(inside.map((one) => one.found))),
      new Map(),
    ),
    archives: inside.map(({ archive, location, why, stays, until, found: of }) => ({
      ...{ archive, location, new_name: null, why: why ?? stays, left: null, until, act: null },
      events: countFound(of, "replaced"),
      kept: countFound(of, "kept"),
      laws: of.laws,
      held: countFound(of, "held"),
      unsound: countFound(of, "unsound"),
    })),
  }
}

/** The log first, whose pseudonyms the archives get too; each of those by an act of its own. */
async function replaced(job: Job): Promise<Done> {
  const { target, client, identifiers, options, key, signing } = job
  const { strategy, joined, request } = options
  const made = new Map<string, string>()
  const common = {
    ...options,
    key: signing,
    pseudonyms: async (organizations: readonly string[], within: Client) => {
      await stillActive(within, options.keys, key)
      const own = await pseudonymsFor(within, key, { strategy, identifiers, joined }, organizations)
      for (const [organization, pseudonym] of own) made.set(organization, pseudonym)
      return own
    },
  }
  let known: readonly KnownPseudonym[] = []
  const { act, events, found } = await redactSubject(client, identifiers, {
    ...common,
    // Somebody who was waited for may have given him one, or erased him.
    alsoNamed: async (within) => {
      known = await knownPseudonyms(within, options.keys, identifiers)
      return []
    },
    recorded: (seq) => noteAct(client, request, seq),
  })
  const { failed, trying } = stepsAfter()
  const archives: ArchiveRedacted[] = []
  const archived = new Map<string, bigint>()
  await trying("archives", async () => {
    if (options.archives === false) return
    const { redactArchives } = await import("./redact-archives.js")
    let counted: ReadonlyMap<string, bigint> = new Map()
    const recorded = async (seq: string, within: Client): Promise<void> => {
      counted = await replacedIn(within)
      await noteAct(within, request, seq)
    }
    for await (const archive of redactArchives(target, identifiers, {
      ...common,
      recorded,
      actors: found.actors,
    })) {
      archives.push(archive)
      // Of several attempts the last is the one that committed, if any did.
      if (archive.act === null) continue
      for (const [name, sum] of counted) archived.set(name, (archived.get(name) ?? 0n) + sum)
    }
  })
  return {
    // An answer that names nobody.
    ...{ act, events, found: { ...found, actors: [] }, known, archives, failed },
    organizations: organizationsOf(sumsOf(found), archived, made),
  }
}

const noteAct = (client: Client, request: string | undefined, act: string) =>
  client.query("select pgtrail.note_request_act($1, $2, '[]')", [request ?? null, act]).then(() => undefined)

/** A rotation may have come between: its lock is that of a redaction, so that from here on none can. */
async function stillActive(client: Client, keys: PrivacyKeys, key: PrivacyKey): Promise<void> {
  const active = await activeKey(client, keys)
  if (active.id === key.id) return
  throw new TrailError("retry", `the privacy key ${key.id} was rotated meanwhile`, {
    hint: "what has no pseudonym yet was not changed; run it again",
  })
}

/** In the transaction that replaced it. */
async function replacedIn(client: Client): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await client.query<{ name: string; events: string }>(
    "select p.organization_id as name, count(*) as events from pg_temp.pgtrail_plan p where p.done group by 1",
  )
  return new Map(rows.map(({ name, events }) => [name, BigInt(events)]))
}
