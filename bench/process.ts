// Runs programs and measures them: wall time from start to end, and the most memory they held.
import { spawn, spawnSync } from "node:child_process"
import { open, readFile } from "node:fs/promises"
import process from "node:process"
import { fileURLToPath } from "node:url"

export interface Run {
  readonly seconds: number
  /** Most resident memory at once, in MB; undefined where /proc does not tell. */
  readonly peak: number | undefined
  readonly stdout: string
}

export interface RunOptions {
  /** A file to read from. */
  readonly stdin?: string
  /** Collects what the program prints; otherwise it goes to /dev/null. */
  readonly output?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Exit codes that are an answer and no failure. Default 0 alone. */
  readonly accept?: readonly number[]
}

const pollMs = 25

/** The built command line, beside the bundle of this program. */
export const pgtrail = fileURLToPath(new URL("../bin/pgtrail.js", import.meta.url))

/** Throws when the program is missing or ends with another code than those accepted. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const stdin = options.stdin === undefined ? undefined : await open(options.stdin)
  try {
    const started = process.hrtime.bigint()
    const child = spawn(command, args, {
      stdio: [stdin?.fd ?? "ignore", options.output === true ? "pipe" : "ignore", "pipe"],
      env: { ...process.env, ...options.env },
    })
    let stdout = ""
    let stderr = ""
    child.stdout?.on("data", (chunk) => {
      stdout += chunk
    })
    child.stderr?.on("data", (chunk) => {
      stderr += chunk
    })
    let peak: number | undefined
    // The kernel keeps the high-water mark itself: the last look before the end is near enough.
    const look = setInterval(async () => {
      peak = (child.pid === undefined ? undefined : await highWater(child.pid)) ?? peak
    }, pollMs)
    const ended = await new Promise<{ code: number | null; at: bigint }>((resolve, reject) => {
      let at = 0n
      child.once("error", reject)
      child.once("exit", () => {
        at = process.hrtime.bigint()
      })
      child.once("close", (code) => resolve({ code, at }))
    }).finally(() => clearInterval(look))
    if (ended.code === null || !(options.accept ?? [0]).includes(ended.code)) {
      throw new Error(`${command} ${args.join(" ")} ended with ${ended.code}: ${stderr.trim()}`)
    }
    return { seconds: Number(ended.at - started) / 1e9, peak, stdout }
  } finally {
    await stdin?.close()
  }
}

async function highWater(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "")
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
}

/** Whether a program of PostgreSQL is installed here, and which. */
export function version(command: string): string | undefined {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" })
  return status === 0 ? stdout.trim() : undefined
}
