// Reads a secret by its reference: file:PATH, env:NAME or cmd:COMMAND. Its value never stands in a message, nor does the command.
import { spawn } from "node:child_process"
import { open } from "node:fs/promises"
import { resolve } from "node:path"
import process from "node:process"
import { TrailError } from "../data/errors.js"
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
  return secret === "" ? refuse(`${what(scheme, rest)} is empty`) : secret
}

const what = (scheme: string, rest: string): string =>
  scheme === "file" ? rest : scheme === "env" ? `the variable ${rest}` : "what the command of cmd: printed"

async function fromFile(path: string): Promise<string> {
  try {
    const file = await open(path, "r")
    try {
      const stats = await file.stat()
      const { mode, uid } = stats
      if (stats.isDirectory()) refuse(`${path} is a folder`)
      // Windows has neither.
      const own = process.getuid?.()
      if (own !== undefined && uid !== own) {
        refuse(`${path} belongs to another user, who could read and change it`, `chown $(id -un) ${path}`)
      }
      if (own !== undefined && (mode & 0o077) !== 0) {
        refuse(`${path} can be read or written by others`, `chmod 600 ${path}`)
      }
      // A pipe comes in pieces.
      const bytes = Buffer.alloc(largest + 1)
      let size = 0
      for (let read = 1; read > 0 && size < bytes.length; size += read) {
        read = (await file.read(bytes, size)).bytesRead
      }
      return size > largest ? refuse(`${path} is too large for a key`) : bytes.toString("utf8", 0, size)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof TrailError || !(error instanceof Error) || !("code" in error)) throw error
    const problem =
      error.code === "ENOENT" ? "no such file" : error.code === "EACCES" ? "permission denied" : error.code
    return refuse(`cannot read ${path}: ${problem}`)
  }
}

function fromEnvironment(name: string, env: Io["env"]): string {
  return env[name] ?? refuse(`the variable ${name} is not set`)
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
    child.on("error", () => fail(failure("the command of cmd: could not be run")))
    child.on("close", (code, killed) => {
      if (size > largest) fail(failure("what the command of cmd: printed is too large for a key"))
      else if (code === 0) done(Buffer.concat(parts).toString("utf8"))
      else fail(failure(`the command of cmd: ended with ${code === null ? killed : `exit code ${code}`}`))
    })
  })
}

const failure = (message: string, hint?: string): TrailError => new TrailError("config", message, { hint })

function refuse(message: string, hint?: string): never {
  throw failure(message, hint)
}
