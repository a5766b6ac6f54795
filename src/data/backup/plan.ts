// What each table of a backup needs, said before anything is written: from where its file comes, and the state it is told by later.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import type { PartitionState } from "./manifest.js"
import type { OwnFiles } from "./own-files.js"
import type { Relation } from "./relations.js"
import type { Snapshot } from "./snapshot.js"
import { partitionState } from "./state.js"
import { isUnchanged, readChanges, type Scope, type Source, type Sources } from "./take-over.js"
import { stemsOf } from "./write-file.js"

export interface Plan {
  readonly relation: Relation
  readonly stem: string
  /** Null of a table. */
  readonly state: PartitionState | null
  /** Where its file comes from: an earlier attempt of this run, or another backup; undefined: it is read. */
  readonly source: Source | "own" | undefined
}

export interface Planning {
  readonly snapshot: Snapshot
  readonly scope: Scope
  /** The organization, quoted by the server. */
  readonly literal: string | undefined
  readonly own: OwnFiles
  readonly sources: Sources
  readonly signal?: AbortSignal | undefined
}

/** In the transaction of the snapshot. Throws `not-found`, and ChangedMeanwhile. */
export async function planTables(client: Client, planning: Planning): Promise<Plan[]> {
  const { snapshot, scope, literal, own, sources, signal } = planning
  const { partition } = scope
  const all = snapshot.relations.filter(
    ({ name, kind }) => partition === null || kind === "table" || name === partition,
  )
  if (partition !== null && !all.some(({ name, kind }) => name === partition && kind !== "table")) {
    throw new TrailError("not-found", `there is no partition ${partition}`, {
      hint: "nothing was backed up; pgtrail partition list tells the names",
    })
  }
  const stems = stemsOf(all.map(({ name }) => name))
  const changes = await readChanges(client, [...[...sources.values()].flat(), ...own.entries()])
  const hasEntries = await anyRedacted(client, snapshot)
  const plans: Plan[] = []
  for (const relation of all) {
    signal?.throwIfAborted()
    const stem = stems.get(relation.name) ?? ""
    if (relation.kind === "table") {
      plans.push({ relation, stem, state: null, source: undefined })
      continue
    }
    const state = await partitionState(client, relation, { organizationLiteral: literal, hasEntries, signal })
    const fits = (source: Pick<Source, "act" | "level" | "table">): boolean =>
      isUnchanged(relation, state, source, snapshot, scope, changes)
    const mine = own.entry(relation.name, stem)
    const isOwn = mine !== undefined && fits(mine)
    plans.push({ relation, stem, state, source: isOwn ? "own" : sources.get(relation.name)?.find(fits) })
  }
  return plans
}

async function anyRedacted(client: Client, { relations }: Snapshot): Promise<boolean> {
  if (!relations.some(({ name }) => name === "redaction_entry")) return false
  const { rows } = await client.query<{ some: string }>(
    "select exists (select from pgtrail.redaction_entry) as some",
  )
  return rows[0]?.some === "t"
}

/** The server quotes what goes into COPY, which takes no parameters. Throws `not-found` for an organization that never had an event. */
export async function organizationLiteral(
  client: Client,
  organization: string | null,
): Promise<string | undefined> {
  if (organization === null) return undefined
  const { rows } = await client.query<{ literal: string; known: string }>(
    `select quote_literal($1::text) as literal,
       exists (select from pgtrail.chain_head h where h.organization_id = $1) as known`,
    [organization],
  )
  if (rows[0]?.known === "t") return rows[0].literal
  throw new TrailError("not-found", "the log has no organization of that name", {
    hint: "nothing was backed up; pgtrail organization list tells the names",
  })
}
