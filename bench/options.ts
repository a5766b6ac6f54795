// What `npm run bench -- ...` takes.
import { cpus } from "node:os"
import { parseArgs } from "node:util"

export const parts = [
  "commit",
  "import",
  "verify",
  "verify-random",
  "export",
  "start",
  "query",
  "tail",
  "lifecycle",
  "archive",
  "backup",
  "subject",
  "profile",
] as const
export type Part = (typeof parts)[number]

export interface Options {
  readonly events: number
  /** What `query` and `export` read has the events this many times. */
  readonly copies: number
  /** Times that each pair is measured; the median counts. */
  readonly rounds: number
  /** How long one run of pgbench lasts. */
  readonly seconds: number
  readonly only: ReadonlySet<Part>
  /** Another server than an embedded one. */
  readonly url: string | undefined
  /** Where the embedded server and the files live, in a folder that is removed at the end. */
  readonly dir: string
  readonly json: boolean
  /** Exit 1 when a must is missed. */
  readonly check: boolean
}

export const usage = `usage: npm run bench -- [options]

  --events <n>      events of verify, import and export (default 50000)
  --copies <n>      query and export read a log that has them n times over (default 1): faster to make than one of n times
                    the events, and no chain that verifies
  --rounds <n>      times each pair is measured (default 3)
  --seconds <n>     length of one run of pgbench (default 3, from 200000 events on 10)
  --only <parts>    some of ${parts.join(",")} (default all); verify-random: events that
                    arrived in random order of time
  --url <url>       another server, as superuser; scratch databases are made there and dropped (default: an embedded one)
  --dir <dir>       where to put the embedded server and the files (default /tmp)
  --json            one JSON object instead of the table
  --check           exit 1 when a figure misses its must
`

/** Undefined when the usage is to be printed. Throws with a message for people. */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      events: { type: "string", default: "50000" },
      copies: { type: "string", default: "1" },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string" },
      only: { type: "string", default: parts.join(",") },
      url: { type: "string" },
      dir: { type: "string", default: "/tmp" },
      json: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const events = count("--events", values.events, 1000)
  return {
    events,
    copies: count("--copies", values.copies, 1),
    rounds: count("--rounds", values.rounds, 1),
    seconds: count("--seconds", values.seconds ?? (events < 200_000 ? "3" : "10"), 1),
    only: new Set(values.only.split(",").map(part)),
    url: values.url,
    dir: values.dir,
    json: values.json,
    check: values.check,
  }
}

function count(name: string, text: string, least: number): number {
  const number = Number(text.replaceAll("_", ""))
  if (!Number.isSafeInteger(number) || number < least) {
    throw new Error(`${name} takes a number from ${least} on, not ${text}`)
  }
  return number
}

function part(name: string): Part {
  const found = parts.find((known) => known === name)
  if (found === undefined) throw new Error(`--only knows ${parts.join(", ")}, not ${name}`)
  return found
}

/** The machine in words that name nobody. */
export function processors(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`
}
