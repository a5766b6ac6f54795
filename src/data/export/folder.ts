// The folder of an export: made under another name, and given its own when everything in it is on the disk.
import { randomBytes } from "node:crypto"
import { mkdir, open, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileError, fill, refuseExisting } from "../checkpoint/files.js"

export interface StagedFolder {
  /** Where files are to be written meanwhile. */
  readonly path: string
  /** Writes a small file into it, and waits for the disk. */
  write(name: string, text: string): Promise<void>
  /** Gives it its name, which must be free. */
  place(): Promise<void>
  /** Takes it away with all that is in it; does nothing after it was placed. */
  drop(): Promise<void>
}

/** Readable by its user alone: what is in it may be personal. Throws TrailError `usage` where something lies at `out`. */
export async function stageFolder(out: string): Promise<StagedFolder> {
  await refuseExisting(out)
  const path = `${out}.${randomBytes(6).toString("hex")}.tmp`
  await failing(out, () => mkdir(path, { mode: 0o700 }))
  return {
    path,
    async write(name, text) {
      await failing(join(out, name), async () => {
        const file = await open(join(path, name), "wx", 0o600)
        try {
          await fill(file, [text])
        } finally {
          await file.close()
        }
      })
    },
    async place() {
      await refuseExisting(out)
      await failing(out, async () => {
        await sync(path)
        await rename(path, out)
        await sync(dirname(out))
      })
    },
    drop: () => rm(path, { recursive: true, force: true }),
  }
}

async function failing(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw fileError(error, "write", path)
  }
}

/** Names are on the disk only when their folder is; not every system lets a folder be opened. */
async function sync(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}
