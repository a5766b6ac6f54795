// What a job came to, for a table that others read: a line or two of what it said, without secrets and without terminal escapes.
import type { ConnectionTarget } from "../../data/index.js"
import { visibleLines } from "../../data/words.js"
import type { Io } from "../io.js"
import { knownSecrets, redact } from "../redact.js"

const mostLines = 4
const mostCharacters = 600

/** Of a file that a message may well name. */
const isPlace = /^PGSSL|^PGPASSFILE$|PUBLIC_KEY|_FILE$/

/** Values that no message may have: passwords, and whatever a variable calls a key or a token. */
export function secretsAround(
  { env }: Pick<Io, "env">,
  argv: readonly string[],
  target: ConnectionTarget | undefined,
): readonly string[] {
  const named = Object.entries(env)
    .filter(([name]) => /PASS|SECRET|TOKEN|KEY|CREDENTIAL/i.test(name) && !isPlace.test(name))
    .map(([, value]) => value ?? "")
    // A reference (file:PATH) is no secret, and tells what to look at; `true` and a port are parts of other words.
    .filter((value) => value.length >= 6 && !/^(file|env|cmd):/.test(value))
  // PGTRAIL_CHECKPOINT_CREATE_KEY=env:NAME: the secret is the value of that.
  const referred = Object.values(env).flatMap((value) => {
    const [, name = ""] = /^env:(\w+)$/.exec(value ?? "") ?? []
    return env[name] ?? []
  })
  const passwords = [target?.password, ...(target?.servers ?? []).map(({ password }) => password)]
  const all = [...knownSecrets(env, argv), ...named, ...referred, ...passwords]
  // A private key has several lines, any of which may be told alone.
  return all.filter((secret) => secret !== undefined).flatMap((secret) => [secret, ...lines(secret)])
}

const lines = (secret: string): string[] =>
  secret.includes("\n") ? secret.split(/\r?\n/).filter((line) => line.length >= 8) : []

export function cleaned(text: string, secrets: readonly string[]): string {
  return redact(visibleLines(text.replaceAll("\r\n", "\n")), secrets).trim()
}

/** What one command line of a job wrote. */
export interface Said {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * One line: of each command what was wrong with it, or where nothing was, what it did. Of commands of which one failed the others are left
 * out. Null where nothing was said.
 */
export function messageOf(commands: readonly Said[], secrets: readonly string[]): string | null {
  const failed = commands.filter(({ exit }) => exit !== 0)
  const lines = (failed.length === 0 ? commands : failed).flatMap((said) =>
    said.exit === 0 ? answerOf(said, secrets) : reasonsOf(said, secrets),
  )
  const said = [...new Set(lines)].slice(0, mostLines).join("; ")
  if (said === "") return null
  const characters = [...said]
  return characters.length <= mostCharacters ? said : `${characters.slice(0, mostCharacters).join("")} ...`
}

function reasonsOf({ stdout, stderr }: Said, secrets: readonly string[]): string[] {
  const heard = linesOf(stderr, secrets)
  const at = heard.findIndex((line) => line.startsWith("pgtrail: error"))
  if (at !== -1) {
    // Further lines of the same message stand further in.
    const rest = heard.slice(at + 1).findIndex((line) => !/^\s/.test(line))
    return heard.slice(at, rest === -1 ? undefined : at + 1 + rest).map(bare)
  }
  const answer = linesOf(stdout, secrets)
  // The heading of an answer says that something is wrong, not what.
  const undone = answer.slice(1).filter((line) => /^\s*not \w+: /.test(line))
  if (answer.length > 0) return [...answer.slice(0, 1), ...undone].map(bare)
  return heard
    .filter((line) => !/^pgtrail: (hint|next):/.test(line))
    .slice(-1)
    .map(bare)
}

/** The heading of its answer; where it gave none, what it noted. */
function answerOf({ stdout, stderr }: Said, secrets: readonly string[]): string[] {
  const noted = linesOf(stderr, secrets).filter((line) => !/^pgtrail: (hint|next):/.test(line))
  return [...linesOf(stdout, secrets), ...noted].slice(0, 1).map(bare)
}

const linesOf = (text: string, secrets: readonly string[]): string[] =>
  cleaned(text, secrets)
    .split("\n")
    .filter((line) => line.trim() !== "")

/** Without what says who speaks, when and of which job: that stands beside it. */
const bare = (line: string): string =>
  line
    .trim()
    .replace(/^pgtrail: (error: |warning: )?/, "")
    .replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z (archive: |retention: )?/, "")
