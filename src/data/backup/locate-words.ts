// What is said where a backup, or a place of backups, is not: what is there instead, which of a like name is, and what to run next.
import { basename } from "node:path"
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { shellPlace, shellWord } from "../shell-word.js"
import { pathOf } from "../store/location.js"
import { openStore, type Store, type StoreContext } from "../store/store.js"
import { plural } from "../words.js"
import { manifestName } from "./manifest.js"
import { readBackupManifest } from "./open.js"

/** As "nothing was restored". */
export type Nothing = `nothing was ${string}`

/** No backup of that name is at a place that can be read. */
export async function noSuchBackup(store: Store, name: string, nothing: Nothing): Promise<TrailError> {
  const { location } = store
  const list = `pgtrail backup list ${shellPlace(location)}`
  const names = await namesIn(store)
  const [like] = near(name, names, 1)
  const next =
    like !== undefined
      ? `of a like name is ${like}: ${list}`
      : names.length > 0
        ? `${plural(names.length, "other")} ${names.length === 1 ? "is" : "are"} there: ${list}`
        : "no backup is there at all; name the place that pgtrail backup create wrote to"
  return new TrailError("not-found", `there is no backup ${name} at ${location}`, {
    hint: `${nothing}; ${next}`,
  })
}

/** No backup is at the place, which can be read. What was typed may be a slip in the name of one, or a backup that was renamed. */
export async function noBackupAt(
  location: string,
  context: StoreContext,
  nothing: Nothing,
): Promise<TrailError> {
  const above = await aboveOf(location, context)
  try {
    if (above !== undefined) {
      const renamed = await readBackupManifest(above.store, above.name).catch(() => undefined)
      if (renamed !== undefined) {
        const { name } = renamed.manifest
        return new TrailError("not-found", `${location} is backup ${name} under another name`, {
          hint: `${nothing}; it is read under its own name alone${await renaming(above, name)}`,
        })
      }
      if (location.startsWith("s3:") && (await hasLike(above)))
        return await noSuchBackup(above.store, above.name, nothing)
    }
    const archives = location.startsWith("file:") && (await hasArchives(location))
    const next = archives
      ? `archives lie there: pgtrail archive list --at ${shellPlace(location)}; backups are where pgtrail backup create wrote to`
      : "name the place that pgtrail backup create wrote to, or the folder of one backup; one that was renamed gets back the name that its manifest.json has"
    return new TrailError("not-found", `there is no backup at ${location}`, { hint: `${nothing}; ${next}` })
  } finally {
    await above?.store.close()
  }
}

/** What a place that is read comes to; what a store throws where it cannot be is said in words of places, and that nothing was done. */
export const reading = <T>(work: Promise<T>, { location }: Store, nothing: Nothing): Promise<T> =>
  work.catch(async (error: unknown) => {
    throw await unread(error, location, nothing)
  })

async function unread(error: unknown, location: string, nothing: Nothing): Promise<unknown> {
  if (!(error instanceof TrailError)) return error
  const code = error.cause instanceof Error && "code" in error.cause ? error.cause.code : undefined
  if (location.startsWith("file:") && code === "ENOENT") {
    const above = await aboveOf(location, {})
    try {
      if (above !== undefined && (await namesIn(above.store).catch(() => [])).length > 0)
        return await noSuchBackup(above.store, above.name, nothing)
    } finally {
      await above?.store.close()
    }
    return new TrailError("file", `there is no folder ${pathOf(location)}`, {
      hint: `${nothing}; see that it is mounted, and name the place that pgtrail backup create wrote to`,
      cause: error.cause,
    })
  }
  if (location.startsWith("file:") && code === "ENOTDIR") {
    return new TrailError("file", `${pathOf(location)} is no folder, or a part of it is none`, {
      hint: `${nothing}; name the folder that pgtrail backup create wrote to, or that of one backup`,
      cause: error.cause,
    })
  }
  const rest = error.hint?.replace(/^nothing was \w+(; |$)/, "").replace("the file is there", "it is there")
  return new TrailError(error.code, error.message, {
    hint: [nothing, rest].filter(Boolean).join("; "),
    sqlstate: error.sqlstate,
    cause: error.cause,
  })
}

interface Above {
  readonly store: Store
  readonly name: string
}

/** The place in which `location` would be one backup. */
async function aboveOf(location: string, context: StoreContext): Promise<Above | undefined> {
  const [, above, last = ""] = /^((?:file|s3):\/\/.+)\/([^/]+)$/.exec(location) ?? []
  if (above === undefined) return undefined
  const name = location.startsWith("file:") ? basename(pathOf(location)) : last
  return { store: await openStore(above, context), name }
}

/** Of all that look like backups, whatever became of them. */
async function namesIn(store: Store): Promise<string[]> {
  const names = new Set<string>()
  const closed = (name: string): void => {
    names.add(name)
  }
  for await (const { key } of store.list("backup-", { closed })) names.add(key.slice(0, key.indexOf("/")))
  try {
    for await (const { key } of store.unfinished("backup-", { closed }))
      names.add(key.slice(0, key.indexOf("/")))
  } catch (error) {
    // Not everybody who may read a bucket may see what is on its way there.
    if (!(error instanceof TrailError)) throw error
  }
  return [...names]
}

const hasLike = async ({ store, name }: Above): Promise<boolean> =>
  near(name, await namesIn(store).catch(() => []), 1).length > 0

async function renaming({ store, name }: Above, own: string): Promise<string> {
  const place = store.location
  // mv would put the one into the other.
  if ((await namesIn(store)).includes(own)) return `, and that is there too: ${shellPlace(place)}/${own}`
  if (!place.startsWith("file:")) return `: give it back the name ${own}`
  const [from, to] = [name, own].map((one) => shellWord(`${pathOf(place)}/${one}`))
  return `: mv ${from} ${to}`
}

/** So many files are looked at. */
const most = 10_000

async function hasArchives(location: string): Promise<boolean> {
  const store = await openStore(location, {})
  let seen = 0
  try {
    for await (const { key } of store.list("", { closed: () => undefined })) {
      if (/^.+-\d{8}T\d{6}Z-[0-9a-f]{6}\//.test(key) && key.endsWith(`/${manifestName}`)) return true
      if (++seen >= most) break
    }
  } catch {
    // It is only for a hint.
  } finally {
    await store.close()
  }
  return false
}
