// Tells whom a pseudonym stands for. That somebody asked is an act, which is committed before anything is known.
import type { Client } from "pg"
import { textProblem } from "../append/text.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import type { Identifier } from "./identifiers.js"
import { namedKey, type PrivacyKeys } from "./keys.js"
import { namesSubject, refuseAddress } from "./named.js"
import { openOriginals, openPseudonym, type PrivacyKey, type PseudonymStrategy } from "./privacy-key.js"

export interface RevealOptions {
  readonly reason: string
  readonly requestedBy?: string | undefined
  readonly keys: PrivacyKeys
}

export interface Revealed {
  readonly pseudonym: string
  readonly act: string
  readonly strategy: PseudonymStrategy
  readonly key_id: string
  /** Where it is used; null of one that is the same in all organizations, and of one that the log has no note of. */
  readonly organization_id: string | null
  /** The main one first. */
  readonly identifiers: readonly Identifier[]
  /** The reason, or who asked, has an identifier: known only now, as the act comes first, and kept in it. */
  readonly act_names: boolean
}

interface Noted {
  readonly organization_id: string | null
  /** Hexadecimal. */
  readonly original: string | null
}

const nothing = "nothing was revealed"
const strategies: Readonly<Record<string, PseudonymStrategy>> = { h: "hash", t: "token", e: "encrypt" }

/** Throws `usage`, `privilege`, `not-found`, `config` where the key is missing or wrong, `forged` where what the log has was altered. */
export async function reveal(client: Client, pseudonym: string, options: RevealOptions): Promise<Revealed> {
  const { reason, requestedBy, keys } = options
  const [, letter = "", id = ""] =
    /^p1:([hte]):([a-z0-9-]{1,32}):[A-Za-z0-9_-]{16,2000}$/.exec(pseudonym) ?? []
  const strategy = strategies[letter]
  if (strategy === undefined) {
    // Whatever was typed may name somebody.
    throw new TrailError("usage", "this is no pseudonym: one is p1:h:KEY:..., p1:t:KEY:... or p1:e:KEY:...", {
      hint: `${nothing}; write it as it stands in an event`,
    })
  }
  const problem = textProblem(JSON.stringify({ reason, requestedBy }))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: nothing })
  refuseAddress({ "--reason": reason, "--requested-by": requestedBy })
  if (id === "none") {
    throw new TrailError("not-found", "this is the token of an erasure: nobody has noted whom it stood for", {
      hint: nothing,
    })
  }
  const key = await namedKey(client, keys, id, nothing)
  const act = await recordReveal(client, pseudonym, options)
  if (act === null) {
    throw new TrailError(
      "not-found",
      "the log does not know, or does not know any more, whom this stands for",
      {
        hint: `${nothing}; see that it was copied whole, and that it is of this log`,
      },
    )
  }
  const { rows } = await client.query<Noted>(
    "select r.organization_id, encode(r.original, 'hex') as original from pgtrail.revealed($1) r",
    [act],
  )
  const [noted = { organization_id: null, original: null }] = rows
  const identifiers = openedBy(key, pseudonym, strategy, noted)
  if (identifiers === undefined) {
    throw new TrailError(
      "forged",
      "what the log has of this pseudonym was altered: it does not open with its key",
      {
        hint: `the attempt is recorded as act ${act}; a backup may have it as it was`,
      },
    )
  }
  const act_names = [reason, requestedBy ?? ""].some((text) => namesSubject(identifiers, text))
  return {
    pseudonym,
    act,
    strategy,
    key_id: id,
    organization_id: noted.organization_id,
    identifiers,
    act_names,
  }
}

/** The commit waits for the disk: nobody learns what a crash would leave no trace of. */
function recordReveal(
  client: Client,
  pseudonym: string,
  { reason, requestedBy }: RevealOptions,
): Promise<string | null> {
  return withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("set local synchronous_commit = on")
    await refuseForeignFunctions(client)
    const { rows } = await client.query<{ act: string | null }>("select pgtrail.reveal($1, $2, $3) as act", [
      pseudonym,
      reason,
      requestedBy ?? null,
    ])
    return rows[0]?.act ?? null
  })
}

function openedBy(
  key: PrivacyKey,
  pseudonym: string,
  strategy: PseudonymStrategy,
  { original }: Noted,
): readonly Identifier[] | undefined {
  if (original !== null) return openOriginals(key, pseudonym, Buffer.from(original, "hex"))
  const value = strategy === "encrypt" ? openPseudonym(key, pseudonym) : undefined
  return value === undefined ? undefined : [{ kind: "id", value }]
}
