// Whether a backup has an act of another: by that alone it is told that the log in it came from the other's, and is no copy that went its own way.
import { TrailError } from "../errors.js"
import type { Store, StoreOptions } from "../store/store.js"
import { linesOf, valuesOf } from "./copy-text.js"
import { backupText, readBackupManifest } from "./open.js"

/** Of a log: its number and its hash, in hex. */
export interface KnownAct {
  readonly seq: string
  readonly hash: string
}

/** Of a backup whose acts cannot be read, as of an encrypted one, false: what nobody can tell is not taken for told. */
export type HasAct = (backup: string, act: KnownAct) => Promise<boolean>

export function actsIn(store: Store, { signal }: StoreOptions = {}): HasAct {
  return async (backup, act) => {
    try {
      return await hasAct(store, backup, act, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof TrailError) return false
      throw error
    }
  }
}

async function hasAct(
  store: Store,
  backup: string,
  { seq, hash }: KnownAct,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { manifest } = await readBackupManifest(store, backup, { signal })
  const table = manifest.tables.find(({ name, kind }) => name === "act" && kind === "table")
  if (table === undefined || table.file.age !== null) return false
  const [number, own] = [table.columns.indexOf("seq"), table.columns.indexOf("hash")]
  const key = `${backup}/${table.file.name}`
  let isThere = false
  // To its end: only then it is known to be the file that was written.
  for await (const line of linesOf(backupText(store, backup, table.file, { signal }), key)) {
    if (isThere) continue
    const values = valuesOf(line)
    isThere = values[number] === seq && values[own] === `\\x${hash}`
  }
  return isThere
}
