// The auditor's own state: what his last verification saw, in one file that only goes forward (FORMAT.md).
import { type FileHandle, open, rm } from "node:fs/promises"
import { basename } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { TrailError } from "../errors.js"
import type { Anchor } from "./anchor.js"
import { chunks, fileError, stage, strictText } from "./files.js"
import { difference, type HeadReader, headLines, headReader } from "./heads-file.js"
import { body, readBody, type Statement } from "./statement.js"

/** More than the text before the heads ever has. */
const longestBody = 1024
/** Another run holds the file for as long as it takes to read it, no longer. */
const patienceMs = 10_000

/** Undefined before the first use. Throws TrailError `file` where the file cannot be read or was damaged. */
export async function readState(path: string): Promise<Anchor | undefined> {
  let statement: Statement | undefined
  let reader: HeadReader | undefined
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of chunks(path, Number.POSITIVE_INFINITY)) {
      if (chunk === undefined) continue
      if (reader !== undefined) {
        reader.push(chunk)
        continue
      }
      rest = Buffer.concat([rest, chunk])
      const end = rest.indexOf("\n\n")
      if (end !== -1 && end < longestBody) {
        statement = readBody(strictText(rest.subarray(0, end + 1)) ?? "")
        if (isSigned(rest.subarray(end + 2))) throw signedNote(path)
        reader = headReader(path, BigInt(statement.lanes))
        reader.push(rest.subarray(end + 2))
      } else if (rest.length > longestBody) {
        break
      }
    }
    if (statement === undefined || reader === undefined) throw damaged(path, "it has not the form of a state")
    const heads = reader.end()
    const why = difference(statement, heads)
    if (why !== undefined) throw damaged(path, why)
    return { ...statement, name: `the state ${basename(path)}`, source: "state", heads }
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    if (code === "ENOENT") return undefined
    if (code === "EISDIR") throw folder(path, error)
    if (error instanceof NoState) throw error
    throw error.code === "forged" || statement === undefined ? damaged(path, error.message, error) : error
  }
}

/**
 * Puts `anchor` in place of the state, whole or not at all. Never backwards: an older one, of a run that was overtaken, changes nothing.
 * Throws TrailError `other-log` where the state belongs to another log, `busy` where another run holds it.
 */
export async function writeState(path: string, anchor: Anchor, waitMs = patienceMs): Promise<void> {
  const staged = await stage(path, lines(anchor))
  try {
    await locked(`${path}.lock`, waitMs, async () => {
      const present = await readState(path)
      if (present === undefined || isAhead(anchor, present, path)) await staged.replace()
    })
  } finally {
    await staged.drop()
  }
}

function* lines(anchor: Anchor): Generator<string> {
  yield `${body(anchor)}\n`
  yield* headLines(anchor.heads)
}

/** An incarnation may have fewer acts than the one before: what a restore took away does not come back. */
function isAhead(next: Statement, present: Statement, path: string): boolean {
  const incarnations = BigInt(next.incarnation) - BigInt(present.incarnation)
  if (next.logId !== present.logId && incarnations <= 0n) {
    throw new TrailError(
      "other-log",
      `the state ${path} belongs to another log, ${present.logId}, and not to ${next.logId}`,
      {
        hint: "nothing was changed; name the state of this log, or a new file",
      },
    )
  }
  if (incarnations !== 0n) return incarnations > 0n
  const acts = BigInt(next.act?.seq ?? "0") - BigInt(present.act?.seq ?? "0")
  return acts === 0n ? next.time > present.time : acts > 0n
}

/** Two runs that compare and replace at once could go backwards. */
async function locked(path: string, waitMs: number, work: () => Promise<void>): Promise<void> {
  const end = Date.now() + waitMs
  let lock: FileHandle | undefined
  while (lock === undefined) {
    lock = await open(path, "wx").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw fileError(error, "write", path)
      return undefined
    })
    if (lock !== undefined) break
    if (Date.now() > end) {
      throw new TrailError("busy", `another run is writing the state: ${path} is there`, {
        hint: `the state was not changed; if no other run is at work, one was killed: delete ${path}`,
      })
    }
    await sleep(5 + Math.random() * 20)
  }
  try {
    await work()
  } finally {
    await lock.close()
    await rm(path, { force: true })
  }
}

/** Whatever lies there was never a state, and must not be taken for one that was damaged. */
class NoState extends TrailError {}

/** A signature line of a note begins with an em dash, which no organization's line does that `writeState` wrote: a tab is in the first. */
const isSigned = (rest: Buffer): boolean => {
  const [line = ""] = rest.toString("utf8", 0, longestBody).split("\n")
  return line.startsWith("\u2014 ") && !line.includes("\t")
}

function signedNote(path: string): NoState {
  return new NoState("file", `${path} is a checkpoint, and not a state`, {
    hint: `nothing was changed; give it with --checkpoint ${path}, and name a file of your own with --state`,
  })
}

function folder(path: string, cause: unknown): TrailError {
  return new TrailError("file", `${path} is a folder, and not a state`, {
    hint: "name a file in it with --state: it is made at the first use",
    cause,
  })
}

function damaged(path: string, why: string, cause?: unknown): TrailError {
  return new TrailError("file", `the state ${path} is damaged: ${why}`, {
    hint: "take it from a copy; where there is none, verify with a checkpoint and begin a new state in another file",
    cause,
  })
}
