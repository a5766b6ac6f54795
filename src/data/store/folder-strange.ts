// Tells what lies within a folder of a store and is none of its files. Links are named, and never followed.
import type { Dirent } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { statOf } from "./disk.js"
import { isKey, type StrangeKind } from "./store.js"

/** `name` has a slash behind it. Of a folder what is in it is told, and itself only where that is nothing, or cannot be seen. */
export async function tellStrange(
  base: string,
  name: string,
  entries: readonly Dirent[],
  strange: (path: string, kind: StrangeKind) => void,
): Promise<void> {
  const isOwn = (entry: Dirent): boolean => entry.isFile() && isKey(`${name}${entry.name}`)
  const left = entries.filter((entry) => !isOwn(entry)).map((entry) => [name + entry.name, entry] as const)
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [path, entry] = next
    const within = entry.isDirectory() ? await entriesOf(join(base, path)) : []
    if (within.length === 0) strange(path, kindOf(entry))
    for (const one of within) left.push([`${path}/${one.name}`, one])
  }
}

/** None where it cannot be read, or is a folder no more. */
async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return (await statOf(path))?.isDirectory() === true ? await readdir(path, { withFileTypes: true }) : []
  } catch {
    return []
  }
}

function kindOf(entry: Dirent): StrangeKind {
  if (entry.isFile()) return "file"
  if (entry.isDirectory()) return "folder"
  return entry.isSymbolicLink() ? "link" : "other"
}
