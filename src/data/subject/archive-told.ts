// What became of an archive in a redaction, and what is left in it.
import type { Client } from "pg"
import { plural } from "../words.js"
import type { KnownArchive } from "./archive-stage.js"
import { type FoundLaw, isReplaced, lawsOf } from "./found.js"

export interface ArchiveRedacted {
  readonly archive: string
  readonly location: string
  /** The archive that took its place; null where it is as it was. */
  readonly new_name: string | null
  /** Why values may still lie there; null where none do. */
  readonly why: string | null
  /** One that is not in force any more, and whose files, or their bytes, are there still; null where there is none. */
  readonly left: string | null
  /** Until when rules of retention keep it: "infinity" for ever. */
  readonly until: string | null
  /** In which values were replaced, which a law keeps (by a token), which a hold keeps as they are, which do not verify. */
  readonly events: string
  readonly kept: string
  /** Which laws these are. */
  readonly laws: readonly FoundLaw[]
  readonly held: string
  readonly unsound: string
  readonly act: string | null
}

export type Done = Omit<ArchiveRedacted, "archive" | "location" | "until">
export const nothing: Done = {
  new_name: null,
  why: null,
  left: null,
  events: "0",
  kept: "0",
  laws: [],
  held: "0",
  unsound: "0",
  act: null,
}

export interface Planned {
  readonly replaced: string
  readonly kept: string
  readonly laws: readonly FoundLaw[]
  readonly held: string
  readonly unsound: string
  /** Of all that was found, also where all of it is held: each must have a pseudonym, where they are given any. */
  readonly organizations: readonly string[]
}

export async function plannedFor(client: Client): Promise<Planned> {
  const { rows } = await client.query<Omit<Planned, "organizations" | "laws">>(
    `select count(*) filter (where ${isReplaced}) as replaced, count(*) filter (where ${isReplaced} and p.law is not null) as kept,
       count(*) filter (where p.held) as held, count(*) filter (where not p.sound and not p.held) as unsound
     from pg_temp.pgtrail_plan p`,
  )
  const { rows: organizations } = await client.query<{ name: string }>(
    "select distinct p.organization_id as name from pg_temp.pgtrail_plan p order by 1",
  )
  const [counts = { replaced: "0", kept: "0", held: "0", unsound: "0" }] = rows
  const laws = counts.kept === "0" ? [] : await lawsOf(client)
  return { ...counts, laws, organizations: organizations.map(({ name }) => name) }
}

/** Files that could not be taken away, or not their bytes. */
export interface Left {
  readonly name: string
  readonly why: string
}

/** Undefined where it has nothing of the subject. */
export function told(
  row: KnownArchive,
  written: { readonly name: string; readonly act: string; readonly events: string } | undefined,
  { replaced, kept, laws, held, unsound }: Planned,
  files: readonly Left[],
): Done | undefined {
  const isBack = row.restored_act !== null
  const left = [
    ...files.map((one) => one.why),
    held === "0" ? null : `a hold is on ${plural(held, "event")} of it`,
    unsound === "0"
      ? null
      : `${plural(unsound, "event")} of it ${unsound === "1" ? "does" : "do"} not verify`,
    isBack && replaced !== "0"
      ? `${plural(replaced, "event")} of it came back into the log and ${replaced === "1" ? "is" : "are"} no longer there: pgtrail archive remove ${written?.name ?? row.name}`
      : null,
  ].filter((one) => one !== null)
  if (written === undefined && left.length === 0) return undefined
  const why = left.length === 0 ? null : left.join("; ")
  const { name: new_name = null, act = null, events = "0" } = written ?? {}
  const tokens = isBack || written === undefined ? { kept: "0", laws: [] } : { kept, laws }
  return { new_name, act, events, ...tokens, held, unsound, why, left: files.at(-1)?.name ?? null }
}

export const notAsInLog = (name: string, events: string): string =>
  `${plural(events, "event")} of it ${events === "1" ? "was" : "were"} redacted in the log and not in its files, and the log has ${events === "1" ? "it" : "them"} no more: pgtrail archive remove ${name}`
