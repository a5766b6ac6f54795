// Turns arguments into a command with its values, or into a help text; the only file that knows commander.
import { Command as Commander, CommanderError, Option as CommanderOption } from "commander"
import { TrailError } from "../data/errors.js"
import { version } from "../data/version.js"
import type { Style } from "./color.js"
import type { Command, Values } from "./command.js"
import type { Entry } from "./commands.js"
import { type CommonValues, commonOptions, formatOption, formats, furtherFormats } from "./common.js"
import { commandHelp, rootHelp, term, topicHelp } from "./help.js"
import type { Option } from "./options.js"

export interface Invocation {
  readonly name: string
  readonly command: Command
  readonly args: readonly unknown[]
  readonly options: Values
  readonly common: CommonValues
  /** Options that stand on the line, the common ones too: what is not there may be configured. */
  readonly given: ReadonlySet<string>
}

/** `exit` 2: nothing to do was named, and the help says what there is. */
export interface Help {
  readonly help: string
  readonly exit: 0 | 2
}

/** Throws TrailError `usage`, with the command whose help to read as its hint. */
export async function parse(
  argv: readonly string[],
  tree: readonly Entry[],
  style: Style,
): Promise<Invocation | Help> {
  let shown = ""
  let invocation: Invocation | undefined
  const root = node("pgtrail", [], () => rootHelp(tree, style))
  addCommon(root, "pgtrail")
  root.version(version, "--version")

  function node(name: string, above: readonly string[], help: () => string): Commander {
    const command = new Commander(name)
    const path = [...above, name].join(" ")
    command.configureOutput({
      writeOut: (text) => {
        shown += text
      },
      writeErr: (text) => {
        shown += text
      },
      outputError: () => {},
      // The help is styled already, or not: commander would look at the process and not at the streams of this run.
      getOutHasColors: () => true,
      getErrHasColors: () => true,
    })
    command.configureHelp({ formatHelp: help })
    command.helpCommand(false)
    command.enablePositionalOptions()
    command.exitOverride((error) => {
      throw usageError(error, command, path)
    })
    return command
  }

  const [first, ...rest] = argv
  // One word for a command of two: `history` for `resource show`.
  const meant = tree.find(({ name, aliases }) => name.includes(" ") && aliases?.includes(first ?? ""))
  const typed = meant === undefined ? argv : [...meant.name.split(" "), ...rest]
  const line = first === "help" ? [...rest, "--help"] : typed

  for (const entry of among(tree, line[0])) {
    const words = entry.name.split(" ")
    const last = words.pop() ?? ""
    let parent = root
    for (const [at, word] of words.entries()) {
      const path = words.slice(0, at + 1).join(" ")
      const known = parent.commands.find((child) => child.name() === word)
      const below = tree.filter(({ name }) => name.startsWith(`${path} `))
      const topic =
        known ?? node(word, ["pgtrail", ...words.slice(0, at)], () => topicHelp(path, below, style))
      if (known === undefined) {
        addCommon(topic, `pgtrail ${path}`)
        parent.addCommand(topic)
      }
      parent = topic
    }
    let loaded: Command | undefined
    const leaf = node(last, ["pgtrail", ...words], () =>
      loaded === undefined ? "" : commandHelp(entry.name, loaded, style),
    )
    leaf.aliases(entry.aliases ?? [])
    parent.addCommand(leaf)
    parent.hook("preSubcommand", async (_, chosen) => {
      if (chosen !== leaf) return
      const command = (await entry.load()).default
      loaded = command
      fill(leaf, command, `pgtrail ${entry.name}`)
      leaf.action(() => {
        invocation = {
          name: entry.name,
          command,
          args: leaf.processedArgs,
          options: valuesOf(leaf, command),
          ...common(leaf, command),
        }
      })
    })
  }

  try {
    await root.parseAsync([...line], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return { help: shown, exit: error.code === "commander.help" ? 2 : 0 }
  }
  return invocation ?? { help: shown, exit: 2 }
}

/** Those that the first word can mean; all where it means none, to be suggested. Making all takes as long as asking a database. */
function among(tree: readonly Entry[], word: string | undefined): readonly Entry[] {
  const meant = tree.filter(
    ({ name, aliases }) => name.split(" ")[0] === word || (word !== undefined && aliases?.includes(word)),
  )
  return meant.length === 0 ? tree : meant
}

/** Before the command is known every form passes; its own list is checked when it is. */
function addCommon(
  command: Commander,
  path: string,
  format = formatOption([...formats, ...furtherFormats]),
): void {
  for (const [key, option] of Object.entries(commonOptions)) {
    addOption(command, key === "format" ? format : option, path)
  }
}

/** Only now: making the options of all commands would take longer than all the rest of --help. */
function fill(leaf: Commander, command: Command, path: string): void {
  addCommon(leaf, path, command.formatOption)
  for (const [name, { form, summary }] of command.args) leaf.argument(term(name, form), summary)
  for (const [key, option] of command.options) {
    const added = addOption(leaf, option, path)
    if (added.attributeName() !== key)
      throw new Error(`option ${key} must be named like its flag ${option.flags}`)
  }
}

function addOption(command: Commander, option: Option<unknown>, path: string): CommanderOption {
  const added = new CommanderOption(option.flags, option.summary)
  if (option.takes !== "nothing") {
    added.argParser((typed, previous) => {
      try {
        return option.parse(typed, previous)
      } catch (error) {
        if (!(error instanceof TrailError)) throw error
        throw new TrailError(error.code, error.message, { hint: error.hint ?? `${path} --help` })
      }
    })
  }
  // One that can be configured is asked for when the configuration is known.
  if (option.required === true && option.configurable !== true) added.makeOptionMandatory()
  else added.default(option.fallback)
  command.addOption(added)
  return added
}

function valuesOf(leaf: Commander, command: Command): Values {
  const given: Values = leaf.opts()
  return Object.fromEntries(command.options.map(([key]) => [key, given[key]]))
}

/** Common options count wherever they stand: before the topic, before the command, after it; the last one wins. */
function common(leaf: Commander, command: Command): { common: CommonValues; given: ReadonlySet<string> } {
  const values: Record<string, unknown> = {}
  for (const [key, option] of Object.entries(commonOptions)) values[key] = option.fallback
  const given = new Set(command.options.map(([key]) => key).filter((key) => isGiven(leaf, key)))
  const path: Commander[] = []
  for (let at: Commander | null = leaf; at !== null; at = at.parent) path.unshift(at)
  for (const level of path) {
    const typed: Values = level.opts()
    for (const key of Object.keys(commonOptions)) {
      if (!isGiven(level, key)) continue
      values[key] = typed[key]
      given.add(key)
    }
  }
  if (typeof values.format === "string") {
    command.formatOption.parse(values.format, undefined)
  }
  // Every key of commonOptions was just filled, by its own parser.
  return { common: values as CommonValues, given }
}

const isGiven = (command: Commander, key: string): boolean => command.getOptionValueSource(key) === "cli"

/** commander's sentences, in the words of messages.ts. */
function usageError(error: CommanderError, command: Commander, path: string): CommanderError | TrailError {
  const hint = `${path} --help`
  const [, subject = ""] = /'([^']*)'/.exec(error.message) ?? []
  const [, near] = /\(Did you mean (?:one of )?(.*)\?\)/.exec(error.message) ?? []
  const [name] = subject.split(/[\s,]+<|\s+\[/)
  const usage = (message: string, next = hint): TrailError => new TrailError("usage", message, { hint: next })
  switch (error.code) {
    case "commander.help":
    case "commander.helpDisplayed":
    case "commander.version":
      return error
    case "commander.unknownOption":
      return usage(`unknown option ${subject}${near === undefined ? "" : `, did you mean ${near}?`}`)
    case "commander.unknownCommand": {
      const next = near === undefined || near.includes(",") ? hint : `${path} ${near}`
      const what = command.parent === null ? "command" : `command of ${command.name()}`
      return usage(
        `unknown ${what}: ${subject}${near?.includes(",") ? `, did you mean one of ${near}?` : ""}`,
        next,
      )
    }
    case "commander.excessArguments":
      return usage(`unexpected argument: ${command.args.slice(command.registeredArguments.length).join(" ")}`)
    case "commander.missingArgument":
      return usage(`missing argument: <${subject}>`)
    case "commander.optionMissingArgument":
      return usage(`${name} needs a value`)
    case "commander.missingMandatoryOptionValue":
      return usage(`${name} is required`)
    default:
      return usage(error.message.replace(/^error: /, "").replace(/\.$/, ""))
  }
}
