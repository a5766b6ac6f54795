// Reads small files whole with a bound, and writes files that are either there whole or not at all.
import { randomBytes } from "node:crypto"
import { type FileHandle, link, lstat, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { TrailError } from "../errors.js"

const problems: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  ENOSPC: "no space left",
  EDQUOT: "no space left for this user",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  EFBIG: "larger than a file may be there",
  EIO: "the disk reported an error",
  ESTALE: "the server of the mounted folder does not know it any more",
  ENOTCONN: "the mounted folder is not connected",
}

const hints = {
  read: "see that the file is there and may be read",
  write: "no file was left half written; see that the folder is there and may be written",
  remove: "it is still there; see that the folder may be written, and that nothing keeps the file",
}

/** What the operating system said of a file, in words that name it. Other errors come back unchanged. */
export function fileError(error: unknown, verb: "read" | "write" | "remove", path: string): unknown {
  if (error instanceof TrailError) return error
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error
  const isFull = error.code === "ENOSPC" || error.code === "EDQUOT"
  const message = `cannot ${verb} ${path}: ${problems[error.code] ?? error.code}`
  return new TrailError(isFull ? "disk-full" : "file", message, {
    cause: error,
    hint: isFull ? "no file was left half written; free space and run it again" : hints[verb],
  })
}

const block = 65_536

/** The parts of a file, of `most` bytes at most; undefined comes last where there are more. */
export async function* chunks(path: string, most: number): AsyncGenerator<Buffer | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, "r")
    const { size } = await file.stat()
    if (size > most) {
      yield undefined
      return
    }
    // A pipe has no size, and a file may grow meanwhile.
    for (let left = most + 1; ; ) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(block), 0, Math.min(block, left))
      if (bytesRead === 0) return
      left -= bytesRead
      if (left <= 0) {
        yield undefined
        return
      }
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw fileError(error, "read", path)
  } finally {
    await file?.close()
  }
}

/** A whole file; undefined where it has more than `most` bytes. Throws TrailError `file`. */
export async function readSmall(path: string, most: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  for await (const chunk of chunks(path, most)) {
    if (chunk === undefined) return undefined
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

/** UTF-8 to the last byte, or undefined. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Throws TrailError `usage` where something lies at `path`: what was signed once is never written over. */
export async function refuseExisting(path: string): Promise<void> {
  // A link that leads nowhere is there too: nothing can be put in its place.
  const isThere = await lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false
      throw fileError(error, "write", path)
    },
  )
  if (isThere) throw existing(path)
}

const existing = (path: string): TrailError =>
  new TrailError("usage", `${path} is there already, and is never written over`, {
    hint: "nothing was changed; name another file with --out",
  })

/** Throws where no file can be made beside `path`, before anything is done that could not be written down then. */
export async function probe(path: string): Promise<void> {
  const staged = await stage(path, [], 0o600)
  await staged.drop()
}

export interface Staged {
  /** Puts the file in its place, which must be free. */
  place(): Promise<void>
  /** Puts the file in its place, whatever lies there. */
  replace(): Promise<void>
  /** Takes it away again; does nothing after it was placed. */
  drop(): Promise<void>
}

/** Writes a file beside `path` and brings it to the disk; only `place` or `replace` give it its name. */
export async function stage(
  path: string,
  parts: Iterable<string> | AsyncIterable<string>,
  mode = 0o644,
): Promise<Staged> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`
  const drop = () => rm(temporary, { force: true })
  try {
    const file = await open(temporary, "wx", mode)
    try {
      await fill(file, parts)
    } finally {
      await file.close()
    }
  } catch (error) {
    await drop().catch(() => undefined)
    throw fileError(error, "write", path)
  }
  return {
    place: () => named(() => linked(temporary, path), path, drop),
    replace: () => named(() => rename(temporary, path), path, drop),
    drop,
  }
}

/** Writes all of it and waits for the disk. */
export async function fill(file: FileHandle, parts: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let waiting = ""
  for await (const part of parts) {
    waiting += part
    if (waiting.length < block) continue
    await file.writeFile(waiting)
    waiting = ""
  }
  await file.writeFile(waiting)
  await file.sync()
}

async function named(put: () => Promise<void>, path: string, drop: () => Promise<void>): Promise<void> {
  try {
    await put()
    await syncFolder(dirname(path))
  } catch (error) {
    throw fileError(error, "write", path)
  } finally {
    await drop().catch(() => undefined)
  }
}

/** A rename would take the place of a file that somebody else has made just now; a link never does. */
async function linked(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST") throw existing(path)
    // FAT and some network file systems have no links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw error
    await refuseExisting(path)
    await rename(temporary, path)
  }
}

/** The name of a new file is on the disk only when its folder is; not every system lets a folder be opened. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}
