// Which operating system user the embedded server runs as: PostgreSQL refuses to run as root.
import { userInfo } from "node:os"
import { TrailError } from "../errors.js"

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** `nobody` on Linux: it owns no other files, and no new user has to be made. */
const unprivileged: Owner = { uid: 65534, gid: 65534 }

export interface Invoker extends Owner {
  readonly name: string
  readonly home: string
  readonly isRoot: boolean
}

/** The user who asks. Taken from the operating system, so that HOME or USER in the environment cannot mislead. */
export function invoker(): Invoker {
  try {
    const { uid, gid, username, homedir } = userInfo()
    return { uid, gid, name: username, home: homedir, isRoot: uid === 0 }
  } catch (cause) {
    throw new TrailError(
      "embedded",
      "embedded PostgreSQL needs a named user: this uid has no entry in /etc/passwd",
      { cause },
    )
  }
}

/** The server's user. Root takes the user to whom an existing data directory belongs, so that it can start anybody's. */
export function serverOwner(who: Invoker, existing: Owner | undefined): Owner {
  if (!who.isRoot) return { uid: who.uid, gid: who.gid }
  return existing !== undefined && existing.uid !== 0
    ? { uid: existing.uid, gid: existing.gid }
    : unprivileged
}

/** What child_process needs to become `owner`; nothing when we are that user already. */
export function identity(who: Invoker, owner: Owner): { uid?: number; gid?: number } {
  return who.isRoot ? { uid: owner.uid, gid: owner.gid } : {}
}

/** The server's whole environment: PGOPTIONS, LANG or TZ of the invoking shell must not reach it. */
export const serverEnvironment = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" }
