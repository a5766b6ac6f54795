// Parses a command line, and runs the command; prints a help where that was asked for, and explains what cannot be understood.
import { stripVTControlCharacters } from "node:util"
import { styleFor } from "./color.js"
import { commands, type Entry } from "./commands.js"
import type { ExitCode } from "./exit.js"
import { explain } from "./failure.js"
import type { Io } from "./io.js"
import { createMessages } from "./messages.js"
import { createOutput } from "./output.js"
import { type Invocation, parse } from "./parse.js"
import { perform } from "./perform.js"
import { knownSecrets } from "./redact.js"

export async function runCommand(
  argv: readonly string[],
  io: Io,
  tree: readonly Entry[] = commands,
): Promise<ExitCode> {
  const early = beforeParsing(argv)
  const signal = io.signal ?? new AbortController().signal
  const secrets = knownSecrets(io.env, argv)
  const messages = createMessages(io, { json: early.json, quiet: false, secrets })
  let invocation: Invocation
  try {
    const parsed = await parse(argv, tree, styleFor(io, io.stdoutIsTTY, early.color))
    if ("help" in parsed) {
      if (parsed.exit === 2) io.stderr.write(stripVTControlCharacters(parsed.help))
      else await print(io, parsed.help)
      return parsed.exit
    }
    invocation = parsed
  } catch (error) {
    return explain(error, { messages, verbose: early.verbose, signal, help: "pgtrail --help" })
  }
  return perform(invocation, { io, argv, signal, secrets, tree })
}

async function print(io: Io, text: string): Promise<void> {
  const output = createOutput(io.stdout)
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
