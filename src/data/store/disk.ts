// Folders on a disk that must be there, stay there, and be no links to somewhere else.
import type { Stats } from "node:fs"
import { type FileHandle, lstat, mkdir, open, rmdir } from "node:fs/promises"
import { dirname } from "node:path"
import { fileError } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"

/** Whether it had to be made. */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    if ((await statOf(path))?.isDirectory() !== true) throw strange(path, "folder")
    return false
  }
  await syncFolder(dirname(path))
  return true
}

/** Whether it was empty. */
export async function removeEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path)
    return true
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(String((error as NodeJS.ErrnoException).code)))
      return false
    throw error
  }
}

export async function statOf(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
}

const unsynced: ReadonlySet<unknown> = new Set([
  "EINVAL",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EBADF",
  "EACCES",
  "EPERM",
])

/** The name of a new file is on the disk only when its folder is; not every system lets a folder be opened. */
export async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined
  try {
    folder = await open(path, "r")
    await folder.sync()
  } catch (error) {
    if (!unsynced.has((error as NodeJS.ErrnoException).code)) throw error
  } finally {
    await folder?.close()
  }
}

export async function failing<T>(
  verb: "read" | "write" | "remove",
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw fileError(error, verb, path)
  }
}

export const strange = (path: string, kind: "file" | "folder"): TrailError =>
  new TrailError("file", `${path} is no ${kind}, and links are not followed there`, {
    hint: "nothing was changed; see who put it there",
  })
