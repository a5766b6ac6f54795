// Fills the options that the command line left open: from PGTRAIL_ variables, then from pgtrail.json, the command's own value before that at the top.
import { resolve } from "node:path"
import { TrailError } from "../../data/errors.js"
import { near } from "../../data/near.js"
import type { Values } from "../command.js"
import type { Entry } from "../commands.js"
import { type CommonValues, commonOptions } from "../common.js"
import type { Io } from "../io.js"
import type { Option } from "../options.js"
import type { Invocation } from "../parse.js"
import { type ConfigurationFile, findFile } from "./file.js"
import {
  commonItems,
  configurableOf,
  configurationWords,
  itemName,
  loadAll,
  ownItems,
  passwordOption,
  variableOf,
} from "./items.js"
import type { FileValues } from "./schema.js"

export interface Configuration {
  readonly common: CommonValues
  readonly options: Values
  /** What only the environment or the file can give, by its path below the command. */
  readonly configuration: Values
  /** The database of the file, and where it was named. */
  readonly url: { readonly text: string; readonly source: string } | undefined
  /** A password (a reference), and the sources of the URLs that it is for: one that somebody types may lead to any server. */
  readonly password: { readonly reference: string; readonly sources: readonly string[] } | undefined
  /** Variables that are probably misspelt. */
  readonly warnings: readonly string[]
}

export async function configure(
  invocation: Invocation,
  io: Pick<Io, "env" | "cwd">,
  tree: readonly Entry[],
): Promise<Configuration> {
  const { command, given } = invocation
  const found = await findFile(invocation.common.config, io)
  const values = found === undefined ? undefined : await valuesOf(found.text, found.shown, tree)
  const words = invocation.name.split(" ")

  /** Undefined where nobody configured it. */
  const look = (paths: readonly (readonly string[])[], option: Option<unknown>): unknown => {
    for (const path of paths) {
      const variable = variableOf(path)
      const text = io.env[variable]
      if (text !== undefined && text !== "") return fromVariable(option, variable, text)
    }
    for (const path of paths) {
      const value = values?.get(path.join("."))
      if (value !== undefined) return fromFile(option, value, found)
    }
    return undefined
  }

  const common: Record<string, unknown> = { ...invocation.common }
  for (const [key, option] of Object.entries(commonOptions)) {
    // The URL has a place of its own in the order of connections.
    if (option.configurable !== true || key === "url" || given.has(key)) continue
    // Whoever typed --json has chosen.
    if (key === "format" && given.has("json")) continue
    const taken = key === "format" ? command.formatOption : option
    common[key] = look([[itemName(option)]], taken) ?? common[key]
  }
  const options: Record<string, unknown> = { ...invocation.options }
  for (const [key, option] of command.options) {
    if (option.configurable === true && !given.has(key)) {
      const name = itemName(option)
      options[key] = look([[...words, name], [name]], option) ?? options[key]
    }
    if (option.required === true && isMissing(options[key])) {
      throw new TrailError("usage", `--${itemName(option)} is required`)
    }
  }
  const configuration: Record<string, unknown> = {}
  for (const [path, option] of command.configuration) {
    configuration[path] =
      look([[...configurationWords(invocation), ...path.split(".")]], option) ?? option.fallback
  }
  return {
    common: common as CommonValues,
    options,
    configuration,
    ...connectionOf(io.env, values, found),
    warnings: misspelt(io.env, invocation, tree),
  }
}

const isMissing = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.length === 0)

/** A variable that no command knows is nobody's business, unless it looks like one that is known. */
function misspelt(env: Io["env"], invocation: Invocation, tree: readonly Entry[]): string[] {
  const known = [...commonItems, ...ownItems(invocation)].map(({ path }) => variableOf(path))
  known.push(
    "PGTRAIL_CONFIG",
    // What --on-failure is told of a job.
    "PGTRAIL_JOB",
    "PGTRAIL_EXIT_CODE",
    "PGTRAIL_RUN",
    ...configurableOf(invocation.command).map((option) => variableOf([itemName(option)])),
  )
  const others = tree
    .filter(({ name }) => name !== invocation.name)
    .map(({ name }) => variableOf(name.split(" ")))
  const words = invocation.name.split(" ")
  const lineOnly = [
    ...Object.values(commonOptions),
    ...invocation.command.options.map(([, option]) => option),
  ]
    .filter((option) => option.configurable !== true && option !== commonOptions.config)
    .map(itemName)
  const warnings: string[] = []
  for (const name of Object.keys(env)) {
    if (!name.startsWith("PGTRAIL_") || known.includes(name) || name.startsWith("PGTRAIL_TEST_")) continue
    if (others.some((other) => name.startsWith(`${other}_`))) continue
    const typed = lineOnly.find(
      (option) => name === variableOf([option]) || name === variableOf([...words, option]),
    )
    if (typed !== undefined) {
      warnings.push(`the variable ${name} says nothing: --${typed} is given on the command line alone`)
      continue
    }
    const short = (variable: string): string => variable.slice("PGTRAIL_".length)
    const [meant] = near(short(name), known.map(short), 1)
    if (meant !== undefined)
      warnings.push(`the variable ${name} is not known, did you mean PGTRAIL_${meant}?`)
  }
  return warnings
}

function connectionOf(
  env: Io["env"],
  values: FileValues | undefined,
  file: ConfigurationFile | undefined,
): Pick<Configuration, "url" | "password"> {
  const source = file?.shown ?? ""
  const variable = variableOf([itemName(passwordOption)])
  const reference = env[variable]
  const text = values?.get("url")
  const inFile = values?.get("password")
  return {
    url: typeof text === "string" ? { text: placedUrl(text, file?.folder ?? ""), source } : undefined,
    password:
      reference !== undefined && reference !== ""
        ? {
            reference: String(fromVariable(passwordOption, variable, reference)),
            sources: ["PGTRAIL_URL", source],
          }
        : inFile === undefined
          ? undefined
          : { reference: String(fromFile(passwordOption, inFile, file)), sources: [source] },
  }
}

/** Only now are zod and the definitions of all commands loaded: most runs have no file. */
async function valuesOf(text: string, shown: string, tree: readonly Entry[]): Promise<FileValues> {
  const [{ readJson }, { readValues }] = await Promise.all([import("./locate.js"), import("./schema.js")])
  return readValues(readJson(text, shown), await loadAll(tree), shown)
}

const switches: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  on: true,
  yes: true,
  "0": false,
  false: false,
  off: false,
  no: false,
}

/** An option's own words, with the variable or the key of the file in the place of the flag. */
function named<T>(source: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const { message, hint } = error
    const words = message.startsWith("--") ? message.replace(/^--[\w-]+/, source) : `${source}: ${message}`
    throw new TrailError("config", words, { hint })
  }
}

/** A list is separated by commas. */
function fromVariable(option: Option<unknown>, variable: string, text: string): unknown {
  if (option.kind === "flag") {
    const value = switches[text.toLowerCase()]
    if (value !== undefined) return value
    throw new TrailError("config", `${variable} takes on or off, not ${JSON.stringify(text)}`)
  }
  if (option.kind === "list") return text.split(",").filter((part) => part !== "")
  if (option.kind === "references") {
    // A command may have commas.
    return text
      .split(/,(?=[a-z0-9-]{1,32}=(?:file|env|cmd):)/)
      .reduce((all, part) => named(variable, () => option.parse(part, all)), option.fallback)
  }
  return named(variable, () => option.parse(text, option.fallback))
}

function placedUrl(url: string, folder: string): string {
  const [, dataDir] = /^embedded:(.+)$/is.exec(url) ?? []
  return dataDir === undefined ? url : `embedded:${resolve(folder, dataDir)}`
}

/** What stands before a reference, its scheme and the rest of it; nothing where the option takes none. */
function referenceIn({ kind }: Option<unknown>, text: string): readonly (string | undefined)[] {
  const form = kind === "reference" ? /^()(file|cmd):(.+)$/s : /^([a-z0-9-]{1,32}=)(file|cmd):(.+)$/s
  return (kind === "reference" || kind === "references" ? form.exec(text) : null) ?? []
}

/** A relative file is meant from where the configuration lies. */
function fromFile(option: Option<unknown>, value: unknown, file: ConfigurationFile | undefined): unknown {
  const folder = file?.folder ?? ""
  const isFile = /<file>/.test(option.flags)
  const placed = (text: string): string => {
    if (isFile) return text === "-" ? text : resolve(folder, text)
    const [, before = "", scheme, rest = ""] = referenceIn(option, text)
    const path = scheme === "file" ? rest : undefined
    const runs = option.kind === "shell" || scheme === "cmd"
    if (runs && file?.trusted === false) {
      throw new TrailError(
        "config",
        `${file.shown} runs a command (${option.kind === "shell" ? itemName(option) : "cmd:"}), and it was only found where you stand`,
        {
          hint: `read it first, then name it: --config ${file.shown}`,
        },
      )
    }
    return path === undefined ? text : `${before}file:${resolve(folder, path)}`
  }
  if (Array.isArray(value)) return value.map((part) => placed(String(part)))
  if (typeof value === "string") {
    const text = placed(value)
    return named(`${file?.shown}: ${itemName(option)}`, () => option.parse(text, option.fallback))
  }
  return option.kind === "threshold" ? option.parse(String(value), option.fallback) : value
}
