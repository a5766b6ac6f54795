// Looks for archives in the places that were named, or where their acts put them.
import type { ClientBase } from "pg"
import { type ConnectionTarget, fixedTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { openStore, type Store, type StoreContext } from "../store/store.js"
import type { ArchivedPurge } from "./archives.js"
import type { VerifyOptions } from "./options.js"

/** Stands for the place where the act of each archive put it. */
export const recordedPlace = "recorded"

/** Of an archive, where it lies, or why it was found nowhere. */
export interface Located {
  readonly location?: string
  readonly reason?: string
}

/** Keys and servers as plain data: another thread cannot ask for them. */
export type PlainContext = Pick<StoreContext, "target"> & {
  readonly s3?: Exclude<StoreContext["s3"], () => unknown>
}

const isBucket = (place: string): boolean => place.startsWith("s3:")

/** Throws where a bucket was named, and its keys cannot be had: nobody should wait for that until all events are read. */
export async function readKeys({ archives = [], stores }: VerifyOptions): Promise<PlainContext["s3"]> {
  return archives.some(isBucket) ? await keysOf(stores) : undefined
}

/**
 * Throws where a place that was named cannot be read and the log has no archive that is looked for there: a slip would go unseen until the
 * first one. Of those that it has, each that is not found is told by its name.
 */
export async function refuseNowhere(
  client: ClientBase,
  target: ConnectionTarget,
  { archives = [], stores }: VerifyOptions,
): Promise<void> {
  const places = archives.filter((place) => place !== recordedPlace && place !== "table:")
  if (places.length === 0 || (await hasArchives(client))) return
  for (const place of places) {
    const found = await attempted(async () => {
      const store = await openStore(place, { ...stores, target: fixedTarget(target) })
      try {
        for await (const _ of store.list("")) break
      } finally {
        await store.close().catch(() => undefined)
      }
    })
    if (!(found instanceof TrailError)) continue
    throw new TrailError(found.code, `there is nothing at --archive ${place}: ${found.message}`, {
      hint: "nothing was verified; name a place that is there, or leave --archive out: no archive is in force",
      cause: found,
    })
  }
}

/** What the table says, before anything is verified; one that cannot be read is judged later. */
async function hasArchives(client: ClientBase): Promise<boolean> {
  const { rows } = await client
    .query<{ any: string }>(
      "select exists (select from pgtrail.archive a where a.restored_seq is null and a.removed_seq is null) as any",
    )
    .catch(() => ({ rows: [{ any: "t" }] }))
  return rows[0]?.any === "t"
}

async function keysOf(stores: VerifyOptions["stores"]): Promise<PlainContext["s3"]> {
  return typeof stores?.s3 === "function" ? await stores.s3() : stores?.s3
}

export async function locateArchives(
  target: ConnectionTarget,
  options: VerifyOptions,
  archives: readonly ArchivedPurge[],
): Promise<{ readonly context: PlainContext; readonly found: readonly Located[] }> {
  const places = options.archives ?? []
  const needsKeys =
    places.some(isBucket) ||
    (places.includes(recordedPlace) && archives.some((one) => isBucket(one.location)))
  const s3 = needsKeys ? await attempted(() => keysOf(options.stores)) : undefined
  const context = {
    target: fixedTarget(target),
    ...(s3 === undefined || s3 instanceof TrailError ? {} : { s3 }),
  }
  const stores = new Map<string, Store | TrailError>()
  const storeAt = async (place: string) => {
    const isShut = isBucket(place) && s3 instanceof TrailError
    const store = stores.get(place) ?? (isShut ? s3 : await attempted(() => openStore(place, context)))
    stores.set(place, store)
    return store
  }
  const found: Located[] = []
  try {
    for (const { name, location } of archives) {
      options.signal?.throwIfAborted()
      const reasons: string[] = []
      let lies: string | undefined
      for (const place of places.map((one) => (one === recordedPlace ? location : one))) {
        const store = await storeAt(place)
        const size =
          store instanceof TrailError ? store : await attempted(() => store.size(`${name}/manifest.json`))
        if (size instanceof TrailError) reasons.push(size.message)
        else if (size !== undefined) lies = place
        if (lies !== undefined) break
      }
      if (lies !== undefined) found.push({ location: lies })
      else found.push(reasons.length === 0 ? {} : { reason: [...new Set(reasons)].join("; ") })
    }
  } finally {
    for (const store of stores.values()) {
      if (!(store instanceof TrailError)) await store.close().catch(() => undefined)
    }
  }
  return { context, found }
}

/** What a place cannot give is told of its archives, and does not take away what else was found. */
async function attempted<T>(work: () => Promise<T>): Promise<T | TrailError> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof TrailError) return error
    throw error
  }
}
