// A store in a folder: on this machine, mounted, or on a system that never lets go of what was written.
import { randomBytes } from "node:crypto"
import { constants, type Stats } from "node:fs"
import { access, link, open, readdir, rm, rmdir, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { TrailError } from "../errors.js"
import { failing, makeFolder, removeEmpty, statOf, strange, syncFolder } from "./disk.js"
import { place, placeLink, read, write } from "./folder-file.js"
import { tellStrange } from "./folder-strange.js"
import { pathOf } from "./location.js"
import {
  checkKey,
  existsAlready,
  isKey,
  type ListOptions,
  notFound,
  partialName,
  type Store,
  type StoredObject,
  wholeName,
} from "./store.js"

/** `give` is how a file gets a second name, which not every file system can. */
export function openFolder(location: string, give: typeof link = link): Store {
  const base = pathOf(location)
  const pathTo = (key: string): string => join(base, ...checkKey(key))
  // A folder that is missing may be a mount that is not there: that is not the same as an empty one.
  const needBase = (verb: "read" | "write"): Promise<void> =>
    failing(verb, base, async () => (await open(base, constants.O_RDONLY | constants.O_DIRECTORY)).close())

  async function find(key: string): Promise<Stats | undefined> {
    const path = pathTo(key)
    await needBase("read")
    return await failing("read", path, async () => {
      const folder = await statOf(dirname(path))
      if (folder === undefined) return undefined
      if (!folder.isDirectory()) throw strange(dirname(path), "folder")
      const file = await statOf(path)
      if (file !== undefined && !file.isFile()) throw strange(path, "file")
      return file
    })
  }

  const unlessGone = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "ENOENT") throw error
  }

  return {
    location,
    async put(key, content, { signal } = {}) {
      const path = pathTo(key)
      await needBase("write")
      const isNew = await failing("write", path, () => makeFolder(dirname(path)))
      const partial = partialName(path, randomBytes(6).toString("hex"))
      try {
        if ((await failing("write", path, () => statOf(path))) !== undefined) throw existsAlready(path)
        const bytes = await write(partial, path, content, signal)
        await failing("write", path, () => place(partial, path, give))
        return bytes
      } catch (error) {
        await rm(partial, { force: true }).catch(() => undefined)
        if (isNew) await rmdir(dirname(path)).catch(() => undefined)
        throw error
      }
    },
    async link(from, key, { signal } = {}) {
      const [path, source] = [pathTo(key), pathTo(from)]
      if ((await find(from)) === undefined) throw notFound(`file ${source}`)
      const isNew = await failing("write", path, () => makeFolder(dirname(path)))
      try {
        if ((await failing("write", path, () => statOf(path))) !== undefined) throw existsAlready(path)
        if (await placeLink(source, path, give)) return
        // Where a file has one name only, or no more of them, it is copied.
        await this.put(key, read(source, signal), { signal })
      } catch (error) {
        if (isNew) await rmdir(dirname(path)).catch(() => undefined)
        throw error
      }
    },
    async get(key, { signal } = {}) {
      if ((await find(key)) === undefined) throw notFound(`file ${pathTo(key)}`)
      return read(pathTo(key), signal)
    },
    async size(key) {
      const found = await find(key)
      return found === undefined ? undefined : BigInt(found.size)
    },
    async *list(prefix, options) {
      await needBase("read")
      yield* walk(base, prefix, (name) => name, options)
    },
    async *unfinished(prefix, options) {
      await needBase("read")
      yield* walk(base, prefix, wholeName, options)
    },
    async remove(key) {
      const [, file] = checkKey(key)
      const path = pathTo(key)
      await needBase("read")
      const folder = dirname(path)
      const removed = async (): Promise<void> => {
        const stats = await statOf(folder)
        if (stats === undefined) return
        if (!stats.isDirectory()) throw strange(folder, "folder")
        for (const name of await readdir(folder)) {
          // Not rm, which takes what it may not remove for a folder, and says so.
          if (name === file || wholeName(name) === file) await unlink(join(folder, name)).catch(unlessGone)
        }
        await syncFolder(folder)
        if (await removeEmpty(folder)) await syncFolder(base)
      }
      // Another process may take the folder away meanwhile.
      await failing("remove", path, () => removed().catch(unlessGone))
    },
    async stays(key) {
      const path = pathTo(key)
      if ((await find(key)) === undefined) return undefined
      const codeOf = (work: Promise<void>): Promise<string> =>
        work.then(
          () => "",
          (error: NodeJS.ErrnoException) => error.code ?? "",
        )
      const [atBase, atFile] = [
        keeps[await codeOf(access(base, constants.W_OK))],
        // It removes nothing but folders: of a file it only tells whether it might.
        keeps[await codeOf(rmdir(path))],
      ]
      const why = atBase === undefined ? atFile && `${path}: ${atFile}` : `${base}: ${atBase}`
      return why === undefined ? undefined : { why, isNameless: false, next: letGo }
    },
    close: async () => undefined,
  }
}

const keeps: Readonly<Record<string, string>> = {
  EROFS: "it is mounted read-only",
  EPERM: "the system lets nothing go there (immutable, append-only, or another user's)",
  EACCES: "this user may not write there",
}
const letGo = "run it when, or where, the place lets go of files"

/** The files whose own name `keyed` finds in the name on the disk. */
async function* walk(
  base: string,
  prefix: string,
  keyed: (name: string) => string | undefined,
  { closed, strange }: ListOptions = {},
): AsyncGenerator<StoredObject> {
  const folders = await failing("read", base, () => readdir(base, { withFileTypes: true }))
  const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => `${name}/`)
  for (const name of names.sort()) {
    if (!name.startsWith(prefix) && !prefix.startsWith(name)) continue
    const folder = join(base, name)
    const entries = await failing("read", folder, async () =>
      (await statOf(folder)) === undefined ? [] : await readdir(folder, { withFileTypes: true }),
    ).catch((error: unknown) => {
      if (closed === undefined || !(error instanceof TrailError)) throw error
      closed(name.slice(0, -1), error)
      return []
    })
    if (strange !== undefined) await tellStrange(base, name, entries, strange)
    const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
    for (const file of files.sort()) {
      const key = `${name}${keyed(file) ?? ""}`
      if (!key.startsWith(prefix) || !isKey(key)) continue
      const stats = await failing("read", join(folder, file), () => statOf(join(folder, file)))
      // It may have been removed meanwhile.
      if (stats !== undefined) yield { key, bytes: BigInt(stats.size), modified: stats.mtime.toISOString() }
    }
  }
}
