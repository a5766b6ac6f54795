// Runs a transcript: what is typed, what is answered. `vitest -u` records it anew.
//
//   # a comment, kept as it is
//   sql> update pgtrail.event set ...      runs on the test database; an error is printed
//   stdin> {"event_type":"a"}              standard input of the next command; several lines add up
//   $ pgtrail query --org acme             runs in process; stdout and stderr follow, in the order of writing
//   ? 1                                    its exit code, where it is not 0
import { readFile } from "node:fs/promises"
import { expect } from "vitest"
import type { Entry } from "../../src/cli/commands.js"
import { runInProcess } from "./io.js"

export interface TranscriptOptions {
  /** The database, as PGTRAIL_URL. */
  readonly url?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What jobs start in the place of pgtrail. */
  readonly program?: readonly string[]
  readonly tree?: readonly Entry[]
  /** Runs the `sql>` lines. */
  readonly sql?: (text: string) => Promise<unknown>
}

/** Fails where the file and what happens now differ. */
export async function expectTranscript(file: string, options: TranscriptOptions = {}): Promise<void> {
  const now = await replay(await readFile(file, "utf8"), options)
  await expect(now).toMatchFileSnapshot(file)
}

/** The transcript as it reads today: the lines that are input stay, the answers are new. */
export async function replay(transcript: string, options: TranscriptOptions): Promise<string> {
  const said: string[] = []
  // No run makes a time that was there before it: such a one stays, however near to now it comes, by its date or at its hour of the day.
  const written = new Set(
    [...transcript.matchAll(time), ...transcript.matchAll(minute)].map(([found]) => found),
  )
  let input = ""
  for (const line of transcript.split("\n")) {
    const [, sign, rest = ""] = /^(\$|sql>|stdin>) (.*)$/.exec(line) ?? []
    if (sign === undefined) {
      // Anything else but a comment is an old answer.
      if (line.startsWith("#")) said.push(line)
      continue
    }
    if (
      said.length > 0 &&
      sign !== "stdin>" &&
      !said.at(-1)?.startsWith("stdin>") &&
      !said.at(-1)?.startsWith("#")
    ) {
      said.push("")
    }
    said.push(line)
    if (sign === "stdin>") {
      input += `${rest}\n`
    } else if (sign === "sql>") {
      said.push(...(await answerOfSql(rest, written, options)))
    } else {
      said.push(...(await answerOfCommand(rest, input, written, options)))
      input = ""
    }
  }
  return `${said.join("\n")}\n`
}

async function answerOfCommand(
  line: string,
  input: string,
  written: ReadonlySet<string>,
  options: TranscriptOptions,
): Promise<string[]> {
  const [program, ...argv] = words(line)
  if (program !== "pgtrail") throw new Error(`a transcript runs pgtrail alone: ${line}`)
  const url = options.url === undefined ? {} : { PGTRAIL_URL: options.url }
  const ran = await runInProcess(
    argv,
    {
      input,
      env: { ...url, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.program === undefined ? {} : { program: options.program }),
    },
    options.tree,
  )
  const text = normalise(ran.both, Date.now(), written).replace(/\n$/, "")
  return [...(text === "" ? [] : text.split("\n")), ...(ran.exit === 0 ? [] : [`? ${ran.exit}`])]
}

async function answerOfSql(
  statement: string,
  written: ReadonlySet<string>,
  { sql }: TranscriptOptions,
): Promise<string[]> {
  if (sql === undefined) throw new Error("this transcript has sql> lines and no database")
  try {
    await sql(statement)
    return []
  } catch (error) {
    return [normalise(String(error), Date.now(), written)]
  }
}

/** As a shell splits them, as far as transcripts need it. */
export function words(line: string): string[] {
  const found = line.matchAll(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s'"])+/g)
  return [...found].map(([word]) =>
    word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g, (_, single?: string, double?: string) =>
      single === undefined ? (double ?? "").replace(/\\(["\\])/g, "$1") : single,
    ),
  )
}

const time = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?/g
/** As tables have it. */
const minute = /\b\d{4}-\d\d-\d\d \d\d:\d\d\b(?!:)/g
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g
/** Milliseconds: what is nearer to now than this was made by the run. */
const recent = 86_400_000

/** So is what is whole days away from now, and not on a whole second: the end of a grace, the day before which events go. */
function isMade(found: string, now: number): boolean {
  const distance = Math.abs(Date.parse(found) - now)
  const rest = distance % recent
  return distance < recent || (!/[:.]0*(?:Z|$)/.test(found) && Math.min(rest, recent - rest) < 600_000)
}

/** What differs from run to run becomes a mask of the same width, so that tables stay in line; times that are `written` do not differ. */
export function normalise(
  text: string,
  now: number = Date.now(),
  written: ReadonlySet<string> = new Set(),
): string {
  const masked = (found: string, precise = found): string =>
    !written.has(found) && isMade(precise, now) ? mask(found) : found
  return (
    text
      .replace(time, (found) => masked(found))
      .replace(minute, (found) => masked(found, `${found.replace(" ", "T")}:01Z`))
      .replace(uuid, (found) => found.replace(/[0-9a-f]/g, "x"))
      .replace(/\b(?:\\x)?[0-9a-f]{64}\b/g, (found) => "h".repeat(found.length))
      .replace(/\b(PostgreSQL|pgtrail) \d+(?:\.\d+)*/g, "$1 N")
      .replace(/\b\d+(?:\.\d+)? (ms|s|seconds)\b/g, "N $1")
      // The id of a finding; not 2^53 + 1, which shows that numbers keep their digits.
      .replace(/\b(?!9007199254740993\b)[0-9a-f]{16}\b/g, "f".repeat(16))
      .replace(/pgtrail_test_\w+/g, "test")
  )
}

function mask(found: string): string {
  return found.replace(/\d/g, "0")
}
