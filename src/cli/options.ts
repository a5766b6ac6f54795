// The kinds of options and arguments of a command; each carries the type of its value, so that a misspelt name does not compile.
import { TrailError } from "../data/errors.js"

export interface Option<T> {
  readonly flags: string
  readonly summary: string
  readonly fallback: T
  readonly takes: "nothing" | "value" | "values"
  readonly required?: boolean
  readonly choices?: readonly string[]
  /** Methods, not properties: an Option<number> then is an Option<unknown>. */
  parse(text: string, previous: T): T
}

export interface Argument<T> {
  readonly summary: string
  readonly form: "required" | "optional" | "many" | "any"
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
  return { flags, summary, fallback, takes: "value", parse: (typed) => typed }
}

/** A file name as it was typed; `session.path` makes it absolute, "-" is a standard stream. */
export function file(flags: string, summary: string): Option<string | undefined> {
  return {
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
  return { flags, summary, fallback, takes: "value", parse }
}

/** True when given. `--no-x` is the option `x`, true unless given. */
export function flag(flags: string, summary: string): Option<boolean> {
  return { flags, summary, fallback: flags.includes("--no-"), takes: "nothing", parse: () => true }
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
  return { flags, summary, fallback, takes: "value", choices, parse }
}

/** May be given several times; the values in the order in which they were typed. */
export function list(flags: string, summary: string): Option<readonly string[]> {
  return { flags, summary, fallback: [], takes: "values", parse: (typed, previous) => [...previous, typed] }
}

/** Turns an option without a fallback into one that must be given. */
export function required<T>(option: Option<T | undefined>): Option<T> {
  const parse = (typed: string, previous: T): T =>
    option.parse(typed, previous ?? option.fallback) ?? refuse(option.flags, "a value", typed)
  // The kernel refuses a run without it, so that the fallback is never read.
  return { ...option, required: true, fallback: option.fallback as T, parse }
}

export function arg(summary: string): Argument<string>
export function arg(summary: string, form: "optional"): Argument<string | undefined>
export function arg(summary: string, form: "many" | "any"): Argument<readonly string[]>
/** "many" needs at least one value, "any" takes none too; both can only be last. */
export function arg(summary: string, form: Argument<unknown>["form"] = "required"): Argument<unknown> {
  return { summary, form }
}
