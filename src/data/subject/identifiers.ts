// Reads what people type to say whom a request is about: a list of identifiers. No error here repeats a value.
import { isIP } from "node:net"
import { TrailError } from "../errors.js"

/** id, email, name, ip, device and session are columns of the actor; text is only looked for within text and JSON. */
export const identifierKinds = ["id", "email", "name", "ip", "device", "session", "resource", "text"] as const
export type IdentifierKind = (typeof identifierKinds)[number]

/** One name of a subject, as it was typed: the database compares it in both normal forms of Unicode. */
export interface Identifier {
  readonly kind: IdentifierKind
  /** Of a resource TYPE/ID. */
  readonly value: string
}

const longest = 1000
const most = 1000
const hint = "nothing was read and nothing was changed; pgtrail gdpr find --help tells how a subject is named"

/** ID, which is its main identifier and comes first, and KIND=VALUE, as --also and lines of a file have it. Throws TrailError `usage`. */
export function readIdentifiers(
  id: string,
  also: readonly string[] = [],
  lines: readonly { readonly typed: string; readonly where: string }[] = [],
): readonly Identifier[] {
  const identifiers = [
    { kind: "id" as const, value: id },
    ...also.map((typed, at) => readAlso(typed, `--also, number ${at + 1},`)),
    ...lines.map(({ typed, where }) => readAlso(typed, where)),
  ]
  checkIdentifiers(identifiers)
  return identifiers
}

/** The same for a caller of the library. Throws TrailError `usage`. */
export function checkIdentifiers(identifiers: readonly Identifier[]): void {
  if (identifiers.length === 0) refuse("a subject takes one identifier at least")
  if (identifiers.length > most) refuse(`a subject takes ${most} identifiers at most`)
  const seen = new Map<string, number>()
  for (const [at, { kind, value }] of identifiers.entries()) {
    const name = `identifier ${at + 1}${isKind(kind) ? ` (${kind})` : ""}`
    const problem = problemOf(kind, value)
    if (problem !== undefined) refuse(`${name} ${problem}`)
    const form = sameForm(kind, value)
    const before = seen.get(form)
    if (before !== undefined) refuse(`${name} is the same as identifier ${before + 1}`)
    seen.set(form, at)
  }
}

/** The type and the id of a resource: a type has no slash, an id may. */
export function resourceOf(value: string): { readonly type: string; readonly id: string } {
  const slash = value.indexOf("/")
  return { type: value.slice(0, slash), id: value.slice(slash + 1) }
}

/** What stands for somebody: nobody else has it. */
export const isPseudonym = (value: string): boolean => /^p1:[hte]:/.test(value)

const isKind = (text: string): text is IdentifierKind => identifierKinds.some((kind) => kind === text)

function readAlso(typed: string, where: string): Identifier {
  const equals = typed.indexOf("=")
  const kind = typed.slice(0, Math.max(equals, 0))
  // What was typed in the place of the kind may be the value itself.
  if (!isKind(kind)) refuse(`${where} takes KIND=VALUE, where KIND is ${wordsOf(identifierKinds)}`)
  return { kind, value: typed.slice(equals + 1) }
}

function problemOf(kind: string, value: string): string | undefined {
  if (!isKind(kind)) return `has a kind that is none of ${wordsOf(identifierKinds)}`
  if (value.trim() === "") return "is empty"
  if ([...value].length > longest) return `has more than ${longest} characters`
  if (value.includes("\0")) return "has the character NUL, which no event can have"
  if (/\p{Surrogate}/u.test(value)) return "has half of a surrogate pair, which is no character"
  // An interface behind % means nothing in a log, and PostgreSQL does not take it.
  if (kind === "ip" && (isIP(value) === 0 || value.includes("%"))) return "is no IP address"
  if (kind === "resource" && !/^[^/]+\/./su.test(value)) return "is no resource: write TYPE/ID"
  return undefined
}

/** What has one form names the same for the database. */
function sameForm(kind: IdentifierKind, value: string): string {
  const normal = value.normalize("NFC")
  return `${kind}=${kind === "email" || kind === "ip" ? normal.toLowerCase() : normal}`
}

const wordsOf = (words: readonly string[]): string => words.join(", ").replace(/, ([^,]*)$/, " or $1")

function refuse(message: string): never {
  throw new TrailError("usage", message, { hint })
}
