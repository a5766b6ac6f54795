// After a restore: gives people the pseudonyms again that a register lists, the very same ones, each by an act of its own. The register has no name of
// anybody: with the key he is recognized in the events that came back (reapply-recognize.ts), and so whom a pseudonym stands for is noted again.
import type { Client } from "pg"
import { isUnsettled } from "../archive/settle.js"
import type { SigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { countFound } from "./found.js"
import { sealOriginal } from "./privacy-key.js"
import type { BackPseudonymization, Inspected } from "./reapply-inspect.js"
import { list } from "./reapply-list.js"
import { retiredWords, type Who, whose } from "./reapply-whose.js"
import { type Redacted, type RedactionWork, redactPlanned } from "./redact.js"
import { RegisterFile } from "./register.js"
import { type Pseudonymization, registeredPlaces } from "./register-read.js"
import { Telling } from "./register-tell.js"
import { addIdentifiers } from "./stage.js"

/** What became of one of them. */
export interface ReapplyPseudonymization extends Omit<Pseudonymization, "subject" | "pseudonyms"> {
  readonly places: string
  readonly already: string
  /** Events that are back, with what they had before. */
  readonly back: string
  /** Those of them that were given their pseudonym again, or would be. */
  readonly replaced: string
  readonly held: string
  readonly unsound: string
  readonly gone: string
  /** seq of the acts by which. */
  readonly acts: readonly string[]
  /** How many of the identifiers that were typed then stand in no event: gdpr reveal does not tell them any more. */
  readonly unknown: number
  /** Why its events stay as they are; null where none does. */
  readonly why: string | null
}

export interface Again extends RedactionWork {
  readonly register: string
  /** Then it is not appended to: what it lacks must be told the next time too. */
  readonly isTorn: boolean
  readonly dryRun: boolean
  readonly reason: string
  readonly requestedBy?: string | undefined
  readonly signing: SigningKey | undefined
}

/** What was done is a pseudonymization of this life of the log, and goes into the register as one: else a further restore would lose it unseen. */
export async function givenAgain(
  client: Client,
  inspected: Inspected,
  again: Again,
): Promise<ReapplyPseudonymization[]> {
  const isBack = inspected.entries.some(({ back }) => back > 0n)
  const file = isBack && !again.dryRun && !again.isTorn ? await opened(again.register) : undefined
  const done: ReapplyPseudonymization[] = []
  try {
    for (const entry of inspected.entries)
      done.push(await oneAgain(client, entry, inspected, { ...again, file }))
  } finally {
    if (typeof file !== "string") await file?.close()
  }
  return done
}

/** Or why it cannot be appended to. */
const opened = (path: string): Promise<RegisterFile | string> =>
  RegisterFile.open(path).catch((error: unknown) => {
    if (error instanceof TrailError) return error.message
    throw error
  })

interface Work extends Again {
  readonly file: RegisterFile | string | undefined
}

async function oneAgain(
  client: Client,
  entry: BackPseudonymization,
  inspected: Inspected,
  work: Work,
): Promise<ReapplyPseudonymization> {
  const { hasTags: _, byOrganization: __, pseudonyms: ___, subject, back, ...of } = entry
  const told = {
    ...of,
    places: String(entry.places),
    already: String(entry.already),
    back: String(back),
    held: String(entry.held),
    unsound: String(entry.unsound),
    gone: String(entry.gone),
    ...{ replaced: "0", acts: [] as readonly string[], unknown: 0, why: null },
  }
  if (back === 0n) return told
  const who = whose(entry, inspected)
  if (typeof who === "string") return { ...told, why: who }
  const { identifiers, lookups } = who
  const unknown = subject.length - identifiers.length
  const noted = await notedOf(client, lookups)
  if (
    inspected.known.get(entry.key)?.state !== "active" &&
    [...entry.byOrganization.values()].some((one) => !noted.has(one))
  )
    return { ...told, why: retiredWords(entry) }
  if (work.dryRun) return { ...told, replaced: String(back), unknown }
  const { file } = work
  if (typeof file === "string") return { ...told, why: `what is done must be told to the register: ${file}` }
  const { tags, redacted } = await redactedAgain(client, entry, who, inspected, { ...work, file })
  return {
    ...told,
    replaced: redacted.events,
    held: countFound(redacted.found, "held"),
    unsound: countFound(redacted.found, "unsound"),
    acts: [tags, redacted.act].filter((act) => act !== null),
    unknown,
  }
}

async function notedOf(client: Client, lookups: readonly Buffer[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ pseudonym: string }>(
    "select p.pseudonym from pgtrail.find_pseudonym($1) p",
    [lookups],
  )
  return new Set(rows.map(({ pseudonym }) => pseudonym))
}

async function redactedAgain(
  client: Client,
  entry: BackPseudonymization,
  who: Who,
  { known }: Inspected,
  {
    register,
    file,
    reason,
    requestedBy,
    signing,
    ...work
  }: Again & { readonly file: RegisterFile | undefined },
): Promise<{ readonly tags: string | null; readonly redacted: Redacted }> {
  const { id, time, strategy, request, key, subject, joined } = entry
  const times = new Map([[id, time]])
  const stage = async (columns?: readonly string[]): Promise<void> => {
    await client.query("select pgtrail.subject_stage()")
    await list(client, registeredPlaces(register, new Set([id])), { times, columns, signal: work.signal })
  }
  const find = async (partition: string): Promise<void> => {
    await client.query("select pgtrail.find_listed($1)", [partition])
  }
  const common = { ...work, reason, requestedBy, key: signing }
  // What else of the person stands in a tag only a search knows: they go whole, as with an erasure.
  const tags = entry.hasTags
    ? (
        await redactPlanned(
          client,
          { ...common, strategy: "reapply" },
          { stage: () => stage(["tags"]), find },
        )
      ).act
    : null
  const telling = new Telling(file, { strategy, request, key, subject, joined })
  const isActive = known.get(key)?.state === "active"
  try {
    const redacted = await redactPlanned(
      client,
      {
        ...common,
        strategy,
        pseudonyms: async (organizations, within) => {
          if (isActive) await noteAgain(within, entry, who)
          return new Map(organizations.map((name) => [name, entry.byOrganization.get(name) ?? ""]))
        },
        recorded: (act) => telling.tell(client, act),
      },
      {
        stage: async () => {
          await stage()
          await addIdentifiers(client, who.identifiers)
        },
        find,
      },
    )
    await telling.end(redacted.act)
    return { tags, redacted }
  } catch (error) {
    await telling.end(isUnsettled(error) ? undefined : null).catch(() => undefined)
    throw error
  }
}

/** Whom they stand for, as it was noted when they were made. */
async function noteAgain(
  client: Client,
  { strategy, joined, byOrganization }: BackPseudonymization,
  { key, identifiers, lookups }: Who,
): Promise<void> {
  const all = [...byOrganization].slice(0, joined ? 1 : undefined)
  await client.query("select pgtrail.add_pseudonym($1, $2, $3, $4, $5, $6)", [
    all.map(([, pseudonym]) => pseudonym),
    all.map(([organization]) => (joined ? null : organization)),
    strategy,
    key.id,
    lookups.slice(0, all.length),
    all.map(([, pseudonym]) => sealOriginal(key, pseudonym, identifiers)),
  ])
}
