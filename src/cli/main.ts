// Connects the command line to the process: streams, signals and the exit code.
import process from "node:process"
import { isatty } from "node:tty"
import type { ExitCode } from "./exit.js"
import { knownSecrets, redact } from "./redact.js"
import { run } from "./run.js"

export async function main(): Promise<void> {
  const { stdout, env } = process
  const controller = new AbortController()
  // Should the event loop run dry before the run has ended, that is a bug, and must never look like "done".
  process.exitCode = 70
  const stop = (signal: "SIGINT" | "SIGTERM"): void => {
    process.exitCode = code(signal)
    controller.abort(signal)
  }
  // A terminal that is closed means the same as SIGTERM: what is begun is cleaned up. Node itself has undone whatever nohup did.
  for (const heard of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const signal = heard === "SIGHUP" ? "SIGTERM" : heard
    process.on(heard, () => {
      // The second time somebody means it.
      if (controller.signal.aborted) process.exit(code(signal))
      stop(signal)
    })
  }
  if (process.connected) {
    // A job's command: where `pgtrail job run` was killed its lock is free, and another run may begin beside this one.
    process.once("disconnect", () => stop("SIGTERM"))
    process.channel?.unref()
  }
  // Node would print a stack and exit with 1, which means "found something". Nothing can be trusted any more: leave.
  process.on("uncaughtException", (error) => {
    quietly(process.stderr).write(
      `pgtrail: error: this is a bug in pgtrail: ${redact(String(error), knownSecrets(env, process.argv))}\n`,
    )
    process.exit(70)
  })
  // The output's own listener explains what happened; without one here, an error between two commands would throw.
  stdout.on("error", () => {})

  process.exitCode = await run(process.argv.slice(2), {
    // Node makes each of these streams when it is first named, which takes longer than most of what pgtrail does.
    get stdin() {
      return process.stdin
    },
    stdout,
    get stderr() {
      return quietly(process.stderr)
    },
    stdinIsTTY: isatty(0),
    stdoutIsTTY: isatty(1),
    stderrIsTTY: isatty(2),
    columns: stdout.columns,
    env,
    cwd: folder(),
    program: [process.execPath, ...process.execArgv, process.argv[1] ?? ""],
    signal: controller.signal,
  })
  // A connection that a stopped command left behind would keep the process for ever.
  if (controller.signal.aborted) setTimeout(() => process.exit(), 1_000).unref()
}

/** A folder that was removed meanwhile has no name: nothing is found or written there, and what is absolute works all the same. */
function folder(): string {
  try {
    return process.cwd()
  } catch {
    return "/dev/null"
  }
}

const unheard = (): void => {}

/** Nobody can be told that stderr is gone, and what the command found still decides the exit code. */
function quietly(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  // One of its own: that of somebody who pipes into the stream leaves with him.
  if (!stream.listeners("error").includes(unheard)) stream.on("error", unheard)
  return stream
}

function code(signal: "SIGINT" | "SIGTERM"): ExitCode {
  return signal === "SIGTERM" ? 143 : 130
}
