// A case: all its holds, the acts of each, and how many events each of them holds, of which organization and month.
import type { Client } from "pg"
import type { HoldOptions } from "./add.js"
import { archivesHeld, type HeldArchives } from "./archives.js"
import { countHeld, type HeldCount } from "./count.js"
import { type Hold, holds } from "./hold.js"
import { noHold } from "./release.js"

export interface ShownHold {
  readonly case_id: string
  readonly holds: readonly (Hold & {
    /** What it holds now: nothing where it was released or has expired; null where it was not counted. */
    readonly held: HeldCount | null
    /** Archives that may have events of it, which cannot be removed: none where it was released or has expired. */
    readonly archives: HeldArchives | null
  })[]
  /** Of all its holds together, each event once. */
  readonly held: HeldCount | null
  readonly archives: HeldArchives | null
}

/** Throws `not-found` for a case that never had a hold. */
export async function showHold(client: Client, name: string, options: HoldOptions = {}): Promise<ShownHold> {
  const all = await holds(client, { case: name, all: true })
  if (all.length === 0) throw await noHold(client, name, "nothing to show")
  const inForce = all.filter((hold) => hold.state === "in force").map((hold) => hold.act)
  const isCounted = options.count !== false
  const archives = await archivesHeld(client, inForce)
  const shown: ShownHold["holds"][number][] = []
  for (const hold of all) {
    const acts = inForce.filter((act) => act === hold.act)
    const held = isCounted ? await countHeld(client, acts, options) : null
    shown.push({ ...hold, held, archives: await archivesHeld(client, acts) })
  }
  if (!isCounted) return { case_id: name, holds: shown, held: null, archives }
  const [only] = shown.filter(({ state }) => state === "in force")
  const held =
    inForce.length === 1 && only !== undefined ? only.held : await countHeld(client, inForce, options)
  return { case_id: name, holds: shown, held, archives }
}
