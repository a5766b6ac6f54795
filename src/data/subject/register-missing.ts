// What a register of erasures does not have all of: a torn copy of it looks like one of a run that was killed, and is none.
import type { ClientBase } from "pg"
import { plural } from "../words.js"
import type { ReadRegister } from "./register-read.js"

/**
 * A run that is killed as it writes leaves an erasure of which not all is there and that was not committed; a copy that was torn leaves the
 * same. Where the log has its act it was committed; where nothing was written after it, nobody knows. `own`: the ids that this log has had.
 */
export async function missingOf(
  client: ClientBase,
  { unwritten, isCut }: ReadRegister,
  own: ReadonlySet<string>,
  path: string,
): Promise<string[]> {
  const missing: string[] = []
  for (const { act, act_hash: hash, log_id: log, isLast } of unwritten) {
    if (!own.has(log)) continue
    const { rows } = await client.query(
      "select from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = $1 and a.hash = decode($2, 'hex')",
      [act, hash],
    )
    if (rows.length > 0) {
      missing.push(
        `the erasure of act ${act}, which this log has, is not all in the register ${path}: take a whole copy of it`,
      )
    } else if (isLast) {
      missing.push(
        `the register ${path} ends within the erasure of act ${act}, and this log does not know whether that was committed: take a whole copy of it, or, ` +
          "if the run was killed, run that erasure again with this register",
      )
    }
  }
  if (isCut && missing.length === 0) {
    missing.push(
      `the register ${path} ends within a line, and what came after is not in it: take a whole copy of it`,
    )
  }
  return missing
}

/**
 * What this log did and the register does not have, in words: it is done here, and after a restore of an older backup nothing would tell of it.
 */
export async function unregisteredOf(client: ClientBase, { erasures }: ReadRegister): Promise<string[]> {
  const known = new Set(erasures.map(({ act, act_hash: hash }) => `${act} ${hash}`))
  const { rows } = await client.query<Record<"act" | "hash" | "strategy", string>>(
    `select a.seq as act, encode(a.hash, 'hex') as hash, a.parameters->>'strategy' as strategy from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.parameters->>'strategy' <> 'reapply' order by a.seq`,
  )
  const lost = rows.filter(({ act, hash, strategy }) => strategy === "erase" && !known.has(`${act} ${hash}`))
  const { rows: keys } = await client.query("select from pgtrail.privacy_keys()")
  return [
    ...(lost.length === 0
      ? []
      : [
          `${plural(lost.length, "erasure")} of this log ${lost.length === 1 ? "is" : "are"} not in the register (${actsOf(lost)}): after a restore of an older backup it cannot erase ` +
            `${lost.length === 1 ? "that" : "those"} again`,
        ]),
    ...(keys.length === 0
      ? []
      : [
          "pseudonyms are not in the register: who was given one after the backup that was restored has to be given one again (pgtrail gdpr pseudonymize)",
        ]),
  ]
}

const most = 10

const actsOf = (acts: readonly { readonly act: string }[]): string =>
  [
    `act${acts.length === 1 ? "" : "s"} ${acts
      .slice(0, most)
      .map(({ act }) => act)
      .join(", ")}`,
    ...(acts.length > most ? [`and ${acts.length - most} more`] : []),
  ].join(" ")
