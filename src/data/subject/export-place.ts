// Gives what was written its names: a folder of its own, or a file with its manifest beside it.
import { link, rename, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { fileError, refuseExisting } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { type StagedFolder, stageFolder } from "../export/folder.js"
import { type SubjectFormat, subjectFormats } from "./export-rows.js"

/** Where an export goes. */
export interface SubjectPlace {
  readonly format: SubjectFormat
  readonly isFolder: boolean
  /** What a file is called there. `data`: the one with the events. */
  nameOf(name: string, data: string): string
  readonly folder: StagedFolder
  /** Gives the files of these names theirs, the one with the events last. */
  place(names: readonly string[], data: string): Promise<void>
}

/**
 * By the end of its name a file has its form; a folder may end with a slash, and needs it where its name looks like a file's. Throws `usage`
 * where something lies there already.
 */
export async function subjectPlace(given: string, format: SubjectFormat | undefined): Promise<SubjectPlace> {
  const out = given.replace(/(?<=.)\/+$/s, "")
  const ending = out === given ? /\.([A-Za-z0-9]+)$/.exec(basename(out))?.[1]?.toLowerCase() : undefined
  const told = subjectFormats.find((one) => one === ending)
  if (told !== undefined && format !== undefined && told !== format) {
    throw new TrailError("usage", `the file is to be ${format}, and its name ends with .${told}`, {
      hint: "nothing was read; leave --format out, or name another file",
    })
  }
  if (told === undefined && ending !== undefined && isFileEnding(ending)) {
    await refuseExisting(out)
    // The name may be a person's: it is not repeated.
    throw new TrailError("usage", "--out ends as a file does, and not with .json, .csv or .xml", {
      hint: "nothing was read; a person is given a file with one of these endings, or a folder: write / behind it",
    })
  }
  const isFolder = told === undefined
  const nameOf = (name: string, data: string): string =>
    isFolder ? name : name === data ? basename(out) : `${basename(out)}.${name}`
  const folder = await stageFolder(out)
  return {
    format: told ?? format ?? "csv",
    isFolder,
    nameOf,
    folder,
    async place(names, data) {
      if (isFolder) return folder.place()
      const others = names.filter((name) => name !== data)
      const paths = [...others, data].map((name) => [name, join(dirname(out), nameOf(name, data))] as const)
      for (const [, path] of paths) await refuseExisting(path)
      for (const [name, path] of paths) await named(join(folder.path, name), path)
    },
  }
}

/** A year, or the number of a request, is none. */
const isFileEnding = (ending: string): boolean =>
  /^(?=.*[a-z])[a-z0-9]{1,4}$/.test(ending) || longEndings.has(ending)

const longEndings: ReadonlySet<string> = new Set(["jsonl", "ndjson", "parquet", "xhtml", "sqlite"])

/** A rename would take the place of a file that somebody else has made just now; a link never does. */
async function named(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
    await rm(from)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ""
    // FAT and some network file systems have no links.
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code)) throw fileError(error, "write", to)
    await refuseExisting(to)
    await rename(from, to)
  }
}
