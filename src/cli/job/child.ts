// Runs a command line of this very program in a process of its own, which nothing that happens to this one's memory can harm.
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import process from "node:process"
import type { Session } from "../session.js"
import { exitOfSignal, Head, Tail } from "./process.js"

export interface Ended {
  /** Of a process that was killed: 128 and the signal's number, as a shell has it. */
  readonly exit: number
  /** The last of what it said. */
  readonly stdout: string
  readonly stderr: string
  /** The first of its answer: what it came to. */
  readonly heading: string
}

/** What tells the child where the log is: the environment, which only this user can read. */
export function childEnvironment({ io, typed }: Pick<Session, "io" | "typed">): NodeJS.ProcessEnv {
  const env = { ...io.env }
  if (typed.url !== undefined) {
    env.PGTRAIL_URL = typed.url
    // It is that of another URL.
    delete env.PGTRAIL_PASSWORD
  }
  if (typed.config !== undefined) env.PGTRAIL_CONFIG = resolve(io.cwd, typed.config)
  return env
}

/** Told SIGTERM when the signal is aborted, and waited for; killed when this process ends before it. */
export function runChild(
  line: readonly string[],
  session: Pick<Session, "io" | "typed" | "signal">,
): Promise<Ended> {
  const { io, signal } = session
  const [node, ...script] = io.program ?? []
  if (node === undefined) throw new Error("it is not known how this program was started")
  return new Promise((done) => {
    const child = spawn(node, [...script, ...line, "--format", "table", "--no-color"], {
      cwd: io.cwd,
      env: childEnvironment(session),
      // By the last of them it hears when this process is no more, and ends as well.
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // A terminal's Ctrl-C goes to a whole group: the child would hear it twice, which means "at once".
      detached: true,
    })
    const said = { stdout: new Tail(), stderr: new Tail() }
    const heading = new Head()
    child.stdout?.on("data", (part: Buffer) => {
      said.stdout.add(part)
      heading.add(part)
    })
    child.stderr?.on("data", (part: Buffer) => said.stderr.add(part))
    const stop = (): void => {
      child.kill("SIGTERM")
    }
    const kill = (): void => {
      child.kill("SIGKILL")
    }
    const end = (exit: number, more = ""): void => {
      signal.removeEventListener("abort", stop)
      process.removeListener("exit", kill)
      done({
        exit,
        stdout: said.stdout.text(),
        stderr: `${said.stderr.text()}${more}`,
        heading: heading.text(),
      })
    }
    signal.addEventListener("abort", stop, { once: true })
    // The second signal ends this process by itself, without a word to anybody.
    process.on("exit", kill)
    child.on("error", (error) => end(3, `it cannot be run: ${error.message}\n`))
    child.on("close", (code, killed) => end(code ?? exitOfSignal(killed)))
    if (signal.aborted) stop()
  })
}
