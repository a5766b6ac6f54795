// Finds the backup that somebody means: one by its folder, or the newest good one of a place.
import { TrailError } from "../errors.js"
import { shellPlace } from "../shell-word.js"
import { openStore, type Store, type StoreContext } from "../store/store.js"
import { rivalsIn } from "./histories.js"
import { actsIn } from "./known-acts.js"
import { eachBackup, type FoundBackup, findAllBackups, findBackup, isGood } from "./list.js"
import { type Nothing, noBackupAt, noSuchBackup, reading } from "./locate-words.js"
import { backupName, isWhole, manifestName } from "./manifest.js"
import { isBegun } from "./open.js"
import { badResult, knownResult } from "./results.js"

export interface LocatedBackup {
  /** The place that it lies in; whoever asked closes it. */
  readonly store: Store
  readonly name: string
  /** What it was chosen from, where a place was named and not the backup itself. */
  readonly chosen: boolean
}

export interface LocateOptions {
  /** Whether a place means the newest good backup there; otherwise the folder of one backup must be named. */
  readonly newest?: boolean | undefined
  /** Whether it means the newest of all that have a manifest, good or not: for who is to find out. */
  readonly unproven?: boolean | undefined
  /** What is said not to have been done where there is none: "nothing was restored". */
  readonly nothing?: Nothing | undefined
}

/** `location` as readLocation gives it: PLACE, PLACE/NAME or its manifest. Throws TrailError `not-found`, `usage`, or what the store throws. */
export async function locateBackup(
  location: string,
  context: StoreContext,
  { newest = true, unproven = false, nothing = "nothing was done" }: LocateOptions = {},
): Promise<LocatedBackup> {
  const [, above, name] = splitLocation(location)
  const store = await openPlace(above, context)
  try {
    if (name !== undefined) {
      if (!(await reading(isThere(store, name), store, nothing)))
        throw await noSuchBackup(store, name, nothing)
      return { store, name, chosen: false }
    }
    const found = await reading(findAllBackups(store, { signal: context.signal }), store, nothing)
    if (found.length === 0) throw await noBackupAt(above, context, nothing)
    if (!newest) throw unnamed(store, found, nothing)
    const meant = await newestOf(store, found, { unproven, nothing }, context)
    return { store, name: meant.name, chosen: true }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Whether anything lies there under that name: what it is worth whoever reads it tells. */
async function isThere(store: Store, name: string): Promise<boolean> {
  try {
    if ((await store.size(`${name}/${manifestName}`)) !== undefined) return true
  } catch (error) {
    // A link, or something else that is not followed.
    if (error instanceof TrailError && error.code === "file" && error.cause === undefined) return true
    throw error
  }
  return await isBegun(store, name)
}

/** A place of backups. A table is none: it is in the database that is to be saved. */
export async function openPlace(location: string, context: StoreContext): Promise<Store> {
  if (location === "table:") {
    throw new TrailError("usage", "a backup does not lie in a table: it would be lost with its database", {
      hint: "nothing was done; the place is a folder or s3://BUCKET/PREFIX",
    })
  }
  return await openStore(location, context)
}

function splitLocation(location: string): readonly [whole: string, above: string, name: string | undefined] {
  const short = location.endsWith(`/${manifestName}`) ? location.slice(0, -manifestName.length - 1) : location
  const [, above = "", last = ""] = /^((?:file|s3):\/\/.+)\/([^/]+)$/.exec(short) ?? []
  return backupName.test(last) ? [short, above, last] : [short, short, undefined]
}

/** What speaks against relying on it, and on which one to rely; undefined where nothing does. */
export async function doubtOf(
  store: Store,
  name: string,
  { signal }: StoreContext = {},
): Promise<string | undefined> {
  const { results, about } = await findBackup(store, name, { signal })
  const bad = badResult(results)
  if (bad === undefined) return undefined
  const what = bad.damaged ? "its files were found damaged" : "the log in it was found tampered with"
  for await (const other of eachBackup(store, { signal })) {
    const isSame = other.about?.log_id === about?.log_id && other.about !== undefined && isWhole(other.about)
    if (!isSame || !isGood(other) || knownResult(other.results)?.verdict !== "intact") continue
    return `${name}: ${what} at ${bad.at}; the newest that was found intact is ${other.name}`
  }
  return `${name}: ${what} at ${bad.at}; none of this log there was found intact`
}

/** A part of a log is no answer where there is the whole, and of two logs nobody can tell which is meant. */
async function newestOf(
  store: Store,
  all: readonly FoundBackup[],
  { unproven, nothing }: { readonly unproven: boolean; readonly nothing: Nothing },
  { signal }: StoreContext,
): Promise<FoundBackup> {
  const { location } = store
  const list = `pgtrail backup list ${shellPlace(location)}`
  const good = all.filter(unproven ? hasManifest : isGood)
  const whole = good.filter(({ about }) => about === undefined || isWhole(about))
  const [newest] = whole.length > 0 ? whole : good
  if (newest === undefined) {
    throw new TrailError("not-found", `there is no ${unproven ? "finished" : "good"} backup at ${location}`, {
      hint: `${nothing}; what is wrong with ${all.length === 1 ? "the one" : `the ${all.length}`} there: ${list}`,
    })
  }
  const logs = new Set(good.flatMap(({ about }) => about?.log_id ?? []))
  if (logs.size > 1) {
    throw new TrailError("usage", `there are backups of ${logs.size} logs at ${location}`, {
      hint: `${nothing}; name one as PLACE/NAME; which is of which: ${list}`,
    })
  }
  const told = (whole.length > 0 ? whole : good).filter(({ about }) => about !== undefined)
  const rivals = await rivalsIn(told, actsIn(store, { signal }))
  if (rivals.length > 0) {
    throw new TrailError(
      "usage",
      `there are backups of copies of one log at ${location}: ${rivals.join("; ")}`,
      {
        hint: `${nothing}; name one as PLACE/NAME; and let each database have a place of its own`,
      },
    )
  }
  return newest
}

const hasManifest = ({ state }: FoundBackup): boolean => state !== "unfinished"

function unnamed({ location }: Store, all: readonly FoundBackup[], nothing: Nothing): TrailError {
  const meant = all.find(isGood) ?? all[0]
  const [place, name] = [shellPlace(location), meant?.name ?? "NAME"]
  return new TrailError("usage", `${location} is no backup`, {
    hint: `${nothing}; name one of those there, as ${shellPlace(`${location}/${name}`)}: pgtrail backup list ${place}`,
  })
}
