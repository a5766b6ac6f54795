// What commands say about archives that more than one of them needs: the key that opens them, and where verify looks for them.
import { TrailError } from "../data/errors.js"
import { readLocation } from "../data/store/location.js"
import type { VerifyOptions } from "../data/verify/options.js"
import { configurable, reference } from "./options.js"
import { readSecret } from "./secret.js"
import type { Session } from "./session.js"
import { storeContext } from "./store.js"

export const identity = configurable(
  reference(
    "--identity <reference>",
    "the private key of age that opens encrypted archives and backups: file:PATH, env:NAME or cmd:COMMAND",
  ),
)

/** The private keys that a reference leads to; undefined where none was given. */
export async function readIdentity(
  typed: string | undefined,
  session: Session,
): Promise<readonly string[] | undefined> {
  if (typed === undefined) return undefined
  const { readIdentities } = await import("../data/archive/age.js")
  return readIdentities(await readSecret(typed, session.io).catch(hinting))
}

/** Which of the keys on the line it was. */
function hinting(error: unknown): never {
  if (!(error instanceof TrailError)) throw error
  const { code, message, hint = "nothing was done" } = error
  throw new TrailError(code, message, {
    hint: `${hint}. --identity takes file:PATH, env:NAME or cmd:COMMAND of a private key of age`,
    cause: error,
  })
}

/** For a verification that reads archives too; nothing where no place was named. */
export async function archivesOf(
  places: readonly string[],
  typed: string | undefined,
  session: Session,
): Promise<Pick<VerifyOptions, "archives" | "identities" | "stores">> {
  if (places.length === 0) return {}
  const identities = await readIdentity(typed, session)
  return {
    archives: places.map((place) => (place === "recorded" ? place : readLocation(place, session.io.cwd))),
    stores: { ...storeContext(session), signal: session.signal },
    ...(identities === undefined ? {} : { identities }),
  }
}
