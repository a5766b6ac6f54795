// Whether a folder has room for a backup, asked before its first file.
import { statfs } from "node:fs/promises"
import { TrailError } from "../errors.js"
import { size } from "../status/facts.js"
import { pathOf } from "../store/location.js"
import type { Store } from "../store/store.js"
import type { Relation } from "./relations.js"

/** What its file will take: as much as the last one, else a fifth of what the table takes with its indexes. */
export const estimateOf = (
  { name, size }: Pick<Relation, "name" | "size">,
  sizes: ReadonlyMap<string, bigint>,
): bigint => sizes.get(name) ?? size / 5n

/** Throws `disk-full`. Of a bucket nobody knows, and some mounted folders do not tell. */
export async function refuseFull({ location }: Pick<Store, "location">, needed: bigint): Promise<void> {
  if (!location.startsWith("file:")) return
  const path = pathOf(location)
  const found = await statfs(path, { bigint: true }).catch(() => undefined)
  if (found === undefined || found.blocks === 0n) return
  const free = found.bavail * found.bsize
  if (free >= needed) return
  throw new TrailError(
    "disk-full",
    `${path} has ${size(String(free))} free, and the backup will need about ${size(String(needed))}`,
    { hint: "nothing was written; free space there (pgtrail backup prune), or name another place with --to" },
  )
}
