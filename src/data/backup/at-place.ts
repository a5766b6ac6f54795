// What can be done with the backups of a place without a database: to list, show, keep, release and prune them.
import type { StoreContext, StoreOptions } from "../store/store.js"
import { type Kept, keepIn, releaseIn } from "./keep.js"
import { type FoundBackup, findAllBackups, findBackup, type ReadFoundBackup } from "./list.js"
import { locateBackup, openPlace } from "./locate.js"
import { reading } from "./locate-words.js"
import { type PrunedBackup, type PruneOptions, pruneIn } from "./prune.js"
import type { RecordedOptions } from "./recorded.js"
import type { VerifyBackupOptions } from "./verify.js"
import type { BackupVerification } from "./verify-report.js"

export interface PlaceOptions extends StoreOptions {
  /** What a store needs besides its location, such as the credentials of S3. */
  readonly store?: StoreContext | undefined
}

/** The newest first; `location` as readLocation gives it. Throws what the store throws where it cannot be read. */
export async function listBackups(
  location: string,
  options: PlaceOptions & RecordedOptions = {},
): Promise<FoundBackup[]> {
  const store = await openPlace(location, options.store ?? {})
  try {
    return await reading(findAllBackups(store, options), store, "nothing was changed")
  } finally {
    await store.close()
  }
}

/** Removes what no rule keeps where it is `confirmed`, and says of each why it stays or goes. */
export async function pruneBackups(
  location: string,
  options: PlaceOptions & PruneOptions,
): Promise<PrunedBackup[]> {
  const store = await openPlace(location, options.store ?? {})
  try {
    return await pruneIn(store, options)
  } finally {
    await store.close()
  }
}

export interface ShownBackup {
  readonly location: string
  readonly backup: ReadFoundBackup
}

/** One by its folder, PLACE/NAME, or the newest good one of a place. */
export async function showBackup(location: string, options: PlaceOptions = {}): Promise<ShownBackup> {
  const { store, name } = await locateBackup(location, options.store ?? {})
  try {
    return { location: store.location, backup: await findBackup(store, name, options) }
  } finally {
    await store.close()
  }
}

/** No rule removes it then. `location` is its folder, PLACE/NAME. */
export async function keepBackup(location: string, kept: Kept, options: PlaceOptions = {}): Promise<void> {
  const { store, name } = await locateBackup(location, options.store ?? {}, {
    newest: false,
    nothing: "nothing was changed",
  })
  try {
    await keepIn(store, name, kept, options)
  } finally {
    await store.close()
  }
}

/** What had kept it; null where nothing did. */
export async function releaseBackup(location: string, options: PlaceOptions = {}): Promise<Kept | null> {
  const { store, name } = await locateBackup(location, options.store ?? {}, {
    newest: false,
    nothing: "nothing was changed",
  })
  try {
    return await releaseIn(store, name)
  } finally {
    await store.close()
  }
}

/** One by its folder, PLACE/NAME, or the newest of a place; as `verifyBackup` of verify.ts. */
export async function verifyBackup(
  location: string,
  options: PlaceOptions & VerifyBackupOptions = {},
): Promise<BackupVerification> {
  // Who only lists backups need not load it.
  const { verifyBackup: verifyIn } = await import("./verify.js")
  const { store, name } = await locateBackup(location, options.store ?? {}, { unproven: true })
  try {
    return await verifyIn(store, name, options)
  } finally {
    await store.close()
  }
}
