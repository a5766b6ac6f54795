// The tree of commands agrees with the files: same names, same summaries, every option and example in order.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { commands } from "../../src/cli/commands.js"
import { runInProcess } from "./io.js"
import { words } from "./transcript.js"

const folder = join(import.meta.dirname, "../../src/commands")
const fileOf = (name: string): string => join(folder, `${name.replace(" ", "/")}.ts`)

describe.each(commands.filter(({ name }) => existsSync(fileOf(name))))(
  "pgtrail $name",
  ({ name, summary, load }) => {
    it("says in the list what its file says", async () => {
      const command = (await load()).default
      expect(command.summary).toBe(summary)
      expect(summary).toMatch(/^[a-z].*[^.]$/)
      expect(command.options.map(([, option]) => option.summary).join("")).not.toMatch(/\.$/m)
    })

    it("has a help, with examples that begin as they are typed", async () => {
      const { exit, stdout, stderr } = await runInProcess([...name.split(" "), "--help"])
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(110)
      const { examples } = (await load()).default
      expect(examples.length).toBeGreaterThan(0)
      expect(examples.some(({ run }) => run.includes(`pgtrail ${name}`))).toBe(true)
    })

    it("takes the options of its examples", async () => {
      const { examples, options } = (await load()).default
      const known = [
        ...options.map(([, { flags }]) => flags),
        "--url --format --json --fields --quiet --verbose --no-color",
      ]
      for (const { run } of examples.filter((example) => example.run.startsWith(`pgtrail ${name}`))) {
        for (const word of words(run.replace(/[|<>].*/, "")).filter((typed) => typed.startsWith("--"))) {
          expect(known.join(" ")).toContain(word.replace(/=.*/, ""))
        }
      }
    })

    it("is not longer than a command should be", () => {
      expect(readFileSync(fileOf(name), "utf8").split("\n").length).toBeLessThanOrEqual(151)
    })
  },
)

it("every command's file is in the tree", () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  )
  const names = files.map((file) => file.replace(/\.ts$/, "").replaceAll("/", " "))
  expect(names.filter((name) => !commands.some((entry) => entry.name === name))).toEqual([])
})
