// The files under packaging/ cannot go stale: the units say only what systemd knows, and their command lines are pgtrail's.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { plain } from "../../src/cli/color.js"
import { commands } from "../../src/cli/commands.js"
import { parse } from "../../src/cli/parse.js"
import { knownToSystemd, typed } from "./systemd.js"

const root = join(import.meta.dirname, "..", "..")
const folder = join(root, "packaging")
const read = (name: string): string => readFileSync(join(folder, name), "utf8")

const units = readdirSync(folder).filter((name) => /\.(service|timer)$/.test(name))

describe.each(units)("%s", (name) => {
  const lines = read(name).split("\n")

  test("says only what systemd knows, each thing in its section", () => {
    let section = ""
    for (const line of lines.filter((text) => text !== "" && !text.startsWith("#"))) {
      const [, opened] = /^\[(\w+)\]$/.exec(line) ?? []
      if (opened !== undefined) section = opened
      else expect(knownToSystemd[section]).toContain(line.split("=", 1)[0])
    }
    expect(section).not.toBe("")
  })

  test.runIf(name.endsWith(".service"))("runs a line that pgtrail understands", async () => {
    const starts = lines.filter((line) => line.startsWith("ExecStart="))
    expect(starts).toHaveLength(1)
    const [program, ...argv] = typed(starts[0]?.slice("ExecStart=".length) ?? "")
    expect(program).toBe("/usr/local/bin/pgtrail")
    expect(await parse(argv, commands, plain)).toMatchObject({ name: expect.any(String) })
  })
})

test("each timer has its service", () => {
  expect(units.length).toBeGreaterThan(3)
  for (const timer of units.filter((name) => name.endsWith(".timer"))) {
    expect(units).toContain(timer.replace(".timer", ".service"))
  }
})

test("the commands of its README are pgtrail's, and it names every file", async () => {
  const text = read("README.md")
  const lines = [...text.matchAll(/^ {4}(?:podman run .* pgtrail|pgtrail) (.*)$/gm)].map(
    ([, line = ""]) => line,
  )
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) {
    expect(await parse(line.split(" "), commands, plain)).toMatchObject({ name: expect.any(String) })
  }
  for (const unit of units) expect(text).toContain(unit.replace(/\.\w+$/, ""))
})

test("the image has the package as npm publishes it, and is not root", () => {
  const file = read("Containerfile")
  expect(file).toMatch(/^USER 65532:65532$/m)
  expect(file).toContain("npm pack --ignore-scripts")
  const [, major] = /^FROM docker\.io\/library\/node:(\d+)-/m.exec(file) ?? []
  expect(Number(major)).toBeGreaterThanOrEqual(20)
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  expect(scripts.prepare).toContain("build.mjs")
})
