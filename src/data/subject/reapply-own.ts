// Which entries of a register are of this log, and what of them is to be erased.
import { createHash } from "node:crypto"
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { quoted } from "../words.js"
import type { Places } from "./register.js"
import { type Erasure, type Pseudonymization, sayHowMany } from "./register-read.js"

const nothing = "nothing was redacted"

/** A restore, a failover and a copy open a further incarnation; a copy has an id of its own, and keeps the ids before. */
export async function ownLogs(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ log_id: string }>(
    "select i.log_id from pgtrail.incarnation i union select l.log_id from pgtrail.log l",
  )
  return new Set(rows.map(({ log_id }) => log_id))
}

export const ownOf = <E extends Erasure>(all: readonly E[], own: ReadonlySet<string>): readonly E[] =>
  all.filter(({ log_id }) => own.has(log_id))

export const timesOf = (entries: readonly Erasure[]): ReadonlyMap<string, string> =>
  new Map(entries.map(({ id, time }) => [id, time]))

export function otherLog(path: string, [entry]: readonly Erasure[]): TrailError {
  return new TrailError("other-log", `the register ${path} is of another log, ${entry?.log_id}`, {
    hint: `${nothing}; name the register of this log: pgtrail status tells its id`,
  })
}

export function unseen(entries: readonly Erasure[]): string[] {
  const open = entries.filter(({ done }) => !done)
  if (open.length === 0) return []
  return [
    `${sayHowMany(open, "was", "were")} about to commit and never seen to end: what they list is redacted too`,
  ]
}

/** Pseudonymizations that are erased, because nobody has their key. Throws `usage` where it cannot be meant. */
export function lostOf(
  named: readonly Pseudonymization[],
  {
    lostKeys = [],
    keys,
  }: {
    readonly lostKeys?: readonly string[] | undefined
    readonly keys?: { readonly ids: readonly string[] } | undefined
  },
): readonly Pseudonymization[] {
  for (const id of lostKeys) {
    if (keys?.ids.includes(id) === true) {
      throw new TrailError("usage", `the privacy key ${quoted(id)} was given, and is said to be lost`, {
        hint: `${nothing}; leave out --lost-key, and the pseudonyms come back`,
      })
    }
    if (!named.some(({ key }) => key === id)) {
      throw new TrailError(
        "usage",
        `the register has no pseudonymization of this log by a privacy key ${quoted(id)}`,
        {
          hint: `${nothing}; without --lost-key it is told which keys are needed`,
        },
      )
    }
  }
  return named.filter(({ key }) => lostKeys.includes(key))
}

export const lostWords = (lost: readonly Pseudonymization[]): string[] =>
  lost.length === 0
    ? []
    : [
        `${sayHowMany(lost)} by a lost key: what of that is back is erased, and a token of nobody stands for the pseudonym`,
      ]

/** In the place of a pseudonym a token of nobody, made of it: who has the pseudonym finds the events, and it leads to nobody. */
export async function* asErased(places: AsyncIterable<Places>): AsyncGenerator<Places> {
  for await (const line of places) {
    const { token } = line
    yield token === null || token.startsWith("p1:t:none:")
      ? line
      : {
          ...line,
          token: `p1:t:none:${createHash("sha256").update(token).digest().subarray(0, 16).toString("base64url")}`,
        }
  }
}

/** Acts of holds that an entry had cleared of names, which are back. After a restore the number may be that of another act. */
export async function namedAgain(client: Client, entries: readonly Erasure[]): Promise<string[]> {
  const holds = entries.flatMap((entry) => entry.holds)
  const { rows } = await client.query<{ act: string }>(
    `select h.act_seq as act from unnest($1::bigint[], $2::text[]) g (act_seq, hash)
     join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = g.act_seq and a.hash = decode(g.hash, 'hex')
     join pgtrail.hold h on h.act_seq = a.seq and h.cleared_seq is null and (h.released_seq is not null or h.expires_at <= now())`,
    [holds.map(({ act }) => act), holds.map(({ hash }) => hash)],
  )
  return rows.map(({ act }) => act)
}
