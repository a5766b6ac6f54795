// The schema of pgtrail.json, made with zod from the items; says everything that is wrong with a file at once. Loaded only when there is one.
import * as z from "zod"
import { TrailError } from "../../data/errors.js"
import { near } from "../../data/near.js"
import { secretsOf } from "../redact.js"
import type { Configured, Item } from "./items.js"
import { allItems, itemName, meaning } from "./items.js"

/** The values of a file by dotted path. */
export type FileValues = ReadonlyMap<string, unknown>

interface Branch {
  readonly items: Map<string, Item>
  readonly branches: Map<string, Branch>
}

const emptyBranch = (): Branch => ({ items: new Map(), branches: new Map() })

/** Throws TrailError `config` with every error of the file. */
export function readValues(document: unknown, commands: readonly Configured[], shown: string): FileValues {
  const items = allItems(commands)
  const parsed = schemaOf(treeOf(items)).safeParse(document, { reportInput: true })
  const errors = parsed.success ? [] : parsed.error.issues.flatMap((issue) => wordsOf(issue, items, commands))
  const values = new Map<string, unknown>()
  if (parsed.success) {
    for (const { path } of items) {
      const value = valueAt(document, path)
      if (value !== undefined) values.set(path.join("."), value)
    }
    if (values.has("password") && !values.has("url")) {
      errors.push("password is that of the user in url, and there is no url beside it")
    }
  }
  if (errors.length === 0) return values
  const message =
    errors.length === 1 ? `: ${errors[0]}` : ` has ${errors.length} errors:\n${errors.join("\n")}`
  throw new TrailError("config", `${shown}${message}`, {
    hint: "nothing was done; pgtrail.schema.json lists all keys, and pgtrail COMMAND --help those of a command",
  })
}

/** As pgtrail.schema.json has it. */
export function jsonSchema(commands: readonly Configured[]): string {
  const schema = z.toJSONSchema(schemaOf(treeOf(allItems(commands))), { io: "input" })
  const { $schema, ...rest } = schema
  const whole = {
    $schema,
    title: "pgtrail.json",
    description: "Configuration of pgtrail: an option at the top holds for every command that has it",
    ...rest,
  }
  return `${JSON.stringify(whole, null, 2)}\n`
}

function treeOf(items: readonly Item[]): Branch {
  const root = emptyBranch()
  for (const item of items) {
    let branch = root
    for (const word of item.path.slice(0, -1)) {
      const next = branch.branches.get(word) ?? emptyBranch()
      branch.branches.set(word, next)
      branch = next
    }
    branch.items.set(item.path.at(-1) ?? "", item)
  }
  for (const name of root.items.keys()) {
    if (root.branches.has(name)) throw new Error(`${name} is a command and an option`)
  }
  return root
}

function schemaOf(branch: Branch, isRoot = true): z.ZodType {
  const shape: Record<string, z.ZodType> = isRoot ? { $schema: z.string().optional() } : {}
  for (const [name, item] of branch.items) {
    shape[name] = valueSchema(item).describe(meaning(item.option)).optional()
  }
  for (const [name, below] of branch.branches) shape[name] = schemaOf(below, false).optional()
  return z.strictObject(shape)
}

function valueSchema({ path, option }: Item): z.ZodType {
  const shown = path.join(".")
  /** The option's own words, with the path in the place of the flag. */
  const check = (value: unknown, context: z.core.$RefinementCtx): void => {
    try {
      option.parse(String(value), option.fallback)
      if (shown === "url") refusePassword(String(value))
    } catch (error) {
      if (!(error instanceof TrailError)) throw error
      const message = error.message.startsWith("--")
        ? error.message.replace(/^--[\w-]+/, shown)
        : `${shown}: ${error.message}`
      context.addIssue({ code: "custom", message })
    }
  }
  switch (option.kind) {
    case "flag":
      return z.boolean()
    case "count":
      return z.int().min(0)
    case "list":
      return z.array(z.string().min(1))
    case "references":
      return z.array(z.string().superRefine(check))
    case "choice":
      return z.enum(option.choices ?? [])
    case "threshold":
      return z.union([z.string(), z.int().min(0)]).superRefine(check)
    default:
      return z.string().superRefine(check)
  }
}

/** Also in the form host=... password=...; a file of settings is copied, mailed and committed. */
function refusePassword(url: string): void {
  if (!secretsOf(url).some((secret) => secret !== "") && !/\bpassword\s*=/i.test(url)) return
  throw new TrailError(
    "config",
    "--url has a password in it, which does not belong into this file: give it as password, by reference",
  )
}

const takes: Readonly<Record<string, string>> = {
  flag: "true or false",
  count: "a whole number",
  list: 'a list of texts: ["a", "b"]',
  references: 'a list of names and references: ["k1=file:PATH"]',
  threshold: "a text or a whole number",
}

function wordsOf(issue: z.core.$ZodIssue, items: readonly Item[], commands: readonly Configured[]): string[] {
  const shown = issue.path.join(".")
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...issue.path.map(String), key], items, commands))
  }
  if (issue.code === "custom") return [issue.message]
  const item = items.find(({ path }) => path.every((word, at) => word === issue.path[at]))
  if (item === undefined)
    return [`${shown === "" ? "it" : shown} takes an object {...}${instead(issue.input)}`]
  const { kind, choices, flags } = item.option
  const wants = choices?.map((choice) => `"${choice}"`).join(", ") ?? takes[kind] ?? "a text"
  // What stands where a reference belongs may be the secret itself.
  const secret = kind === "reference" || kind === "references" || flags.includes("<url>")
  return [
    `${shown} takes ${wants.replace(/, ([^,]*)$/, choices === undefined ? "$&" : " or $1")}${secret ? "" : instead(issue.input)}`,
  ]
}

function instead(input: unknown): string {
  const text = JSON.stringify(input) ?? "nothing"
  return `, not ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`
}

function unknownKey(
  path: readonly string[],
  items: readonly Item[],
  commands: readonly Configured[],
): string {
  const shown = path.join(".")
  const above = path.slice(0, -1)
  const key = path.at(-1) ?? ""
  const command = commands.find(({ name }) => name === above.join(" "))
  if (command?.command.options.some(([, option]) => itemName(option) === key)) {
    return `${shown} is given on the command line alone`
  }
  const beside = items
    .filter(({ path: other }) => above.every((word, at) => other[at] === word))
    .map(({ path: other }) => other[above.length] ?? "")
  const [meant] = near(key, [...new Set(beside)])
  const [elsewhere] = items
    .filter(({ path: other }) => other.at(-1) === key)
    .map(({ path: other }) => other.join("."))
  const hint = meant === undefined ? elsewhere : [...above, meant].join(".")
  return `${shown} is not known${hint === undefined ? "" : `, did you mean ${hint}?`}`
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  let at = document
  for (const word of path) {
    if (typeof at !== "object" || at === null) return undefined
    at = (at as Readonly<Record<string, unknown>>)[word]
  }
  return at
}
