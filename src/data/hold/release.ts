// Releases the holds of a case, by an act, and says which events nothing holds any more.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { textProblem } from "../append/text.js"
import { readSigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { refuseAddress } from "../subject/named.js"
import { quoted } from "../words.js"
import type { HoldOptions } from "./add.js"
import { archivesHeld, type HeldArchives } from "./archives.js"
import { countAfter, countHeld, type HeldCount } from "./count.js"
import { type Hold, holds } from "./hold.js"

export interface ReleaseOptions extends HoldOptions {
  readonly reason: string
  readonly requestedBy?: string | undefined
  /** A private signing key, as text: signs the act. */
  readonly key?: string | undefined
}

export interface ReleasedHold {
  readonly case_id: string
  readonly act: string
  /** The holds that it released, those too that had expired. */
  readonly holds: readonly Hold[]
  /** What they held; null where it was not counted. */
  readonly held: HeldCount | null
  /** Those of it that no other hold holds. */
  readonly free: HeldCount | null
  /** Archives that no hold keeps any more from being removed; null in a log that knows no archives yet. */
  readonly free_archives: HeldArchives | null
}

/** Throws `not-found` where no hold of the case is left to release. */
export async function releaseHold(
  client: Client,
  name: string,
  options: ReleaseOptions,
): Promise<ReleasedHold> {
  const { reason, requestedBy, key } = options
  const problem = textProblem(JSON.stringify({ name, reason, requestedBy }))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: "nothing was released" })
  refuseAddress({ "--reason": reason })
  const signing = key === undefined ? undefined : readSigningKey(key)
  const act = await performAct(client, signing, async () => {
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.release_hold($1, $2, $3) as act",
      [name, reason, requestedBy ?? null],
    )
    return rows[0]?.act ?? null
  })
  if (act === null) throw await noHold(client, name, "nothing was released")
  const of = await holds(client, { case: name, all: true })
  const released = of.filter((hold) => hold.released_act === act)
  const holding = released.filter(
    // Both have one form: text sorts like time.
    ({ expires_at: expires, released_at: at }) => expires === null || at === null || expires > at,
  )
  const acts = holding.map((hold) => hold.act)
  const isCounted = options.count !== false
  return countAfter(`the case is released, act ${act}`, name, async () => {
    const held = isCounted ? await countHeld(client, acts, options) : null
    const free = isCounted ? await countHeld(client, acts, { ...options, free: true }) : null
    const freeArchives = await archivesHeld(client, acts, { free: true })
    return { case_id: name, act, holds: released, held, free, free_archives: freeArchives }
  })
}

export async function noHold(client: Client, name: string, otherwise: string): Promise<TrailError> {
  const all = await holds(client, { all: true })
  const own = all.filter((hold) => hold.case_id === name)
  if (own.length > 0) {
    return new TrailError("not-found", `every hold of the case ${quoted(name)} is released already`, {
      hint: `${otherwise}; pgtrail hold show ${shell(name)}`,
    })
  }
  const open = all.filter((hold) => hold.state !== "released").map((hold) => hold.case_id)
  const [meant] = near(name, [...new Set(open)])
  return new TrailError("not-found", `there is no hold of a case ${quoted(name)}`, {
    hint: `${otherwise}; ${meant === undefined ? "pgtrail hold list" : `did you mean ${quoted(meant)}?`}`,
  })
}

const shell = (text: string): string => (/^[\w.@-]+$/.test(text) ? text : JSON.stringify(text))
