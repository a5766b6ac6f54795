// Places a legal hold, by an act, and then counts what it holds.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { organizationKnown } from "../organization-known.js"
import { refuseAddress } from "../subject/named.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { archivesHeld, type HeldArchives } from "./archives.js"
import { type CountingOptions, countAfter, countHeld, type HeldCount } from "./count.js"
import { type Hold, holds, namesOf } from "./hold.js"

/** What it names must be true of an event all at once; at least one thing is named. */
export interface NewHold {
  readonly case: string
  readonly reason: string
  readonly requestedBy?: string | undefined
  readonly organization?: string | undefined
  readonly actor?: string | undefined
  readonly resourceType?: string | undefined
  /** Without it all resources of the type. */
  readonly resourceId?: string | undefined
  readonly correlation?: string | undefined
  /** This type, and those that begin with it and a dot. */
  readonly type?: string | undefined
  /** Events that occurred at this time or later. */
  readonly since?: string | undefined
  /** Events that occurred before this time. */
  readonly until?: string | undefined
  /** From then on it holds nothing. */
  readonly expires?: string | undefined
}

export interface HoldOptions extends Pick<CountingOptions, "signal" | "progress"> {
  /** Whether to count the events, which reads them. Default true. */
  readonly count?: boolean | undefined
}

export interface AddedHold {
  readonly hold: Hold
  /** What it holds now; null where it was not counted. */
  readonly held: HeldCount | null
  /** Archives that may have events of it, which cannot be removed; null in a log that knows no archives yet. */
  readonly archives: HeldArchives | null
  /** Whether the log has an organization of that name; null where none is named, or this role may not know. */
  readonly organization_known: boolean | null
  /** One with nearly that name, where there is none. */
  readonly near: string | null
  /** seq of the acts of holds in force that the case had before, and that name the same. */
  readonly same: readonly string[]
}

const nothing = "nothing was held"

/** Throws `usage`, `privilege`, `read-only`; `cancelled` where it was stopped while it counted: the hold stays. */
export async function addHold(client: Client, hold: NewHold, options: HoldOptions = {}): Promise<AddedHold> {
  const problem = textProblem(JSON.stringify(hold))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: nothing })
  refuseAddress({ "--case": hold.case, "--reason": hold.reason })
  const act = await withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("set local synchronous_commit = on")
    await refuseForeignFunctions(client)
    const { rows } = await client.query<{ act: string }>(
      "select pgtrail.add_hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) as act",
      [
        hold.case,
        hold.reason,
        hold.organization ?? null,
        hold.actor ?? null,
        hold.resourceType ?? null,
        hold.resourceId ?? null,
        hold.correlation ?? null,
        hold.type ?? null,
        hold.since ?? null,
        hold.until ?? null,
        hold.expires ?? null,
        hold.requestedBy ?? null,
      ],
    )
    return rows[0]?.act ?? ""
  })
  const of = await holds(client, { case: hold.case, all: true })
  const placed = of.find((one) => one.act === act)
  if (placed === undefined) throw new TrailError("retry", `the hold of act ${act} is not there any more`)
  const { held, archives } = await countAfter(`the hold is in force, act ${act}`, hold.case, async () => ({
    held: options.count === false ? null : await countHeld(client, [act], options),
    archives: await archivesHeld(client, [act]),
  }))
  const same = of.filter((one) => one.act !== act && one.state === "in force" && isSame(one, placed))
  // Holds may be placed before the first event: that no such organization is there is no error.
  const known = await organizationKnown(client, placed.organization_id)
  return { hold: placed, held, archives, ...known, same: same.map((one) => one.act) }
}

const isSame = (a: Hold, b: Hold): boolean => namesOf(a) === namesOf(b)
