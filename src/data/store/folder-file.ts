// Writes a file under another name until all of it is on the disk, gives it its own, and reads it.
import { constants } from "node:fs"
import { type FileHandle, type link, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { fileError } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { failing, statOf, strange, syncFolder } from "./disk.js"
import { existsAlready } from "./store.js"

const block = 262_144

/** Only what the file system says is put into words: what `content` throws passes. */
export async function write(
  partial: string,
  path: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<bigint> {
  const file = await failing("write", path, () => open(partial, "wx", 0o600))
  let bytes = 0n
  try {
    for await (const chunk of content) {
      signal?.throwIfAborted()
      await failing("write", path, () => file.writeFile(chunk))
      bytes += BigInt(chunk.length)
    }
    signal?.throwIfAborted()
    await failing("write", path, () => file.sync())
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
  // A mounted file system may say only now that it had no space.
  await failing("write", path, () => file.close())
  return bytes
}

const withoutLinks: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])

/** A rename would take the place of a file that somebody else has made just now; a link never does. */
export async function place(partial: string, path: string, give: typeof link): Promise<void> {
  try {
    await give(partial, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST") {
      // Over a network it may have been done, and its answer lost.
      if (!(await isSame(partial, path))) throw existsAlready(path)
    } else {
      if (!withoutLinks.has(code)) throw error
      if ((await statOf(path)) !== undefined) throw existsAlready(path)
      await rename(partial, path)
    }
  }
  // Where nothing can be removed any more its first name stays, which counts as none.
  await rm(partial, { force: true }).catch(() => undefined)
  try {
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined)
    throw error
  }
}

/** Whether the file has its second name; false where the file system gives none. */
export async function placeLink(source: string, path: string, give: typeof link): Promise<boolean> {
  try {
    await give(source, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "EEXIST" && !(await isSame(source, path))) throw existsAlready(path)
    if (code !== "EEXIST") {
      if (withoutLinks.has(code) || code === "EXDEV") return false
      throw fileError(error, "write", path)
    }
  }
  await failing("write", path, () => syncFolder(dirname(path)))
  return true
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([statOf(one), statOf(other)])
  return a !== undefined && a.ino !== 0 && a.ino === b?.ino && a.dev === b.dev
}

export async function* read(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let file: FileHandle | undefined
  try {
    // Whoever opens a pipe would wait for one who writes into it.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    file = await failing("read", path, () => open(path, flags))
    const opened = file
    const stats = await failing("read", path, () => opened.stat())
    if (!stats.isFile()) throw strange(path, "file")
    const { size } = stats
    for (let bytes = 0; ; ) {
      signal?.throwIfAborted()
      const { buffer, bytesRead } = await failing("read", path, () =>
        opened.read(Buffer.allocUnsafe(block), 0, block),
      )
      bytes += bytesRead
      if (bytesRead === 0) {
        if (bytes < size) throw new TrailError("file", `${path} became shorter while it was read`)
        return
      }
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file?.close()
  }
}
