// The dependency rule: commands -> cli, and data where it is pure; cli -> data; data never imports cli. process only in cli.
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { expect, test } from "vitest"

const src = join(import.meta.dirname, "..", "..", "src")

interface Source {
  readonly layer: string
  readonly name: string
  readonly text: string
  readonly imports: readonly { readonly layer: string; readonly typeOnly: boolean; readonly target: string }[]
}

const layerOf = (file: string): string => relative(src, file).split("/")[0] ?? ""

const sources: Source[] = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => {
    const file = join(src, name)
    const text = readFileSync(file, "utf8")
    const statements = [
      ...text.matchAll(/(?:import|export)\s+(type\s)?[^"';]*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/g),
    ]
    const imports = statements.map(([, type, path = "", dynamic = ""]) => {
      const target = resolve(dirname(file), path || dynamic)
      return { layer: layerOf(target), typeOnly: type !== undefined, target: relative(src, target) }
    })
    return { layer: layerOf(file), name, text, imports }
  })

test("data imports nothing of cli or commands", () => {
  const wrong = sources.filter(
    (s) => s.layer === "data" && s.imports.some((i) => ["cli", "commands"].includes(i.layer)),
  )
  expect(wrong.map((s) => s.name)).toEqual([])
})

test("only the list of commands imports commands", () => {
  const wrong = sources.filter(
    (s) =>
      s.name !== "cli/commands.ts" && s.layer !== "commands" && s.imports.some((i) => i.layer === "commands"),
  )
  expect(wrong.map((s) => s.name)).toEqual([])
})

/** The library of an application that chose to keep no log: a loss must not be silent, and Node.js has one channel for that. */
const warns = "data/append/disabled.ts"

test("only cli touches process and console, but for the one warning of a log that is disabled", () => {
  const wrong = sources.filter(
    (s) =>
      s.layer !== "cli" && s.name !== warns && /\b(process|console)\.\w|from "node:process"/.test(s.text),
  )
  expect(wrong.map((s) => s.name)).toEqual([])
})

test("no file has more than 250 lines without a reason in its first line, and each says its purpose", () => {
  const long = sources.filter((s) => s.text.split("\n").length > 251 && !/^\/\/.*because/.test(s.text))
  expect(long.map((s) => s.name)).toEqual([])
  expect(sources.filter((s) => !s.text.startsWith("// ")).map((s) => s.name)).toEqual([])
})
