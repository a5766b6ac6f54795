// Tells somebody of a job that failed: --on-failure COMMAND, with what happened in its environment and on its stdin.
import { spawn } from "node:child_process"
import process from "node:process"
import type { Io } from "../io.js"
import { exitOfSignal, Tail } from "./process.js"

export interface FailedJob {
  readonly job: string
  readonly exit: number
  /** Empty where it was not begun. */
  readonly run: string
  readonly messages: string
}

/** Undefined where it ended well, else what went wrong with it; the command itself is not named, which may hold a token. */
export function tellFailure(
  command: string,
  { job, exit, run, messages }: FailedJob,
  { env, cwd }: Pick<Io, "env" | "cwd">,
  limit = 60_000,
): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn("/bin/sh", ["-c", command], {
      cwd,
      env: { ...env, PGTRAIL_JOB: job, PGTRAIL_EXIT_CODE: String(exit), PGTRAIL_RUN: run },
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own, so that what it has started ends with it.
      detached: true,
    })
    const said = new Tail()
    let isLate = false
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
      } catch {
        // It has ended meanwhile.
      }
    }
    const clock = setTimeout(() => {
      isLate = true
      kill()
    }, limit)
    process.on("exit", kill)
    const end = (problem: string | undefined): void => {
      clearTimeout(clock)
      process.removeListener("exit", kill)
      // Something that it left in the background may hold them open for ever.
      for (const stream of child.stdio) stream?.destroy()
      const last = said.text().trim().split("\n").slice(-3).join("\n")
      const tail = last === "" ? "" : `: ${last}`
      done(problem === undefined ? undefined : `the command of --on-failure ${problem}${tail}`)
    }
    child.stdout.on("data", (part: Buffer) => said.add(part))
    child.stderr.on("data", (part: Buffer) => said.add(part))
    // It need not read what it is told.
    child.stdin.on("error", () => undefined)
    child.stdin.end(messages)
    child.on("error", (error) => end(`could not be run: ${error.message}`))
    child.on("exit", (code, killed) => {
      if (isLate) end(`took longer than ${limit / 1000} s, and was killed`)
      else if (code === 0) end(undefined)
      else end(`ended with exit code ${code ?? exitOfSignal(killed)}`)
    })
  })
}
