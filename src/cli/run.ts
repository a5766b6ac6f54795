// Runs one command line in process; the result is the exit code. The plain help is answered here, all else by program.ts.
import { styleFor } from "./color.js"
import { commands, type Entry } from "./commands.js"
import type { ExitCode } from "./exit.js"
import { explain } from "./failure.js"
import { rootHelp } from "./help.js"
import type { Io } from "./io.js"
import { createMessages } from "./messages.js"
import { createOutput } from "./output.js"

export async function run(argv: readonly string[], io: Io, tree?: readonly Entry[]): Promise<ExitCode> {
  const typed = argv.filter((word) => word !== "--no-color").join(" ")
  if (!["--help", "-h", "help"].includes(typed)) {
    // In the package this is a file of its own (scripts/build.mjs): the help needs neither a parser nor a database.
    const { runCommand } = await import("./program.js")
    return runCommand(argv, io, tree)
  }
  const signal = io.signal ?? new AbortController().signal
  try {
    const output = createOutput(io.stdout)
    await output.put(rootHelp(tree ?? commands, styleFor(io, io.stdoutIsTTY, typed === argv.join(" "))))
    await output.flush()
    return 0
  } catch (error) {
    const messages = createMessages(io, { json: false, quiet: false, secrets: [] })
    return explain(error, { messages, verbose: false, signal, help: "pgtrail --help" })
  }
}
