// docs/commands.md, made from the definitions: one section a command, its options in a table.
import { commonOptions, configuration, variables } from "../src/cli/common.js"
import { exitCodes } from "../src/cli/exit.js"
import { says, term } from "../src/cli/help.js"
import type { Described } from "./man.js"

export function reference(tree: readonly Described[]): string {
  const topics = [...new Set(tree.map(({ entry }) => entry.topic))]
  const parts = [
    "# Commands",
    "Made from the definitions of the commands by `npm run docs`; `pgtrail COMMAND --help` says the same on a terminal, `man pgtrail` " +
      "where the package is installed with its man page.",
    table(
      ["", "command", ""],
      topics.flatMap((topic) =>
        tree
          .filter(({ entry }) => entry.topic === topic)
          .map(({ entry: { name, summary } }, at) => [
            at === 0 ? topic : "",
            `[${name}](#pgtrail-${name.replaceAll(" ", "-")})`,
            escaped(summary),
          ]),
      ),
    ),
    "## Common options",
    table(
      ["option", ""],
      [
        ...Object.values(commonOptions).map((option) => [code(option.flags), escaped(says(option))]),
        [code("--help"), "print the help of a command"],
        [code("--version"), "print the version"],
      ],
    ),
    "## Environment",
    table(
      ["variable", ""],
      variables.map(([name, meaning]) => [code(name), escaped(meaning)]),
    ),
    "## Configuration",
    ...configuration.map((line) => (line.startsWith("{") ? `\`\`\`json\n${line}\n\`\`\`` : escaped(line))),
    "## Exit codes",
    table(
      ["code", ""],
      exitCodes.map(([number, meaning]) => [number, escaped(meaning)]),
    ),
    ...topics.flatMap((topic) => [
      `## ${topic.charAt(0).toUpperCase()}${topic.slice(1)}`,
      ...tree.filter(({ entry }) => entry.topic === topic).map(section),
    ]),
  ]
  return `${parts.join("\n\n")}\n`
}

function section({ entry, command }: Described): string {
  const given = [
    ...(command.options.length > 0 ? ["[options]"] : []),
    ...command.args.map(([name, { form }]) => term(name, form)),
  ]
  const rows = [
    ...command.args.map(([name, { form, summary }]) => [code(term(name, form)), escaped(summary)]),
    ...command.options.map(([, option]) => [code(option.flags), escaped(says(option))]),
    ...(command.formats.length > 0 ? [[code("--format <format>"), escaped(says(command.formatOption))]] : []),
    ...command.configuration.map(([path, { summary }]) => [
      code(path),
      `${escaped(summary)} (in the configuration only)`,
    ]),
  ]
  return [
    `### pgtrail ${entry.name}`,
    `\`pgtrail ${[entry.name, ...given].join(" ")}\``,
    `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`,
    ...(command.description ?? "").split(/\n\s*\n/).map(escaped),
    rows.length === 0 ? "" : table(["", ""], rows),
    `\`\`\`sh\n${command.examples.map(({ run, shows }) => `# ${shows}\n${run}`).join("\n")}\n\`\`\``,
  ]
    .filter((part) => part !== "")
    .join("\n\n")
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}

const code = (words: string): string => `\`${words.replaceAll("|", "\\|")}\``

/** What is plain text in the definitions stays plain text. */
function escaped(words: string): string {
  return words.replace(/\s*\n\s*/g, " ").replace(/[\\`*_<>|[\]]/g, "\\$&")
}
