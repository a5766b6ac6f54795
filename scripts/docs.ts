// Writes what is made from the definitions: the help of every command in README.md, between <!-- commands --> and <!-- /commands -->,
// docs/commands.md, the man page and pgtrail.schema.json; --check only compares.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { Readable, Writable } from "node:stream"
import { commands } from "../src/cli/commands.js"
import { loadAll } from "../src/cli/config/items.js"
import { jsonSchema } from "../src/cli/config/schema.js"
import { run } from "../src/cli/run.js"
import { manPage } from "./man.js"
import { reference } from "./reference.js"

const begin = "<!-- commands -->"
const end = "<!-- /commands -->"

async function help(name: string): Promise<string> {
  let text = ""
  const stdout = new Writable({
    write(part, _, done) {
      text += part
      done()
    },
  })
  const exit = await run(
    [...name.split(" "), "--help"].filter((word) => word !== ""),
    {
      stdin: Readable.from([]),
      stdout,
      stderr: process.stderr,
      stdinIsTTY: false,
      stdoutIsTTY: false,
      stderrIsTTY: false,
      env: {},
      cwd: process.cwd(),
    },
  )
  if (exit !== 0) throw new Error(`pgtrail ${name} --help ended with ${exit}`)
  return text
}

/** The common options stand once, in the help of pgtrail itself. */
function withoutCommon(text: string): string {
  return text.replace(/Common options\n(?: .*\n)+\n/, "")
}

async function section(): Promise<string> {
  const parts = [`\`\`\`text\n${await help("")}\`\`\``]
  for (const { name } of commands) {
    parts.push(`### pgtrail ${name}\n\n\`\`\`text\n${withoutCommon(await help(name))}\`\`\``)
  }
  return parts.join("\n\n")
}

const file = join(process.cwd(), "README.md")
const readme = readFileSync(file, "utf8")
const [before, rest] = readme.split(begin)
const after = rest?.split(end)[1]
if (before === undefined || after === undefined) throw new Error(`README.md lacks ${begin} or ${end}`)
const described = await Promise.all(
  commands.map(async (entry) => ({ entry, command: (await entry.load()).default })),
)
const files = {
  "README.md": `${before}${begin}\n\n${await section()}\n\n${end}${after}`,
  "docs/commands.md": reference(described),
  "man/pgtrail.1": manPage(described),
  "pgtrail.schema.json": jsonSchema(await loadAll(commands)),
}
for (const [name, fresh] of Object.entries(files)) {
  const path = join(process.cwd(), name)
  if (existsSync(path) && readFileSync(path, "utf8") === fresh) continue
  if (!process.argv.includes("--check")) writeFileSync(path, fresh)
  else {
    process.stderr.write(`${name} is stale: npm run docs\n`)
    process.exitCode = 1
  }
}
