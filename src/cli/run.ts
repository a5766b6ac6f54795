// Runs one command line in process: the help is answered here, a command by perform.ts; the result is the exit code.
import { stripVTControlCharacters } from "node:util"
import { type Style, styleFor } from "./color.js"
import { commands, type Entry } from "./commands.js"
import type { ExitCode } from "./exit.js"
import { explain } from "./failure.js"
import { rootHelp } from "./help.js"
import type { Io } from "./io.js"
import { createMessages } from "./messages.js"
import { createOutput, type Output } from "./output.js"
import type { Help, Invocation } from "./parse.js"
import { knownSecrets } from "./redact.js"

export async function run(
  argv: readonly string[],
  io: Io,
  tree: readonly Entry[] = commands,
): Promise<ExitCode> {
  const early = beforeParsing(argv)
  const signal = io.signal ?? new AbortController().signal
  const secrets = knownSecrets(io.env, argv)
  const output = createOutput(io.stdout)
  const messages = createMessages(io, { json: early.json, quiet: false, secrets })
  let invocation: Invocation
  try {
    const style = styleFor(io, io.stdoutIsTTY, early.color)
    const parsed = await whole(argv, tree, style)
    if ("help" in parsed) {
      if (parsed.exit === 2) io.stderr.write(stripVTControlCharacters(parsed.help))
      else await print(output, parsed.help)
      return parsed.exit
    }
    invocation = parsed
  } catch (error) {
    return explain(error, { messages, verbose: early.verbose, signal, help: "pgtrail --help" })
  }
  const { perform } = await import("./perform.js")
  return perform(invocation, { io, signal, secrets })
}

/** The plain `pgtrail --help` needs no parser, and commander takes longer to load than all the rest. */
async function whole(
  argv: readonly string[],
  tree: readonly Entry[],
  style: Style,
): Promise<Invocation | Help> {
  const typed = argv.filter((word) => word !== "--no-color").join(" ")
  if (["--help", "-h", "help"].includes(typed)) return { help: rootHelp(tree, style), exit: 0 }
  const { parse } = await import("./parse.js")
  return parse(argv, tree, style)
}

async function print(output: Output, text: string): Promise<void> {
  await output.put(text)
  await output.flush()
}

/** How to print what goes wrong while nothing is parsed yet. */
function beforeParsing(argv: readonly string[]): { json: boolean; color: boolean; verbose: boolean } {
  const end = argv.indexOf("--")
  const options = end === -1 ? argv : argv.slice(0, end)
  const json = /^--(json|format=(nd)?json)$|^--format (nd)?json$/
  return {
    json: options.some((option, at) => json.test(option) || json.test(`${option} ${options[at + 1] ?? ""}`)),
    color: !options.includes("--no-color"),
    verbose: options.includes("--verbose"),
  }
}
