// What commands say about backups that more than one of them needs: where they lie, and which one is meant.
import { userInfo } from "node:os"
import { doubtOf, type LocatedBackup, type LocateOptions, locateBackup } from "../data/backup/locate.js"
import type { Recorded } from "../data/backup/recorded.js"
import { TrailError } from "../data/errors.js"
import { shellWord } from "../data/shell-word.js"
import { readLocation } from "../data/store/location.js"
import type { Store } from "../data/store/store.js"
import type { Values } from "./command.js"
import { arg, type Options, text } from "./options.js"
import type { Session } from "./session.js"
import { storeContext } from "./store.js"

/** For `configuration` of commands that look where `backup create` writes to, with `configuredUnder: "backup create"`. */
export const placeConfiguration: Options = {
  to: text("--to <place>", "where backups lie: a folder or s3://BUCKET/PREFIX"),
}

/** The place that was typed, else the one that is configured. Throws TrailError `usage`. */
export function placeOf(
  typed: string | undefined,
  configuration: Values,
  session: Pick<Session, "io">,
): { readonly typed: string; readonly location: string } {
  const place = typed ?? (configuration.to as string | undefined)
  if (place !== undefined) return { typed: place, location: readLocation(place, session.io.cwd) }
  throw new TrailError("usage", "no place of backups is named", {
    hint: 'nothing was done; name it, or write it into pgtrail.json: {"backup":{"create":{"to":"/srv/backup"}}}',
  })
}

/** For `args` of commands that take one backup. */
export const backupArgument = arg(
  "PLACE/NAME; of a place the newest good one; where it is missing, of the configured backup.create.to",
  "optional",
)

/** The same for those that are to find out whether it is good. */
export const newestArgument = arg(
  "PLACE/NAME; of a place the newest one; where it is missing, of the configured backup.create.to",
  "optional",
)

/** The backup that PLACE or PLACE/NAME means, or of the configured place; says on stderr which one was chosen from a place. Whoever asked closes the store. */
export async function locateTyped(
  given: string | undefined,
  session: Session,
  configuration: Values,
  options: LocateOptions = {},
): Promise<LocatedBackup> {
  const context = { ...storeContext(session), signal: session.signal }
  const { typed, location } = placeOf(given, configuration, session)
  try {
    const located = await locateBackup(location, context, options)
    if (located.chosen)
      session.note(`the newest ${options.unproven ? "" : "good "}backup there is ${located.name}`)
    return located
  } catch (error) {
    // What backup list prints first is no place.
    if (!(error instanceof TrailError) || error.code !== "not-found" || !isBareName(typed)) throw error
    const { to } = configuration
    const place = typeof to === "string" ? to.replace(/\/+$/, "") : undefined
    const isThere = place !== undefined && (await isBackup(`${place}/${typed}`, session))
    const next = isThere
      ? `it is at the configured place: ${shellWord(`${place}/${typed}`)}`
      : `that is the name of a backup: give its folder, PLACE/${typed}`
    throw new TrailError("not-found", `there is no backup ${typed} in this folder`, {
      hint: `${options.nothing ?? "nothing was done"}; ${next}`,
      cause: error,
    })
  }
}

async function isBackup(typed: string, session: Session): Promise<boolean> {
  const context = { ...storeContext(session), signal: session.signal }
  try {
    await (await locateBackup(readLocation(typed, session.io.cwd), context)).store.close()
    return true
  } catch {
    // It is only for a hint.
    return false
  }
}

/** Warns where verifications speak against a backup, before anything is lost for it. What is wrong with its place whoever uses it tells. */
export async function warnOfDoubt(store: Store, name: string, session: Session): Promise<void> {
  try {
    const doubt = await doubtOf(store, name, { signal: session.signal })
    if (doubt !== undefined) session.warn(doubt)
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
  }
}

/** What the log recorded of its backups, where the line itself names it: these commands need no database, and ask none that a variable names. */
export async function recordedOf(session: Session): Promise<Recorded | undefined> {
  if (session.typed.url === undefined) return undefined
  const { recordedBackups } = await import("../data/backup/recorded.js")
  return await recordedBackups(await session.target())
}

/** Who does it, as the machine calls him. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run as a user that no file lists.
    return "unknown"
  }
}

const isBareName = (typed: string): boolean => /^backup-\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(typed)
