// Reads a secret by its reference: file:PATH, env:NAME or cmd:COMMAND. Its value never stands in a message, nor does the command.
import { spawn } from "node:child_process"
import { open } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import process from "node:process"
import { TrailError } from "../data/errors.js"
import { shellWord } from "../data/shell-word.js"
import type { Io } from "./io.js"

type Surroundings = Pick<Io, "cwd" | "env" | "stderr" | "signal">

/** Far more than a key or a password. */
const largest = 65_536

/** The secret without line ends behind it. Throws TrailError `config`, exit code 2, where it cannot be had. */
export async function readSecret(reference: string, io: Surroundings): Promise<string> {
  const [, scheme = "", rest = ""] = /^(file|env|cmd):(.+)$/s.exec(reference) ?? []
  if (scheme === "") {
    // Whatever was typed instead may be the secret itself.
    refuse(
      "a key or password is given by reference, never by itself",
      "use file:PATH, env:NAME or cmd:COMMAND",
    )
  }
  const text =
    scheme === "file"
      ? await fromFile(resolve(io.cwd, rest))
      : scheme === "env"
        ? fromEnvironment(rest, io.env)
        : await fromCommand(rest, io)
  const secret = text.replace(/[\r\n]+$/, "")
  return secret === "" ? refuse(`${what(scheme, rest)} is empty`, `${next[scheme]} the key itself`) : secret
}

const next: Readonly<Record<string, string>> = {
  file: "name the file that has",
  env: "set it for this run: it is to be",
  cmd: "run the command by itself: it is to print",
}

const what = (scheme: string, rest: string): string =>
  scheme === "file" ? rest : scheme === "env" ? `the variable ${rest}` : "what the command of cmd: printed"

async function fromFile(path: string): Promise<string> {
  try {
    const file = await open(path, "r")
    try {
      const stats = await file.stat()
      const { mode, uid } = stats
      if (stats.isDirectory()) refuse(`${path} is a folder`, `name the file in it: ls -la ${shellWord(path)}`)
      // Windows has neither.
      const own = process.getuid?.()
      if (own !== undefined && uid !== own) {
        refuse(
          `${path} belongs to another user, who could read and change it`,
          `chown $(id -un) ${shellWord(path)}`,
        )
      }
      if (own !== undefined && (mode & 0o077) !== 0) {
        refuse(`${path} can be read or written by others`, `chmod 600 ${shellWord(path)}`)
      }
      // A pipe comes in pieces.
      const bytes = Buffer.alloc(largest + 1)
      let size = 0
      for (let read = 1; read > 0 && size < bytes.length; size += read) {
        read = (await file.read(bytes, size)).bytesRead
      }
      return size > largest
        ? refuse(`${path} is too large for a key`, "name the file that has the key alone")
        : bytes.toString("utf8", 0, size)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof TrailError || !(error instanceof Error) || !("code" in error)) throw error
    const [problem, hint] = problems[String(error.code)] ?? [error.code, see]
    return refuse(`cannot read ${path}: ${problem}`, hint(path))
  }
}

const see = (path: string): string => `see what is there: ls -la ${shellWord(dirname(path))}`
const problems: Readonly<Record<string, readonly [problem: string, hint: (path: string) => string]>> = {
  ENOENT: ["no such file", see],
  ENOTDIR: ["a part of the path is no folder", see],
  EACCES: ["permission denied", (path) => `the user of this run must be able to: ls -la ${shellWord(path)}`],
}

function fromEnvironment(name: string, env: Io["env"]): string {
  return (
    env[name] ??
    refuse(`the variable ${name} is not set`, "set and export it for this run; sudo and cron pass on few")
  )
}

function fromCommand(command: string, { cwd, env, stderr, signal }: Surroundings): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn("/bin/sh", ["-c", command], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    })
    const parts: Buffer[] = []
    let size = 0
    child.stdout.on("data", (part: Buffer) => {
      size += part.length
      if (size > largest) child.kill()
      else parts.push(part)
    })
    child.stderr.pipe(stderr, { end: false })
    child.on("error", () => fail(failure("the command of cmd: could not be run", alone)))
    child.on("close", (code, killed) => {
      if (size > largest) fail(failure("what the command of cmd: printed is too large for a key", alone))
      else if (code === 0) done(Buffer.concat(parts).toString("utf8"))
      else
        fail(failure(`the command of cmd: ended with ${code === null ? killed : `exit code ${code}`}`, alone))
    })
  })
}

const alone =
  "run the command by itself, as the user of this run: it is to print the key alone, and to end with 0"

const failure = (message: string, hint: string): TrailError =>
  new TrailError("config", message, { hint: `nothing was done; ${hint}` })

function refuse(message: string, hint: string): never {
  throw failure(message, hint)
}
