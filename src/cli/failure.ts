// Turns whatever was thrown into a message and an exit code.
import { TrailError } from "../data/errors.js"
import { type ExitCode, exitCodeOf } from "./exit.js"
import type { Messages } from "./messages.js"
import { ReaderGone } from "./output.js"

interface Circumstances {
  readonly messages: Messages
  readonly verbose: boolean
  readonly signal: AbortSignal
  /** The help to read when a line was wrong. */
  readonly help: string
  /** What the help says of the command: also which role it needs. */
  readonly description?: string | undefined
}

export function explain(
  error: unknown,
  { messages, verbose, signal, help, description = "" }: Circumstances,
): ExitCode {
  if (error instanceof ReaderGone) return 0
  const known = error instanceof TrailError ? error : fileError(error)
  if (signal.aborted) {
    // Whoever pressed Ctrl-C knows it; a hint says how to go on.
    if (known?.hint !== undefined && known.code !== "connection-lost") messages.error(known)
    return stopped(signal)
  }
  if (known === undefined) {
    const message = error instanceof Error ? error.message : String(error)
    const hint = verbose ? undefined : "run it again with --verbose to see where, and report it"
    messages.error({ code: "bug", message: `this is a bug in pgtrail: ${message.split("\n", 1)}`, hint })
    if (verbose && error instanceof Error) messages.print(error.stack ?? "")
    return 70
  }
  const hint = rightOf(known, description) ?? known.hint ?? (known.code === "usage" ? help : undefined)
  messages.error({ code: known.code, message: known.message, hint })
  if (verbose && known.sqlstate !== undefined) messages.print(`SQLSTATE ${known.sqlstate}`)
  return exitCodeOf(known.code)
}

/** Whoever has no right at all is told the one that this command needs: the server does not know what was wanted. */
function rightOf({ message }: TrailError, description: string): string | undefined {
  const [, needs] = /Needs the (roles? pgtrail_[^.;]*)/.exec(description) ?? []
  if (needs === undefined || !message.endsWith("permission denied for schema pgtrail")) return undefined
  const named = [...needs.matchAll(/pgtrail_(\w+)/g)].map(([, right]) => `pgtrail grant ${right} ROLE`)
  const grants = needs.startsWith("roles") ? named : named.slice(0, 1)
  return `nothing was done; this command needs the ${needs}: ${grants.join("; ")}`
}

const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
  EROFS: "the file system is read-only",
  EMFILE: "too many open files",
  ENOSPC: "no space left",
}

/** A file that a user named is no bug, even where a command lets Node's own error pass. */
function fileError(error: unknown): TrailError | undefined {
  if (!(error instanceof Error) || !("path" in error) || !("code" in error)) return undefined
  const problem = fileProblems[String(error.code)] ?? String(error.code)
  const code = error.code === "ENOSPC" ? "disk-full" : "file"
  return new TrailError(code, `cannot use ${String(error.path)}: ${problem}`)
}

export function stopped(signal: AbortSignal): ExitCode {
  return signal.reason === "SIGTERM" ? 143 : 130
}
