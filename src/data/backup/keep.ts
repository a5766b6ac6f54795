// A backup that nobody is to remove: a file beside it says so, and why.
import { TrailError } from "../errors.js"
import { matches, object, oneOf, parseManifest, text, writeManifest } from "../manifest-form.js"
import { shellPlace } from "../shell-word.js"
import type { Store, StoreOptions } from "../store/store.js"
import { manifestName } from "./manifest.js"
import { bytesOf, readSmallFile, timeForm } from "./results.js"

/** Beside the files of a backup, in no manifest. */
export const keepName = "keep.json"

export interface Kept {
  readonly reason: string
  /** As the machine calls him. */
  readonly by: string
  readonly at: string
}

const schema = "pgtrail.backup_keep/1"
/** Of a reason: what is longer nobody reads in a list. */
const most = 1000
const form = object({
  schema: oneOf(schema),
  reason: (value) => typeof value === "string" && value.length <= most,
  by: text,
  at: matches(timeForm),
})
const isKept = (value: unknown): value is Kept => form(value)

/** Null where nothing keeps it. A file of that name that cannot be read keeps it as well: somebody meant it to. */
export async function readKept(store: Store, name: string, options: StoreOptions = {}): Promise<Kept | null> {
  const key = `${name}/${keepName}`
  const content = await readSmallFile(store, key, options)
  if (content === undefined && (await store.size(key)) === undefined) return null
  const read = parseManifest(content ?? "", "pgtrail.backup_keep", isKept)
  if (read === undefined || "later" in read) return { reason: `${keepName} cannot be read`, by: "", at: "" }
  const { reason, by, at } = read.manifest
  return { reason, by, at }
}

/** Throws TrailError `exists` where it is kept already, and `not-found` where there is no finished backup of that name. */
export async function keepIn(
  store: Store,
  name: string,
  kept: Kept,
  options: StoreOptions = {},
): Promise<void> {
  await needFinished(store, name)
  if (kept.reason.trim() === "" || kept.reason.length > most) {
    const what = kept.reason.trim() === "" ? "is empty" : `has more than ${most} characters`
    throw new TrailError("usage", `the reason ${what}`, { hint: "nothing was changed; --reason TEXT" })
  }
  const { reason, by, at } = kept
  try {
    const content = writeManifest({ schema, reason, by, at })
    await store.put(`${name}/${keepName}`, bytesOf(content), options)
  } catch (error) {
    if (!(error instanceof TrailError) || error.code !== "exists") throw error
    throw new TrailError("exists", `${name} is kept already`, {
      hint: "nothing was changed; pgtrail backup show tells why, and pgtrail backup keep --release takes it back",
    })
  }
}

/** What had kept it; null where nothing did. */
export async function releaseIn(store: Store, name: string): Promise<Kept | null> {
  await needFinished(store, name)
  const kept = await readKept(store, name)
  if (kept !== null) await store.remove(`${name}/${keepName}`)
  return kept
}

async function needFinished(store: Store, name: string): Promise<void> {
  if ((await store.size(`${name}/${manifestName}`)) !== undefined) return
  throw new TrailError("not-found", `there is no finished backup ${name} at ${store.location}`, {
    hint: `nothing was changed; what became of it: pgtrail backup list ${shellPlace(store.location)}`,
  })
}
