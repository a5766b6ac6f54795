// The streams and surroundings of one run, so that the whole command line also runs in process, in tests.
import type { Readable, Writable } from "node:stream"

export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly stdinIsTTY: boolean
  readonly stdoutIsTTY: boolean
  readonly stderrIsTTY: boolean
  /** Width of the terminal, where stdout is one. */
  readonly columns?: number | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** What starts this very program: Node, its options and the script. Missing in process. */
  readonly program?: readonly string[]
  /** Aborted with "SIGINT" or "SIGTERM" as its reason. */
  readonly signal?: AbortSignal
}
