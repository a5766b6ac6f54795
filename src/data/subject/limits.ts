// What was not searched for a subject, and what nothing can erase, in words: a reader of an answer must not take it for nothing.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { describePeriod } from "../query/time.js"
import { plural } from "../words.js"
import type { ArchiveFound } from "./archives.js"
import { inCompanions } from "./companions.js"
import { countFound, type Found, sumFound } from "./found.js"
import type { Identifier } from "./identifiers.js"
import { noPrivacyKeys, type PrivacyKeys } from "./keys.js"
import { misnamed } from "./misnamed.js"
import { missingKeys } from "./pseudonym.js"
import { sharedNote } from "./shared-address.js"
import type { SubjectScope } from "./stage.js"

/** Where the subject may stand and nobody looked. As long as there is any, no erasure is complete. */
export interface Unsearched {
  /** Keys that were not given, and whose pseudonyms the log still knows whom they stand for. */
  readonly keys: readonly string[]
  /** How many archives were left out. */
  readonly archives: number
  /** How the ID was written otherwise than events have it, in words. */
  readonly misnamed: readonly string[]
  /** Tables of profiles beside the log that have the subject, or that could not be read, in words. */
  readonly companions: readonly string[]
}

export const isUnsearched = ({ keys, archives, misnamed: slips, companions }: Unsearched): boolean =>
  keys.length > 0 || archives > 0 || slips.length > 0 || companions.length > 0

export async function unsearchedBy(
  target: ConnectionTarget,
  client: Client,
  identifiers: readonly Identifier[],
  /** In the log, and in archives where they were searched. */
  found: Found,
  options: SubjectScope & {
    readonly keys?: PrivacyKeys | undefined
    readonly archives?: boolean | undefined
  },
): Promise<Unsearched> {
  const keys = await missingKeys(client, options.keys ?? noPrivacyKeys)
  const slips = await misnamed(client, identifiers, options, countFound(found, "as_actor") === "0")
  const companions = await inCompanions(client, identifiers)
  if (options.archives !== false) return { keys, archives: 0, misnamed: slips, companions }
  const { archivesIn } = await import("./archive-stage.js")
  return { keys, archives: (await archivesIn(target, options)).length, misnamed: slips, companions }
}

export interface Searched extends SubjectScope {
  readonly archives?: boolean | undefined
}

export function limitsOf(
  found: Found,
  archives: readonly ArchiveFound[],
  options: Searched,
  identifiers: readonly Identifier[],
  unsearched: Unsearched,
): string[] {
  const all = sumFound([found, ...archives.map((archive) => archive.found)])
  const frame = [...new Set(all.fields.filter(({ group }) => group === "frame").map(({ field }) => field))]
  const period = describePeriod(options)
  const unread = archives.filter(({ searched }) => !searched)
  return [
    ...unsearched.keys.map(
      (id) =>
        `events under pseudonyms of the privacy key ${id} were not searched: give it by --privacy-key ${id}=file:PATH`,
    ),
    ...unsearched.misnamed,
    ...unsearched.companions,
    ...sharedNote(all.actors),
    ...ungivenWords(all),
    ...unruledWords(all),
    ...(frame.length === 0
      ? []
      : [
          `${frame.join(", ")}: an identifier stands there, and the chain needs these columns as they are: nothing can erase it there`,
        ]),
    ...(options.inText === true
      ? []
      : ["text and JSON of events that were not found otherwise were not searched: --text does"]),
    ...shortWords(identifiers),
    ...(options.organizations === undefined
      ? []
      : ["other organizations were not searched: --org was given"]),
    ...(period === undefined ? [] : [`only events ${period} were searched`]),
    ...(options.archives !== false
      ? []
      : [
          `archives were not searched${unsearched.archives === 0 ? "" : `: the log has ${plural(unsearched.archives, "archive")} that may have the subject`}`,
        ]),
    ...unread.map(
      ({ archive, why }) => `archive ${archive} was not searched: ${why ?? "it could not be read"}`,
    ),
  ]
}

/** What the log itself knows of the subject and nobody asked for: an erasure takes away the only way to it. */
export function ungivenWords({ ungiven }: Pick<Found, "ungiven">): string[] {
  if (ungiven.length === 0) return []
  const of = ungiven.map(
    ({ kind, events }) =>
      `${plural(events, "event")} ${events === "1" ? "has" : "have"} ${kind === "email" ? "an e-mail address" : "a name"}`,
  )
  const also = ungiven.map(({ kind }) => `--also ${kind}=`).join(", ")
  return [
    `of the subject's own events, ${of.join(" and ")} not given as an identifier: what only ${ungiven.length === 1 ? "that leads" : "these lead"} to was not looked for (${also})`,
  ]
}

/** Of nearly every person there are some: it is told, and no erasure is incomplete by it. */
function unruledWords({ unruled }: Pick<Found, "unruled">): string[] {
  if (unruled === "0") return []
  return [
    `${plural(unruled, "event")} about the subject ${unruled === "1" ? "has" : "have"} text or JSON that no rule is for: what there is personal and is none of the identifiers stays (pgtrail gdpr rule add)`,
  ]
}

function shortWords(identifiers: readonly Identifier[]): string[] {
  const short = identifiers.filter(({ value }) => [...value].length < 3).length
  if (short === 0) return []
  return [
    `${short === 1 ? "an identifier has" : `${short} identifiers have`} fewer than three characters: looked for within text of the subject's own events alone`,
  ]
}
