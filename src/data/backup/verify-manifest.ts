// Verifies the manifest of a backup by itself, and of a backup of a later pgtrail whether its files are what the manifest says.
import { TrailError } from "../errors.js"
import type { Store } from "../store/store.js"
import { laterWords } from "./later.js"
import { type BackupManifest, filesOf, manifestName } from "./manifest.js"
import { isBegun, type ReadBackup, type ReadBackupOptions, readBackupManifest } from "./open.js"
import { isAbsurd, readFile } from "./verify-file.js"
import type { Others } from "./verify-lying.js"
import type { BackupFindings } from "./verify-report.js"
import { rowsOfTable } from "./verify-tables.js"

/** Undefined where there is none that can be read: what is the matter is then among the findings. */
export async function manifestOf(
  store: Store,
  name: string,
  { signal }: ReadBackupOptions,
  findings: BackupFindings,
): Promise<ReadBackup | undefined> {
  try {
    return await readBackupManifest(store, name, { signal })
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    if (error.code === "not-found") {
      if (!(await isBegun(store, name))) throw error
      const words = "is missing: it was never finished, or the manifest was taken away"
      findings.addFile("unfinished", manifestName, words)
      return undefined
    }
    if (error.code === "incomplete") findings.addFile("later", manifestName, "was written by a later pgtrail")
    else if (error.code === "file" && error.cause === undefined)
      findings.addFile("manifest", manifestName, "is no manifest of a backup: it was altered")
    else throw error
    return undefined
  }
}

/** What is in them nobody judges here: a table may have columns, and an act a meaning, that this pgtrail does not know. */
export async function checkLater(
  store: Store,
  manifest: BackupManifest,
  reading: ReadBackupOptions & { readonly quick: boolean },
  others: Others,
  findings: BackupFindings,
): Promise<void> {
  findings.addFile(
    "later",
    manifestName,
    `${laterWords(manifest)}: its files alone were looked at; use pgtrail ${manifest.tool_version} or later`,
  )
  const level = reading.quick ? undefined : await levelOf(store, manifest, reading)
  if (level !== undefined && level !== manifest.level)
    findings.addFile(
      "manifest",
      manifestName,
      `tells of level ${manifest.level}, and the log in the backup is at level ${level}`,
    )
  for (const file of reading.quick ? [] : filesOf(manifest)) {
    if (isAbsurd(file)) continue
    const { problems, lying } = await readFile(store, manifest.name, file, reading, () => undefined)
    await tell(problems, file.name, lying?.sha256, others, findings)
  }
}

/** By the rows of its migrations; undefined where they cannot be read, which is told with their file. */
async function levelOf(
  store: Store,
  manifest: BackupManifest,
  { identities, signal }: ReadBackupOptions,
): Promise<number | undefined> {
  try {
    let level = 0
    const source = { store, manifest, identities, signal, unreadable: new Map<string, string>() }
    for await (const { number } of rowsOfTable(source, "migration", ["number"]))
      level = Math.max(level, Number(number))
    return level
  } catch (error) {
    if (!(error instanceof TrailError) || !["broken", "config", "not-found", "file"].includes(error.code))
      throw error
    return undefined
  }
}

/** Adds what is wrong with a file, and whose it is, where that is another's. */
export async function tell(
  problems: readonly string[],
  file: string,
  sha256: string | undefined,
  others: Others,
  findings: BackupFindings,
): Promise<void> {
  const [first, ...more] = problems
  if (first === undefined) return
  findings.addFile("file", file, `${first}${await others.owner(sha256)}`)
  for (const problem of more) findings.addFile("file", file, problem)
}
