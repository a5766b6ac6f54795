// A case: all its holds, the acts of each, and how many events each of them holds, of which organization and month.
import type { Client } from "pg"
import type { HoldOptions } from "./add.js"
import { countHeld, type HeldCount } from "./count.js"
import { type Hold, holds } from "./hold.js"
import { noHold } from "./release.js"

export interface ShownHold {
  readonly case_id: string
  readonly holds: readonly (Hold & {
    /** What it holds now: nothing where it was released or has expired; null where it was not counted. */
    readonly held: HeldCount | null
  })[]
  /** Of all its holds together, each event once. */
  readonly held: HeldCount | null
}

/** Throws `not-found` for a case that never had a hold. */
export async function showHold(client: Client, name: string, options: HoldOptions = {}): Promise<ShownHold> {
  const all = await holds(client, { case: name, all: true })
  if (all.length === 0) throw await noHold(client, name, "nothing to show")
  const inForce = all.filter((hold) => hold.state === "in force").map((hold) => hold.act)
  if (options.count === false) {
    return { case_id: name, holds: all.map((hold) => ({ ...hold, held: null })), held: null }
  }
  const shown: ShownHold["holds"][number][] = []
  for (const hold of all) {
    const acts = inForce.filter((act) => act === hold.act)
    shown.push({ ...hold, held: await countHeld(client, acts, options) })
  }
  const [only] = shown.filter(({ state }) => state === "in force")
  const held =
    inForce.length === 1 && only !== undefined ? only.held : await countHeld(client, inForce, options)
  return { case_id: name, holds: shown, held }
}
