// Keeps a cursor in a file, which is replaced whole or not at all: a run that was killed is repeated from where the file says, and nothing is lost.
import { stat } from "node:fs/promises"
import { probe, readSmall, stage, strictText } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { readCursor } from "./positions.js"
import { damagedCursor } from "./refusals.js"

export interface CursorFile {
  readonly path: string
  /** What the last run left; undefined before the first. */
  readonly cursor: string | undefined
  /** Puts this cursor in the place of the one before. Throws `busy` where another run has written meanwhile. */
  save(cursor: string): Promise<void>
}

/** A million lanes and more. */
const largest = 256 * 2 ** 20

/** Throws TrailError `file` where it is no cursor or could not be written later: before anything is read or printed. */
export async function openCursorFile(path: string): Promise<CursorFile> {
  let before = await stampOf(path)
  const cursor = before === undefined ? undefined : await read(path)
  await probe(path)
  let saved = cursor
  return {
    path,
    cursor,
    async save(next) {
      if (next === saved) return
      if ((await stampOf(path)) !== before) {
        throw new TrailError("busy", `another run has written the cursor file ${path} meanwhile`, {
          hint: "what was printed last is not in it, and may be printed again; give each run a file of its own",
        })
      }
      const staged = await stage(path, [next])
      await staged.replace()
      before = await stampOf(path)
      saved = next
    },
  }
}

async function read(path: string): Promise<string> {
  const bytes = await readSmall(path, largest)
  const text = bytes === undefined ? undefined : strictText(bytes)
  if (text !== undefined && readCursor(text) !== undefined) return text
  throw damagedCursor(`the cursor file ${path}`)
}

/** Another file under this name has another; undefined where there is none. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true })
    return `${ino} ${mtimeNs} ${size}`
  } catch {
    // What hinders, reading or writing will say.
    return undefined
  }
}
