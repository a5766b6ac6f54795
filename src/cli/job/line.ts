// The command lines of a job, and what is missing in the configuration for one of them: asked of the commands themselves.
import { join } from "node:path"
import { TrailError } from "../../data/errors.js"
import type { Job } from "../../data/job/jobs.js"
import { pathOf, readLocation } from "../../data/store/location.js"
import { plain } from "../color.js"
import type { Values } from "../command.js"
import { commands } from "../commands.js"
import { configure } from "../config/index.js"
import { variableOf } from "../config/items.js"
import { parse } from "../parse.js"
import type { Session } from "../session.js"
import type { JobSettings } from "./settings.js"

/** Neither a password nor a URL ever stands in one: a process list shows it to everybody. */
export function linesOf(
  { name, lines }: Job,
  { folder }: Pick<JobSettings, "folder">,
  now: Date,
): readonly (readonly string[])[] {
  if (name !== "checkpoint" || folder === undefined) return lines
  const at = now
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "")
  return lines.map((line) => [...line, "--out", join(folder, `${at}.checkpoint`)])
}

/** What the jobs need of the machine, for those who run them shut in. */
export interface Files {
  /** What they write into, absolute. */
  readonly folders: readonly string[]
  /** Private keys that lie in files, and the variable of each. */
  readonly keys: readonly { readonly variable: string; readonly path: string }[]
}

/** Of jobs that lack nothing in the configuration. */
export async function filesOf(
  jobs: readonly Job[],
  settings: JobSettings,
  session: Pick<Session, "io" | "typed" | "path">,
): Promise<Files> {
  const folders: string[] = []
  const keys: Files["keys"][number][] = []
  for (const job of jobs) {
    if (job.name === "checkpoint" && settings.folder !== undefined)
      folders.push(session.path(settings.folder))
    for (const line of linesOf(job, settings, new Date())) {
      const { name, options } = await configured(line, session)
      if (typeof options.to === "string") {
        const location = readLocation(options.to, session.io.cwd)
        if (location.startsWith("file:")) folders.push(pathOf(location))
      }
      const [, path] = /^file:(.+)$/s.exec(typeof options.key === "string" ? options.key : "") ?? []
      if (path !== undefined)
        keys.push({ variable: variableOf([...name.split(" "), "key"]), path: session.path(path) })
    }
  }
  return { folders: [...new Set(folders)], keys }
}

/** A job's command with what is configured for it. */
async function configured(
  line: readonly string[],
  session: Pick<Session, "io" | "typed">,
): Promise<{ readonly name: string; readonly options: Values }> {
  const invocation = await parse(line, commands, plain)
  if ("help" in invocation) throw new Error(`a job is no command: ${line.join(" ")}`)
  const common = { ...invocation.common, config: session.typed.config }
  const { options } = await configure({ ...invocation, common }, session.io, commands)
  return { name: invocation.name, options }
}

/** Keys of pgtrail.json without which the job cannot run; empty where it can. */
export async function missingFor(
  job: Job,
  settings: JobSettings,
  session: Pick<Session, "io" | "typed">,
): Promise<readonly string[]> {
  const missing: string[] = []
  if (job.name === "checkpoint" && settings.folder === undefined) missing.push("job.checkpoint.folder")
  for (const line of linesOf(job, { folder: settings.folder ?? "folder" }, new Date())) {
    const invocation = await parse(line, commands, plain)
    if ("help" in invocation) throw new Error(`the job ${job.name} is no command: ${line.join(" ")}`)
    const common = { ...invocation.common, config: session.typed.config }
    try {
      await configure({ ...invocation, common }, session.io, commands)
    } catch (error) {
      const [, option] =
        error instanceof TrailError ? (/^--([\w-]+) is required$/.exec(error.message) ?? []) : []
      if (option === undefined) throw error
      missing.push([...invocation.name.split(" "), option].join("."))
    }
  }
  return missing
}
