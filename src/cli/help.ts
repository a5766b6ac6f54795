// The text of --help, made from the definitions; README.md repeats it (scripts/docs.ts).
import type { Style } from "./color.js"
import type { Command } from "./command.js"
import type { Entry } from "./commands.js"
import { commonOptions, configuration, type Format, variables } from "./common.js"
import { exitCodes } from "./exit.js"
import type { Argument, Option } from "./options.js"

/** Columns. Fixed, so that the README and a narrow window say the same. */
const width = 100
type Pair = readonly [left: string, right: string]

export function rootHelp(tree: readonly Entry[], style: Style): string {
  const topics = [...new Set(tree.map((entry) => entry.topic))]
  const left = Math.max(...tree.map((entry) => entry.name.length))
  return page([
    "A tamper-evident audit trail in an ordinary PostgreSQL database.",
    usage("<command> [options]", style),
    ...topics.map((topic) =>
      section(capital(topic), namesOf(tree.filter((entry) => entry.topic === topic)), style, left),
    ),
    section("Common options", [...commonPairs(), ["--version", "print the version"]], style),
    section("Environment", variables, style),
    [style.bold("Configuration"), ...configuration.map((line) => `  ${wrap(line, 2)}`)].join("\n"),
    section("Exit codes", exitCodes, style),
    "pgtrail <command> --help says more about a command.",
  ])
}

export function topicHelp(topic: string, tree: readonly Entry[], style: Style): string {
  return page([
    usage(`${topic} <command> [options]`, style),
    section("Commands", namesOf(tree), style),
    `pgtrail ${topic} <command> --help says more about a command.`,
  ])
}

export function commandHelp(name: string, command: Command, style: Style): string {
  const {
    summary,
    description,
    args,
    options,
    configuration: configured,
    formatOption: format,
    examples,
  } = command
  const words = [
    name,
    options.length > 0 ? "[options]" : "",
    ...args.map(([arg, { form }]) => term(arg, form)),
  ]
  return page([
    capital(summary),
    ...(description === undefined ? [] : description.split(/\n\s*\n/).map((paragraph) => wrap(paragraph, 0))),
    usage(words.filter((word) => word !== "").join(" "), style),
    section(
      "Arguments",
      args.map(([arg, { form, summary: says }]) => [term(arg, form), says]),
      style,
    ),
    section(
      "Options",
      options.map(([, option]) => [option.flags, says(option)]),
      style,
    ),
    section(
      "Configuration only",
      configured.map(([path, { summary, fallback }]) => [
        command.configuredUnder === undefined
          ? path
          : `${command.configuredUnder.replaceAll(" ", ".")}.${path}`,
        fallback === undefined ? summary : `${summary} (default: ${fallback})`,
      ]),
      style,
    ),
    section("Common options", commonPairs(format), style),
    [style.bold("Examples"), ...examples.flatMap(({ run, shows }) => [`  # ${shows}`, `  ${run}`])].join(
      "\n",
    ),
  ])
}

/** `<file...>` must be given, `[file]` may. */
export function term(name: string, form: Argument<unknown>["form"]): string {
  return { required: `<${name}>`, optional: `[${name}]`, many: `<${name}...>`, any: `[${name}...]` }[form]
}

export function says({ summary, fallback, choices, takes, required, configurable }: Option<unknown>): string {
  const notes = [
    choices === undefined ? "" : choices.join(", "),
    takes === "value" && fallback !== undefined ? `default: ${fallback}` : "",
    takes === "values" ? "repeatable" : "",
    required === true ? "required" : "",
  ].filter((note) => note !== "")
  const text = notes.length === 0 ? summary : `${summary} (${notes.join("; ")})`
  return configurable === true ? `${text} [configurable]` : text
}

function commonPairs(format: Option<Format | undefined> = commonOptions.format): Pair[] {
  return [
    ...Object.values(commonOptions).map(
      (option): Pair => [
        option.flags,
        says(option === commonOptions.format ? { ...format, configurable: true } : option),
      ],
    ),
    ["--help", "print this help"],
  ]
}

function namesOf(tree: readonly Entry[]): Pair[] {
  return tree.map(({ name, summary }) => [name, summary])
}

function usage(rest: string, style: Style): string {
  return `${style.bold("Usage:")} pgtrail ${rest}`
}

function section(title: string, pairs: readonly Pair[], style: Style, least = 0): string {
  if (pairs.length === 0) return ""
  const longest = Math.max(least, ...pairs.map(([left]) => left.length))
  // Where one left side is very long, the right sides would all be squeezed: they go below.
  const column = Math.min(longest, 30) + 4
  const lines = pairs.map(([left, right]) => {
    const start = `  ${left}`
    const text = wrap(right, column)
    return start.length + 2 <= column
      ? `${start.padEnd(column)}${text}`
      : `${start}\n${" ".repeat(column)}${text}`
  })
  return [style.bold(title), ...lines].join("\n")
}

/** Breaks lines between words; every line but the first is indented. */
function wrap(text: string, indent: number): string {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`)
}

function page(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
