// What a pseudonymization does: a look in a dry run; else the log, archives, and what the register is told of each.
import type { Client } from "pg"
import { isUnsettled } from "../archive/settle.js"
import type { SigningKey } from "../checkpoint/note.js"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { stepsAfter } from "./after-commit.js"
import type { ArchiveRedacted } from "./archive-told.js"
import { refuseNoRegister } from "./erase-refusals.js"
import { findArchived, findInLog } from "./find.js"
import { countFound, sumFound } from "./found.js"
import type { Identifier } from "./identifiers.js"
import { activeKey, type PrivacyKeys } from "./keys.js"
import { type PrivacyKey, registerHasher } from "./privacy-key.js"
import { type KnownPseudonym, knownPseudonyms, pseudonymsFor } from "./pseudonym.js"
import { organizationsOf, sumsOf } from "./pseudonym-sums.js"
import type { Pseudonymized, PseudonymizeOptions } from "./pseudonymize.js"
import { redactSubject } from "./redact.js"
import { RegisterFile } from "./register.js"
import { Telling } from "./register-tell.js"

export interface Job {
  readonly target: ConnectionTarget
  readonly client: Client
  readonly identifiers: readonly Identifier[]
  readonly options: PseudonymizeOptions
  readonly key: PrivacyKey
  readonly signing: SigningKey | undefined
}

export type Done = Pick<
  Pseudonymized,
  "known" | "act" | "events" | "organizations" | "found" | "archives" | "failed" | "register"
>

/** Of a dry run. */
export async function looked({ target, client, identifiers, options }: Job): Promise<Done> {
  const found = await findInLog(client, identifiers, options)
  const inside = options.archives === false ? [] : await findArchived(target, identifiers, options)
  const known = await knownPseudonyms(client, options.keys, identifiers)
  return {
    ...{ act: null, known, events: countFound(found, "replaced"), failed: [], register: null },
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

/** The transactions, and what the register is told of them. */
export async function registered(job: Job): Promise<Done> {
  const { register: path } = job.options
  if (path !== undefined) await refuseNoRegister(path, "nothing was changed")
  const register = path === undefined ? undefined : await RegisterFile.open(path)
  try {
    return await replaced(job, register)
  } finally {
    await register?.close()
  }
}

/** The log first, whose pseudonyms the archives get too; each of those by an act of its own, and with an entry of its own in the register. */
async function replaced(job: Job, register: RegisterFile | undefined): Promise<Done> {
  const { target, client, identifiers, options, key, signing } = job
  const { strategy, joined = false, request } = options
  const hash = registerHasher(key)
  const telling = new Telling(register, {
    ...{ strategy, request: request ?? null, key: key.id, joined },
    subject: identifiers.map((identifier) => hash(identifier)),
  })
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
    recorded: async (seq) => {
      await noteAct(client, request, seq)
      await telling.tell(client, seq)
    },
  }).catch(async (error: unknown) => {
    // A commit that nobody heard of may have happened: then the entry stays open, and counts.
    await telling.end(isUnsettled(error) ? undefined : null).catch(() => undefined)
    throw error
  })
  let last = await telling.end(act)
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
      await telling.tell(within, seq)
    }
    for await (const archive of redactArchives(target, identifiers, {
      ...common,
      recorded,
      actors: found.actors,
    })) {
      archives.push(archive)
      last = (await telling.end(archive.act)) ?? last
      // Of several attempts the last is the one that committed, if any did.
      if (archive.act === null) continue
      for (const [name, sum] of counted) archived.set(name, (archived.get(name) ?? 0n) + sum)
    }
  })
  return {
    // An answer that names nobody.
    ...{ act, events, found: { ...found, actors: [] }, known, archives, failed },
    register: last?.sha256 ?? null,
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
