// What a register of erasures does not have all of: a torn copy of it looks like one of a run that was killed, and is none.
import type { ClientBase } from "pg"
import { plural } from "../words.js"
import type { Beginning } from "./register.js"
import { nounOf, type ReadRegister } from "./register-read.js"

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
  for (const { strategy, act, act_hash: hash, log_id: log, isLast } of unwritten) {
    const noun = nounOf(strategy)
    if (!own.has(log)) continue
    const { rows } = await client.query(
      "select from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = $1 and a.hash = decode($2, 'hex')",
      [act, hash],
    )
    if (rows.length > 0) {
      missing.push(
        `the ${noun} of act ${act}, which this log has, is not all in the register ${path}: take a whole copy of it`,
      )
    } else if (isLast) {
      missing.push(
        `the register ${path} ends within the ${noun} of act ${act}, and this log does not know whether that was committed: take a whole copy of it, or, ` +
          `if the run was killed, run that ${noun} again with this register`,
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
export async function unregisteredOf(
  client: ClientBase,
  { erasures, pseudonymizations }: ReadRegister,
): Promise<string[]> {
  const known = new Set(
    [...erasures, ...pseudonymizations].map(({ act, act_hash: hash }) => `${act} ${hash}`),
  )
  const { rows } = await client.query<Pick<Beginning, "strategy"> & Record<"act" | "hash", string>>(
    `select a.seq as act, encode(a.hash, 'hex') as hash, a.parameters->>'strategy' as strategy from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.parameters->>'strategy' <> 'reapply' order by a.seq`,
  )
  const lost = rows.filter(({ act, hash }) => !known.has(`${act} ${hash}`))
  const erased = lost.filter(({ strategy }) => strategy === "erase")
  const named = lost.filter(({ strategy }) => strategy !== "erase")
  const { rows: keys } = await client.query("select from pgtrail.privacy_keys()")
  return [
    ...(erased.length === 0
      ? []
      : [
          `${plural(erased.length, "erasure")} of this log ${erased.length === 1 ? "is" : "are"} not in the register (${actsOf(erased)}): after a restore of an older backup it cannot erase ` +
            `${erased.length === 1 ? "that" : "those"} again`,
        ]),
    ...(named.length === 0
      ? []
      : [
          `${plural(named.length, "pseudonymization")} of this log ${named.length === 1 ? "is" : "are"} not in the register (${actsOf(named)}): after a restore of an older backup ` +
            "these people have to be given a pseudonym again by hand (pgtrail gdpr pseudonymize)",
        ]),
    ...(keys.length === 0 || pseudonymizations.length > 0
      ? []
      : [
          "the register lists no pseudonymization, and cannot tell whether there was one: who was given a pseudonym after the backup that was restored, by an earlier pgtrail or without " +
            "--register, has to be given one again (pgtrail gdpr pseudonymize)",
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
