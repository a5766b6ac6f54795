// The man page, made from the definitions of the commands: classic man macros, which groff, mandoc and macOS render.
import type { Command } from "../src/cli/command.js"
import type { Entry } from "../src/cli/commands.js"
import { commonOptions, configuration, variables } from "../src/cli/common.js"
import { exitCodes } from "../src/cli/exit.js"
import { says, term } from "../src/cli/help.js"

export interface Described {
  readonly entry: Entry
  readonly command: Command
}

export function manPage(tree: readonly Described[]): string {
  const topics = [...new Set(tree.map(({ entry }) => entry.topic))]
  return [
    `.\\" Made from the definitions of the commands: npm run docs`,
    `.TH PGTRAIL 1 "" pgtrail "User Commands"`,
    ".SH NAME",
    "pgtrail \\- a tamper\\-evident audit trail in an ordinary PostgreSQL database",
    ".SH SYNOPSIS",
    ".B pgtrail\n.I command\n.RI [ options ]",
    ".SH DESCRIPTION",
    text(
      "Applications insert events into a table. The database itself chains each event to the one before it by a hash, and refuses to " +
        "change or delete it; pgtrail verify finds whoever did so past the database.",
    ),
    ...topics.flatMap((topic) => [
      `.SH ${topic.toUpperCase()}`,
      ...tree.filter(({ entry }) => entry.topic === topic).map(section),
    ]),
    ".SH COMMON OPTIONS",
    ...Object.values(commonOptions).map((option) => item(option.flags, says(option))),
    item("--help", "print the help of a command"),
    item("--version", "print the version"),
    ".SH ENVIRONMENT",
    ...variables.map(([name, meaning]) => item(name, meaning)),
    ".SH FILES",
    ...configuration.map((line) => `.PP\n${text(line)}`),
    ".SH EXIT STATUS",
    ...exitCodes.map(([code, meaning]) => item(code, meaning)),
    ".SH SEE ALSO",
    ".BR psql (1)",
    "",
  ].join("\n")
}

function section({ entry, command }: Described): string {
  const given = [
    ...(command.options.length > 0 ? ["[options]"] : []),
    ...command.args.map(([name, { form }]) => term(name, form)),
  ]
  return [
    `.SS ${bold(`pgtrail ${entry.name}`)} ${text(given.join(" "))}`.trimEnd(),
    text(`${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`),
    ...(command.description ?? "")
      .split(/\n\s*\n/)
      .filter((paragraph) => paragraph !== "")
      .map((paragraph) => `.PP\n${text(paragraph)}`),
    ...command.args.map(([name, { form, summary }]) => item(term(name, form), summary)),
    ...command.options.map(([, option]) => item(option.flags, says(option))),
    ...command.configuration.map(([path, option]) =>
      item(path, `in the configuration only: ${option.summary}`),
    ),
    ...(command.formats.length > 0 ? [item("--format <format>", says(command.formatOption))] : []),
    ".PP\nExamples:",
    ...command.examples.flatMap(({ run, shows }) => [`.IP\n${text(shows)}:`, `.nf\n${text(run)}\n.fi`]),
  ].join("\n")
}

function item(name: string, meaning: string): string {
  return `.TP\n${bold(name)}\n${text(meaning)}`
}

const bold = (words: string): string => `\\fB${text(words)}\\fR`

/** A backslash and what looks like a hyphen are spelt out; a line must not begin with what roff takes for a request. */
function text(words: string): string {
  return words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll("`", "\\(ga")
    .replace(/\s*\n\s*/g, " ")
    .replace(/^\./, "\\&.")
}
