// What the heads were at a time, from outside the live tables: a signed checkpoint, or an auditor's own state.
import { basename } from "node:path"
import { TrailError } from "../errors.js"
import type { VerifiedHead } from "../verify/acts.js"
import { readSmall, strictText } from "./files.js"
import { difference, readHeadsFile } from "./heads-file.js"
import { splitNote, type VerifierKey, verifyText } from "./note.js"
import { readBody, type Statement } from "./statement.js"

export { readKeyFiles } from "./keys.js"
export { readState, writeState } from "./state.js"

export interface Anchor extends Statement {
  /** For people: "checkpoint 2026-11.checkpoint", "the state auditor.state". */
  readonly name: string
  /** In the order of bytes of organization_id, then lane. */
  readonly heads: readonly VerifiedHead[]
  readonly source: "verification" | "checkpoint" | "state"
}

export interface Checkpoint extends Anchor {
  /** Who vouches for it. */
  readonly key: VerifierKey
  /** The whole note to the byte: text, empty line, signature lines. */
  readonly note: string
}

/** A note has a few hundred bytes; signatures of others may be added. */
const largestNote = 65_536

/**
 * Opens a checkpoint: the note `path` and the list of heads beside it, `path`.heads. Throws TrailError `file` where one of them cannot be
 * read, `config` where no key is known, `forged` where anything of it is not what the key signed.
 */
export async function openCheckpoint(path: string, keys: readonly VerifierKey[]): Promise<Checkpoint> {
  const { text, signatures } = await readNote(path)
  const time = /^time (\S+)$/m.exec(text)?.[1] ?? ""
  const key = of(path, () => verifyText(text, signatures, keys, time))
  const statement = of(path, () => readBody(text))
  const heads = await readHeadsFile(headsPath(path), { lanes: statement.lanes }).catch((error) => {
    throw missing(error)
  })
  const why = difference(statement, heads)
  if (why !== undefined) {
    throw new TrailError(
      "forged",
      `${headsPath(path)} is not the list of heads that ${path} was signed for: ${why}`,
      {
        hint: "compare it with another copy of the file",
      },
    )
  }
  return {
    ...statement,
    name: `checkpoint ${basename(path)}`,
    source: "checkpoint",
    heads,
    key,
    note: `${text}\n${signatures}`,
  }
}

export const headsPath = (path: string): string => `${path}.heads`

async function readNote(path: string): Promise<{ text: string; signatures: string }> {
  const refuse = (
    why: string,
    hint = "name the file that pgtrail checkpoint create wrote, or compare it with another copy",
  ): never => {
    throw path.endsWith(".heads")
      ? listOfHeads(path)
      : new TrailError("forged", `${path} is no checkpoint: ${why}`, { hint })
  }
  const bytes = (await readSmall(path, largestNote)) ?? refuse(`it has more than ${largestNote / 1024} KiB`)
  const note = strictText(bytes) ?? refuse("it is not UTF-8")
  if (note.includes("\r\n")) {
    refuse(
      "its line ends were converted to CRLF, so that nothing fits its signature",
      "take the file as it was written: transfer it as binary, and in git mark it with -text",
    )
  }
  return splitNote(note) ?? refuse("it has no signature: it was cut off, or never was one")
}

/** Of the two files of a checkpoint, the one that says nothing without the other. */
function listOfHeads(path: string): TrailError {
  return new TrailError("file", `${path} is the list of heads of a checkpoint, and not its note`, {
    hint: `name the note, which is signed: ${path.slice(0, -".heads".length)}`,
  })
}

/** A note that was copied alone. */
function missing(error: unknown): unknown {
  if (!(error instanceof TrailError) || error.code !== "file") return error
  return new TrailError("file", error.message, {
    hint: "the list of heads belongs beside the note: bring both files",
    cause: error,
  })
}

/** An error of a text says which file it came from. */
function of<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    throw new TrailError(error.code, `the checkpoint ${path} is not accepted: ${error.message}`, {
      hint: error.hint,
      cause: error,
    })
  }
}
