// The files of one archive, and the place where they lie.
import { type ConnectionTarget, fixedTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { openStore, type Stays, type Store, type StoreContext } from "../store/store.js"
import { manifestName } from "./manifest.js"

/** `location` as readLocation gives it. Files in the database are those of the database that the work is on. */
export const openPlace = (
  target: ConnectionTarget,
  location: string,
  context: StoreContext | undefined,
): Promise<Store> => openStore(location, { ...context, target: fixedTarget(target) })

/** The manifest last: what is left when it stops half-way is still found by it. Tells how many there were. */
export async function removeFiles(
  store: Store,
  name: string,
  otherwise = `nothing was purged for them; later: pgtrail archive remove ${name} --confirm ${name} --at ${store.location}`,
): Promise<number> {
  const keys: string[] = []
  try {
    for await (const { key } of store.list(`${name}/`)) keys.push(key)
    const unfinished: string[] = []
    for await (const { key } of store.unfinished(`${name}/`)) unfinished.push(key)
    for (const key of unfinished) if (!keys.includes(key)) await store.remove(key)
    for (const key of manifestLast(keys)) await store.remove(key)
    return keys.length
  } catch (error) {
    const known = toTrailError(error)
    const why = known instanceof TrailError ? `: ${known.message}` : ""
    throw new TrailError(
      known instanceof TrailError ? known.code : "file",
      `the files of ${name} could not be taken away from ${store.location}${why}`,
      {
        hint: otherwise,
        cause: error,
      },
    )
  }
}

/** Why files of an archive would stay there, or their bytes, though it were removed; undefined where nothing says so. */
export async function whyStays(store: Store, name: string): Promise<Stays | undefined> {
  const keys: string[] = []
  for await (const { key } of store.list(`${name}/`)) keys.push(key)
  for (const key of manifestLast(keys)) {
    const stays = await store.stays(key)
    if (stays !== undefined) return stays
  }
  return undefined
}

export const manifestLast = (keys: readonly string[]): string[] => {
  const isManifest = (key: string): boolean => key.endsWith(`/${manifestName}`)
  return [...keys.filter((key) => !isManifest(key)), ...keys.filter(isManifest)]
}
