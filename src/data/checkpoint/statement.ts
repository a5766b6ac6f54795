// What the heads were at a time, in a few lines: the body of a checkpoint's note and the beginning of a state file (FORMAT.md).
import { TrailError } from "../errors.js"

export interface Statement {
  readonly logId: string
  /** Number of the incarnation; counts are strings of digits too. */
  readonly incarnation: string
  readonly events: string
  readonly lanes: string
  /** Hex: the digest of the heads. */
  readonly digest: string
  /** The newest act; hash in hex. */
  readonly act: { readonly seq: string; readonly hash: string } | null
  /** Clock of the server: `2026-11-21T09:30:00.000001Z`. */
  readonly time: string
}

/** The first three lines are those of a tlog-checkpoint: who, how many, the hash over all. */
export function body(statement: Statement): string {
  const { logId, incarnation, events, lanes, digest, act, time } = statement
  return [
    `pgtrail/${logId}/${incarnation}`,
    events,
    base64(digest),
    `lanes ${lanes}`,
    act === null ? "act none" : `act ${act.seq} ${base64(act.hash)}`,
    `time ${time}`,
    "",
  ].join("\n")
}

const count = "(0|[1-9]\\d{0,38})"
const hash = "([A-Za-z0-9+/]{43}=)"
const form = new RegExp(
  `^pgtrail/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([1-9]\\d{0,9})\n${count}\n${hash}\nlanes ${count}\n` +
    `act (?:none|([1-9]\\d{0,18}) ${hash})\ntime (\\d{4,6}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)\n$`,
)

/** Only what `body` writes, to the last byte, so that one statement has one text. Throws TrailError `file`. */
export function readBody(text: string): Statement {
  const [, logId, incarnation, events, digest, lanes, seq, actHash, time] = form.exec(text) ?? []
  if (
    logId !== undefined &&
    incarnation !== undefined &&
    events !== undefined &&
    digest !== undefined &&
    lanes !== undefined &&
    time !== undefined
  ) {
    const act = seq === undefined || actHash === undefined ? null : { seq, hash: hex(actHash) }
    const statement = { logId, incarnation, events, lanes, digest: hex(digest), act, time }
    if (body(statement) === text) return statement
  }
  throw new TrailError("file", "its text is not that of a checkpoint that this pgtrail knows", {
    hint: "name the file that pgtrail checkpoint create wrote, or use the pgtrail that wrote it",
  })
}

const base64 = (hexDigits: string): string => Buffer.from(hexDigits, "hex").toString("base64")
const hex = (text: string): string => Buffer.from(text, "base64").toString("hex")
