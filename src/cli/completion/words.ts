// What can be typed after each word of a command line: the definitions, in the form that every shell's script is made from.
import type { Command } from "../command.js"
import type { Entry } from "../commands.js"
import { commonOptions } from "../common.js"
import type { Argument, Option } from "../options.js"

export interface Word {
  readonly word: string
  readonly says: string
}

/** What follows an option or an argument: one of these words, the name of a file, or what nobody can guess. */
export type Values = readonly string[] | "file" | "unknown"

export interface Flag extends Word {
  /** Undefined where the option takes no value. */
  readonly values: Values | undefined
}

/** One place in the tree: "" is pgtrail itself, "migrate" a topic, "migrate up" a command. */
export interface Place {
  readonly path: string
  readonly words: readonly Word[]
  readonly flags: readonly Flag[]
  /** Of each argument; the last one's also of all that follow where it may be given again. */
  readonly values: readonly Values[]
  readonly repeats: boolean
}

export interface Typed {
  readonly places: readonly Place[]
  /** Words that lead to a place and are not offered there: aliases, and "help", after which all is typed as without it. */
  readonly hidden: readonly { readonly typed: string; readonly path: string }[]
}

export async function completionWords(tree: readonly Entry[]): Promise<Typed> {
  const paths = new Set([""])
  for (const { name } of tree) {
    const words = name.split(" ")
    for (let end = 1; end < words.length; end += 1) paths.add(words.slice(0, end).join(" "))
  }
  const topics = [...paths].map((path) => ({
    path,
    words: [...wordsBelow(path, tree), ...(path === "" ? [{ word: "help", says: "explain a command" }] : [])],
    flags: [
      ...commonFlags(commonOptions.format),
      ...(path === "" ? [{ word: "--version", says: "print the version", values: undefined }] : []),
    ],
    values: [],
    repeats: false,
  }))
  const commands = await Promise.all(tree.map(async ({ name, load }) => place(name, (await load()).default)))
  const hidden = tree.flatMap(({ name, aliases = [] }) =>
    aliases.map((alias) => ({ typed: [...name.split(" ").slice(0, -1), alias].join(" "), path: name })),
  )
  return { places: [...topics, ...commands], hidden: [...hidden, { typed: "help", path: "" }] }
}

function wordsBelow(path: string, tree: readonly Entry[]): Word[] {
  const depth = path === "" ? 0 : path.split(" ").length
  const words = new Map<string, string>()
  for (const { name, summary } of tree) {
    if (path !== "" && !name.startsWith(`${path} `)) continue
    const below = name.split(" ").slice(depth)
    const [word = ""] = below
    const others = words.get(word)
    const says = below.length === 1 ? summary : below.slice(1).join(" ")
    words.set(word, others === undefined ? says : `${others}, ${says}`)
  }
  return [...words].map(([word, says]) => ({ word, says }))
}

function place(path: string, command: Command): Place {
  const last = command.args.at(-1)?.[1]
  return {
    path,
    words: [],
    flags: [...command.options.map(([, option]) => flag(option)), ...commonFlags(command.formatOption)],
    values: command.args.map(([name, argument]) => valuesOfArgument(name, argument)),
    repeats: last?.form === "many" || last?.form === "any",
  }
}

function commonFlags(format: Option<unknown>): Flag[] {
  return [
    ...Object.entries(commonOptions).map(([name, option]) => flag(name === "format" ? format : option)),
    { word: "--help", says: "print the help", values: undefined },
  ]
}

function flag(option: Option<unknown>): Flag {
  const [word = ""] = /--[\w-]+/.exec(option.flags) ?? []
  return { word, says: option.summary, values: option.takes === "nothing" ? undefined : valuesOf(option) }
}

function valuesOf({ choices, kind, flags }: Option<unknown>): Values {
  if (choices !== undefined) return choices
  if (kind === "reference" || flags.includes("<reference>")) return ["file:", "env:", "cmd:"]
  return kind === "file" || /<(file|dir)>/.test(flags) ? "file" : "unknown"
}

function valuesOfArgument(name: string, argument: Argument<unknown>): Values {
  if (argument.choices !== undefined) return argument.choices
  return /^(files?|dir)$/.test(name) ? "file" : "unknown"
}
