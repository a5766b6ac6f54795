// Whom a command of gdpr is about: by ID and --also, or by standard input, because every user of a machine may read its list of processes.
import { TrailError } from "../data/errors.js"
import { type Identifier, readIdentifiers } from "../data/subject/identifiers.js"
import type { Session } from "./session.js"

/** For the descriptions of the commands that take an ID. */
export const subjectInput =
  "What is typed stands in the list of processes, which every user of the machine may read. Where ID is -, standard input has it: the ID in its " +
  "first line, then KIND=VALUE, one a line, as --also takes them."

export const idSummary = "the person's id, as it stands in actor_id; - reads it from standard input"

interface Typed {
  readonly id: string
  readonly also: readonly string[]
  readonly confirm?: string | undefined
}

export interface Subject {
  readonly identifiers: readonly Identifier[]
  readonly confirm: string | undefined
}

const fromInput = "-"

/** The lines are the ID, the ID once more where --confirm is - too, and what --also takes. Throws TrailError `usage`, and repeats no line. */
export async function readSubject({ id, also, confirm }: Typed, session: Session): Promise<Subject> {
  const isInput = id === fromInput
  if (!isInput && confirm !== fromInput) return { identifiers: readIdentifiers(id, also), confirm }
  const wanted = [...(isInput ? ["the ID"] : []), ...(confirm === fromInput ? [again] : [])]
  if (session.io.stdinIsTTY) {
    const more = isInput ? ", then KIND=VALUE for each other identifier" : ""
    session.note(`type ${wanted.join(", then ")}${more}, one a line; Ctrl-D ends`)
  }
  const lines = await linesOf(session)
  const given = wanted.map((what, at) => lines[at] ?? refuse(`standard input has no line ${at + 1}: ${what}`))
  const rest = lines
    .map((typed, at) => ({ typed, where: `line ${at + 1} of standard input` }))
    .slice(given.length)
    .filter(({ typed }) => typed !== "")
  if (!isInput && rest.length > 0) refuse(`standard input has more than one line, and was to have ${again}`)
  return {
    identifiers: readIdentifiers(isInput ? (given[0] ?? "") : id, also, rest),
    confirm: confirm === fromInput ? given.at(-1) : confirm,
  }
}

const again = "the ID once more"
/** Of a thousand identifiers of a thousand characters. */
const largest = 8_388_608

async function linesOf({ io, signal }: Session): Promise<string[]> {
  const parts: Buffer[] = []
  let size = 0
  const stop = (): unknown => io.stdin.destroy(new Error("stopped"))
  signal.addEventListener("abort", stop, { once: true })
  try {
    signal.throwIfAborted()
    for await (const part of io.stdin) {
      parts.push(Buffer.from(part))
      size += part.length
      if (size > largest) refuse("standard input is too large for the identifiers of a person")
    }
  } finally {
    signal.removeEventListener("abort", stop)
  }
  return decoded(Buffer.concat(parts)).split(/\r?\n/)
}

/** Whom a wrong letter names is another. */
function decoded(bytes: Buffer): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "")
    return text === "" ? refuse("standard input is empty, and was to have the ID") : text
  } catch (error) {
    if (error instanceof TrailError) throw error
    return refuse("standard input is not UTF-8")
  }
}

function refuse(message: string): never {
  throw new TrailError("usage", message, {
    hint: "nothing was read of the log and nothing was changed; write the ID as the first line: pgtrail gdpr find --help",
  })
}
