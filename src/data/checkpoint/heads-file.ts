// A list of heads as lines of text: `organization<TAB>lane<TAB>seq<TAB>hash`, as COPY would write them (FORMAT.md).
import { headsDigest } from "../canonical.js"
import { TrailError } from "../errors.js"
import type { VerifiedHead } from "../verify/acts.js"
import { chunks, stage, strictText } from "./files.js"
import type { Statement } from "./statement.js"

/** An organization has 128 characters, each of four bytes at most or escaped; with lane, seq and hash. */
const longestLine = 1024

const escapes: readonly (readonly [character: string, letter: string])[] = [
  ["\\", "\\"],
  ["\b", "b"],
  ["\f", "f"],
  ["\n", "n"],
  ["\r", "r"],
  ["\t", "t"],
  ["\v", "v"],
]
const letterOf = new Map(escapes)
const characterOf = new Map(escapes.map(([character, letter]) => [letter, character]))

const escaped = (text: string): string => text.replace(/[\\\b\f\n\r\t\v]/g, (c) => `\\${letterOf.get(c)}`)

export function* headLines(heads: Iterable<VerifiedHead>): Generator<string> {
  for (const { organization_id, lane, seq, hash } of heads) {
    yield `${escaped(organization_id)}\t${lane}\t${seq}\t${hash.replace(/^\\x/, "")}\n`
  }
}

/** Writes a new file, whole or not at all. Throws TrailError `usage` where one is there already. */
export async function writeHeads(path: string, heads: Iterable<VerifiedHead>): Promise<void> {
  const staged = await stage(path, headLines(heads))
  await staged.place()
}

/** Reads a file of just `lanes` heads; throws TrailError `forged` as soon as it is another. */
export async function readHeadsFile(
  path: string,
  { lanes }: { lanes: number | string },
): Promise<VerifiedHead[]> {
  const reader = headReader(path, BigInt(lanes))
  for await (const chunk of chunks(path, Number(lanes) * longestLine)) reader.push(chunk)
  return reader.end()
}

export interface HeadReader {
  /** Undefined: there is more than so many heads can take. */
  push(chunk: Buffer | undefined): void
  end(): VerifiedHead[]
}

/** Lines that arrive in pieces; keeps no more than `lanes` heads, and one line. */
export function headReader(path: string, lanes: bigint): HeadReader {
  const heads: VerifiedHead[] = []
  let rest: Buffer = Buffer.alloc(0)
  let last: { organization: Buffer; lane: number } | undefined
  const refuse = (why: string): never => {
    throw new TrailError("forged", `${path} is not the list of heads that belongs there: ${why}`, {
      hint: "compare it with another copy of the file",
    })
  }
  const tooMany = () =>
    refuse(`it has more than the ${lanes} ${lanes === 1n ? "lane" : "lanes"} of its statement`)

  function take(line: Buffer): void {
    if (BigInt(heads.length) >= lanes) tooMany()
    const wrong = (why: string) => refuse(`line ${heads.length + 1} ${why}`)
    const text = strictText(line) ?? wrong("is not UTF-8")
    if (text.endsWith("\r")) wrong("ends with a carriage return: its line ends were converted")
    const [, name = "", lane = "", seq = "", hash = ""] =
      /^((?:[^\t\\]|\\.)*)\t(0|[1-9]\d{0,4})\t(0|[1-9]\d{0,18})\t([0-9a-f]{64})$/.exec(text) ??
      wrong("is no head")
    if (Number(lane) > 32_767 || BigInt(seq) > 0x7fff_ffff_ffff_ffffn) wrong("is no head")
    const organization_id = name.replace(/\\(.)/g, (_, letter: string) => {
      return characterOf.get(letter) ?? wrong("is no head")
    })
    const organization = Buffer.from(organization_id)
    const order =
      last === undefined ? 1 : Buffer.compare(organization, last.organization) || Number(lane) - last.lane
    if (order === 0) wrong("has the lane of the line before")
    if (order < 0) wrong("is not in the order of the heads")
    last = { organization, lane: Number(lane) }
    heads.push({ organization_id, lane, seq, hash: `\\x${hash}` })
  }

  return {
    push(chunk) {
      if (chunk === undefined) return tooMany()
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let start = 0
      for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
        take(bytes.subarray(start, end))
        start = end + 1
      }
      rest = bytes.subarray(start)
      if (rest.length > longestLine) refuse(`line ${heads.length + 1} is too long`)
    },
    end() {
      if (rest.length > 0) refuse("its last line was cut off")
      if (BigInt(heads.length) < lanes)
        refuse(`it has ${heads.length} of the ${lanes} lanes of its statement`)
      return heads
    },
  }
}

/** Why `heads` are not those of the statement; their number was checked while they were read. */
export function difference(statement: Statement, heads: readonly VerifiedHead[]): string | undefined {
  if (headsDigest(heads) !== statement.digest) return "its digest is another"
  return eventsOf(heads) === statement.events ? undefined : "the number of events is another"
}

/** A lane's newest seq is the number of its events. */
export function eventsOf(heads: readonly VerifiedHead[]): string {
  return String(heads.reduce((sum, head) => sum + BigInt(head.seq), 0n))
}
