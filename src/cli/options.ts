// The kinds of options and arguments of a command; each carries the type of its value, so that a misspelt name does not compile.
import { readDuration } from "../data/duration.js"
import { TrailError } from "../data/errors.js"

/** What the value is, for completion and for the schema of the configuration. */
export type OptionKind =
  | "text"
  | "file"
  | "count"
  | "flag"
  | "choice"
  | "list"
  | "duration"
  | "reference"
  | "references"
  | "threshold"
  | "shell"

export interface Option<T> {
  readonly kind: OptionKind
  readonly flags: string
  readonly summary: string
  readonly fallback: T
  readonly takes: "nothing" | "value" | "values"
  readonly required?: boolean
  /** May also come from the environment and from pgtrail.json: src/cli/config. */
  readonly configurable?: boolean
  readonly choices?: readonly string[]
  /** Methods, not properties: an Option<number> then is an Option<unknown>. */
  parse(text: string, previous: T): T
}

export interface Argument<T> {
  readonly summary: string
  readonly form: "required" | "optional" | "many" | "any"
  /** Offered by completion; the command itself refuses other words. */
  readonly choices?: readonly string[]
  /** Never set: it carries the type. */
  readonly type?: T
}

export type Options = Readonly<Record<string, Option<unknown>>>
export type Arguments = Readonly<Record<string, Argument<unknown>>>
export type OptionValues<O> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never }
export type ArgumentValues<A> = { readonly [K in keyof A]: A[K] extends Argument<infer T> ? T : never }

const name = (flags: string): string => /--[\w-]+/.exec(flags)?.[0] ?? flags

function refuse(flags: string, wants: string, text: string): never {
  throw new TrailError("usage", `${name(flags)} takes ${wants}, not ${JSON.stringify(text)}`)
}

/** Text as it was typed. */
export function text(flags: string, summary: string): Option<string | undefined>
export function text(flags: string, summary: string, fallback: string): Option<string>
export function text(flags: string, summary: string, fallback?: string): Option<string | undefined> {
  return { kind: "text", flags, summary, fallback, takes: "value", parse: (typed) => typed }
}

/** A file name as it was typed; `session.path` makes it absolute, "-" is a standard stream. */
export function file(flags: string, summary: string): Option<string | undefined> {
  return {
    kind: "file",
    flags,
    summary,
    fallback: undefined,
    takes: "value",
    parse: (typed) => (typed === "" ? refuse(flags, "a file name", typed) : typed),
  }
}

/** A whole number, 0 or more. */
export function count(flags: string, summary: string): Option<number | undefined>
export function count(flags: string, summary: string, fallback: number): Option<number>
export function count(flags: string, summary: string, fallback?: number): Option<number | undefined> {
  const parse = (typed: string): number => {
    const value = Number(typed)
    return /^\d+$/.test(typed) && Number.isSafeInteger(value) ? value : refuse(flags, "a whole number", typed)
  }
  return { kind: "count", flags, summary, fallback, takes: "value", parse }
}

/** A whole number in these bounds. */
export function between<T extends number | undefined>(
  least: number,
  most: number,
  option: Option<T>,
): Option<T> {
  const parse = (typed: string, previous: T): T => {
    const value = option.parse(typed, previous)
    const fits = value !== undefined && value >= least && value <= most
    return fits ? value : refuse(option.flags, `a number from ${least} to ${most}`, typed)
  }
  return { ...option, parse }
}

/** A number and a unit, as it was typed; `readDuration` gives milliseconds. */
export function duration(flags: string, summary: string, fallback: string): Option<string> {
  const parse = (typed: string): string => {
    readDuration(typed, name(flags))
    return typed
  }
  return { kind: "duration", flags, summary, fallback, takes: "value", parse }
}

/** A secret by its place: `file:PATH`, `env:NAME` or `cmd:COMMAND`; `readSecret` gives its value. */
export function reference(flags: string, summary: string): Option<string | undefined> {
  const parse = (typed: string): string => {
    if (/^(file|env|cmd):./s.test(typed)) return typed
    // Whatever was typed instead may be the secret itself.
    throw new TrailError("config", "a key or password is given by reference, never by itself", {
      hint: "use file:PATH, env:NAME or cmd:COMMAND",
    })
  }
  return { kind: "reference", flags, summary, fallback: undefined, takes: "value", parse }
}

/** Several secrets by their names and places: `NAME=file:PATH`. May be given several times. */
export function references(flags: string, summary: string): Option<readonly string[]> {
  const parse = (typed: string, previous: readonly string[]): readonly string[] => {
    if (/^[a-z0-9-]{1,32}=(file|env|cmd):./s.test(typed)) return [...previous, typed]
    throw new TrailError("config", "a key is given by its name and a reference, never by itself", {
      hint: "use NAME=file:PATH, NAME=env:NAME or NAME=cmd:COMMAND",
    })
  }
  return { kind: "references", flags, summary, fallback: [], takes: "values", parse }
}

/** A command line that /bin/sh runs: a configuration that was merely found where one stands cannot give it. */
export function shell(flags: string, summary: string): Option<string | undefined> {
  const parse = (typed: string): string => (typed.trim() === "" ? refuse(flags, "a command", typed) : typed)
  return { kind: "shell", flags, summary, fallback: undefined, takes: "value", parse }
}

/** Only for what a command lets be configured: where a check becomes a warning, or critical. `read` throws TrailError `usage`. */
export function threshold<T>(
  summary: string,
  fallback: T,
  read: (typed: string, name: string) => T,
): Option<T> {
  const flags = "--threshold <value>"
  const parse = (typed: string): T => read(typed, name(flags))
  return { kind: "threshold", flags, summary, fallback, takes: "value", parse }
}

/** True when given. `--no-x` is the option `x`, true unless given. */
export function flag(flags: string, summary: string): Option<boolean> {
  return {
    kind: "flag",
    flags,
    summary,
    fallback: flags.includes("--no-"),
    takes: "nothing",
    parse: () => true,
  }
}

/** One of a closed list. */
export function choice<C extends string>(
  flags: string,
  summary: string,
  choices: readonly C[],
): Option<C | undefined>
export function choice<C extends string>(
  flags: string,
  summary: string,
  choices: readonly C[],
  fallback: C,
): Option<C>
export function choice<C extends string>(
  flags: string,
  summary: string,
  choices: readonly C[],
  fallback?: C,
): Option<C | undefined> {
  const wants = choices.join(", ").replace(/, ([^,]*)$/, " or $1")
  const parse = (typed: string): C => choices.find((known) => known === typed) ?? refuse(flags, wants, typed)
  return { kind: "choice", flags, summary, fallback, takes: "value", choices, parse }
}

/** May be given several times; the values in the order in which they were typed. */
export function list(flags: string, summary: string): Option<readonly string[]> {
  const parse = (typed: string, previous: readonly string[]): readonly string[] => [...previous, typed]
  return { kind: "list", flags, summary, fallback: [], takes: "values", parse }
}

/** Lets the option also come from the environment and from pgtrail.json. Never one that confirms, narrows or widens what is done. */
export function configurable<T>(option: Option<T>): Option<T> {
  return { ...option, configurable: true }
}

/** Turns an option without a fallback into one that must be given. */
export function required<T>(option: Option<T | undefined>): Option<T> {
  const parse = (typed: string, previous: T): T =>
    option.parse(typed, previous ?? option.fallback) ?? refuse(option.flags, "a value", typed)
  // The kernel refuses a run without it, so that the fallback is never read.
  return { ...option, required: true, fallback: option.fallback as T, parse }
}

export function arg(summary: string): Argument<string>
export function arg(summary: string, form: "required", choices: readonly string[]): Argument<string>
export function arg(summary: string, form: "optional"): Argument<string | undefined>
export function arg(summary: string, form: "many" | "any"): Argument<readonly string[]>
/** "many" needs at least one value, "any" takes none too; both can only be last. */
export function arg(
  summary: string,
  form: Argument<unknown>["form"] = "required",
  choices?: readonly string[],
): Argument<unknown> {
  return { summary, form, ...(choices === undefined ? {} : { choices }) }
}

/** Of all that changes partitions. */
export const patience = configurable(
  duration(
    "--patience <duration>",
    "try for so long to find a moment in which nobody reads or writes",
    "30s",
  ),
)
