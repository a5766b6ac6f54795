// Streams for running the command line in process.
import { Readable, Writable } from "node:stream"
import type { Entry } from "../../src/cli/commands.js"
import type { Io } from "../../src/cli/io.js"
import { run } from "../../src/cli/run.js"

export interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order in which they were written. */
  readonly both: string
}

export type Around = Partial<Omit<Io, "stdin" | "stderr">> & { readonly input?: string | undefined }

export async function runInProcess(
  argv: readonly string[],
  around: Around = {},
  tree?: readonly Entry[],
): Promise<Ran> {
  const said = { stdout: "", stderr: "", both: "" }
  const sink = (name: "stdout" | "stderr"): Writable =>
    new Writable({
      decodeStrings: false,
      write(text: string | Buffer, _, done) {
        said[name] += text
        said.both += text
        done()
      },
    })
  const { input = "", ...rest } = around
  const io: Io = {
    stdin: Readable.from(input === "" ? [] : [Buffer.from(input)]),
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    stdinIsTTY: false,
    stdoutIsTTY: false,
    stderrIsTTY: false,
    env: {},
    cwd: import.meta.dirname,
    ...rest,
  }
  const exit = await run(argv, io, tree)
  return { exit, ...said }
}
