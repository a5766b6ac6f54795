// Finds the configuration file and refuses one that somebody else could have written: commands in it are run (cmd:).
import { constants } from "node:fs"
import { access, type FileHandle, open } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import process from "node:process"
import { TrailError } from "../../data/errors.js"
import type { Io } from "../io.js"

export interface ConfigurationFile {
  /** As people know it. */
  readonly shown: string
  /** Relative files in it are meant from here. */
  readonly folder: string
  readonly text: string
  /** False: it merely lies where one stands, perhaps in a folder that somebody else has filled. */
  readonly trusted: boolean
}

/** Far more than any configuration. */
const largest = 1_048_576

/** --config, PGTRAIL_CONFIG, ./pgtrail.json, /etc/pgtrail.json: the first that exists. A named one must. */
export async function findFile(
  typed: string | undefined,
  { env, cwd }: Pick<Io, "env" | "cwd">,
  system = "/etc/pgtrail.json",
): Promise<ConfigurationFile | undefined> {
  const variable = env.PGTRAIL_CONFIG
  if (typed !== undefined) return (await read(typed, cwd, true)) ?? absent(typed, "--config")
  if (variable !== undefined && variable !== "") {
    return (await read(variable, cwd, true)) ?? absent(variable, "PGTRAIL_CONFIG")
  }
  return (await read("pgtrail.json", cwd, false)) ?? (await read(system, cwd, true))
}

function absent(name: string, source: string): never {
  throw new TrailError("config", `there is no configuration file ${name} (${source})`, {
    hint: "name one that exists, or leave it out",
  })
}

/** Undefined where there is none. */
async function read(shown: string, cwd: string, trusted: boolean): Promise<ConfigurationFile | undefined> {
  const path = resolve(cwd, shown)
  let file: FileHandle
  try {
    // Without O_NONBLOCK a pipe of that name would wait for ever.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : ""
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    // Who stands in a folder that is closed to him has no configuration there.
    if (code === "EACCES" && !(await isOpen(dirname(path)))) return undefined
    const why = code === "EACCES" ? "permission denied" : code
    throw new TrailError("config", `cannot read the configuration file ${shown}: ${why}`)
  }
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) throw new TrailError("config", `the configuration file ${shown} is a folder`)
    if (!stats.isFile()) throw new TrailError("config", `the configuration file ${shown} is not a file`)
    if (stats.size > largest) throw new TrailError("config", `the configuration file ${shown} is too large`)
    refuseForeign(shown, stats)
    const bytes = await file.readFile()
    return { shown, folder: dirname(path), trusted, text: bytes.toString("utf8").replace(/^\ufeff/, "") }
  } finally {
    await file.close()
  }
}

async function isOpen(folder: string): Promise<boolean> {
  return access(folder, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function refuseForeign(shown: string, { uid, mode }: { uid: number; mode: number }): void {
  // Windows has neither owners nor modes.
  const own = process.getuid?.()
  if (own === undefined) return
  if (uid !== own && uid !== 0) {
    throw new TrailError(
      "config",
      `the configuration file ${shown} belongs to another user, whose commands it could run`,
      {
        hint: `name your own with --config; or read it, and if all of it is yours: chown $(id -un) ${shown}`,
      },
    )
  }
  if ((mode & 0o022) !== 0) {
    throw new TrailError(
      "config",
      `the configuration file ${shown} can be written by others, whose commands it could run`,
      {
        hint: `chmod go-w ${shown}`,
      },
    )
  }
}
