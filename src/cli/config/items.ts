// What can be configured: derived from the definitions of the commands, so that the file, its schema and the variables never go stale.
import type { Command } from "../command.js"
import type { Entry } from "../commands.js"
import { commonOptions, formatOption, formats, furtherFormats } from "../common.js"
import { configurable, type Option, reference } from "../options.js"

export interface Item {
  /** Where it stands in the file: ["verify", "jobs"]. */
  readonly path: readonly string[]
  readonly option: Option<unknown>
}

/** A command with what the file can say of it; without it where the command is not the one that runs. */
export interface Configured {
  readonly name: string
  readonly command: Command
}

export const passwordOption = reference(
  "--password <reference>",
  "the password of the user in url: file:PATH, env:NAME or cmd:COMMAND",
)

/** The name of an option in the file: its flag without dashes. */
export function itemName(option: Option<unknown>): string {
  return (/--([\w-]+)/.exec(option.flags)?.[1] ?? "").replace(/^no-/, "")
}

/** For which command it will be the file does not say: every form may stand in it. */
const anyFormat = configurable(formatOption([...formats, ...furtherFormats]))

export const commonItems: readonly Item[] = [
  ...Object.values(commonOptions)
    .filter((option) => option.configurable === true)
    .map((option) => (option === commonOptions.format ? anyFormat : option)),
  passwordOption,
].map((option) => ({ path: [itemName(option)], option }))

/** What it means in a file, where `--no-color` is `"color": false`. */
export function meaning({ flags, summary }: Option<unknown>): string {
  return flags.includes("--no-") ? `false: ${summary}` : summary
}

/** Under which words the file has what no option gives. */
export const configurationWords = ({ name, command }: Configured): string[] =>
  (command.configuredUnder ?? name).split(" ")

/** Of one command, under its own words. */
export function ownItems({ name, command }: Configured): Item[] {
  const words = name.split(" ")
  return [
    ...configurableOf(command).map((option) => ({ path: [...words, itemName(option)], option })),
    ...command.configuration.map(([path, option]) => ({
      path: [...configurationWords({ name, command }), ...path.split(".")],
      option,
    })),
  ]
}

/** Of all commands together: an option may also stand at the top, for every command that has it. */
export function allItems(commands: readonly Configured[]): Item[] {
  const shared = new Map<string, { option: Option<unknown>; names: string[] }>()
  for (const { name, command } of commands) {
    for (const option of configurableOf(command)) {
      const known = shared.get(itemName(option))
      if (known === undefined) shared.set(itemName(option), { option, names: [name] })
      else known.names.push(name)
    }
  }
  const top = [...shared].map(([name, { option, names }]): Item => {
    const summary = `${option.summary}; for ${names.join(", ")}`
    return { path: [name], option: { ...option, summary } }
  })
  return [...commonItems, ...top, ...commands.flatMap(ownItems)]
}

export function configurableOf(command: Command): Option<unknown>[] {
  return command.options.map(([, option]) => option).filter((option) => option.configurable === true)
}

/** `verify.jobs` is PGTRAIL_VERIFY_JOBS. */
export function variableOf(path: readonly string[]): string {
  return `PGTRAIL_${path.join("_").replaceAll("-", "_").toUpperCase()}`
}

export async function loadAll(tree: readonly Entry[]): Promise<Configured[]> {
  return Promise.all(tree.map(async ({ name, load }) => ({ name, command: (await load()).default })))
}
