// A command is one value: what its help says, what it takes, and `run`, which returns a report.
import { type Format, type FurtherFormat, formatOption, formats } from "./common.js"
import type { Argument, Arguments, ArgumentValues, Option, Options, OptionValues } from "./options.js"
import type { Report } from "./report.js"
import type { Session } from "./session.js"

export {
  arg,
  between,
  choice,
  configurable,
  count,
  duration,
  file,
  flag,
  list,
  patience,
  reference,
  references,
  required,
  shell,
  text,
} from "./options.js"
export type { Cell, Column, Report, Row } from "./report.js"
export { RawJson } from "./report.js"
export type { Session } from "./session.js"

export interface Example {
  /** The whole line, as it is typed. */
  readonly run: string
  readonly shows: string
}

export interface Specification<A, O> {
  /** A lowercase fragment without a full stop; commands.ts repeats it. */
  readonly summary: string
  /** Paragraphs, separated by an empty line, where the summary does not say the idea. */
  readonly description?: string
  readonly args?: A
  readonly options?: O
  /** What only the environment and pgtrail.json can give, by its path below the command: "verification-age.warning". */
  readonly configuration?: Options
  /** Under which words that stands, where several commands share it; their own where it is missing. */
  readonly configuredUnder?: string
  /** It ends what it has begun, however long that takes after a signal; a second one ends it at once. */
  readonly patient?: boolean
  /** Forms of the answer that this command has besides the common ones. */
  readonly formats?: readonly FurtherFormat[]
  /** Where none is named; a table where this is missing. */
  readonly format?: Format
  /** In the place of the common --format, where that says something else than the form of the answer. */
  readonly formatOption?: Option<Format | undefined>
  readonly examples: readonly Example[]
  run(given: {
    readonly args: ArgumentValues<A>
    readonly options: OptionValues<O>
    readonly configuration: Values
    readonly session: Session
  }): Report | Promise<Report>
}

/** A command whose types are closed over: the kernel needs none of them. */
export interface Command {
  readonly summary: string
  readonly description: string | undefined
  readonly args: readonly (readonly [name: string, argument: Argument<unknown>])[]
  readonly options: readonly (readonly [name: string, option: Option<unknown>])[]
  readonly configuration: readonly (readonly [path: string, option: Option<unknown>])[]
  readonly configuredUnder: string | undefined
  readonly patient: boolean
  readonly formats: readonly FurtherFormat[]
  readonly format: Format
  readonly formatOption: Option<Format | undefined>
  readonly examples: readonly Example[]
  invoke(args: readonly unknown[], options: Values, session: Session, configuration?: Values): Promise<Report>
}

export type Values = Readonly<Record<string, unknown>>

/** Options are camelCase keys named like their flag: `rejects: file("--rejects <file>", ...)`. */
export function command<A extends Arguments = Record<never, never>, O extends Options = Record<never, never>>(
  specification: Specification<A, O>,
): Command {
  const names = Object.keys(specification.args ?? {})
  const { formats: further = [], format = "table" } = specification
  return {
    summary: specification.summary,
    description: specification.description,
    args: Object.entries(specification.args ?? {}),
    options: Object.entries(specification.options ?? {}),
    configuration: Object.entries(specification.configuration ?? {}),
    configuredUnder: specification.configuredUnder,
    patient: specification.patient ?? false,
    formats: further,
    format,
    formatOption: specification.formatOption ?? formatOption([...formats, ...further], format),
    examples: specification.examples,
    async invoke(args, options, session, configuration = {}) {
      // The parser filled both from this very specification; TypeScript cannot see that.
      const given = Object.fromEntries(names.map((name, at) => [name, args[at]])) as ArgumentValues<A>
      return specification.run({ args: given, options: options as OptionValues<O>, configuration, session })
    },
  }
}
