// What lies in the folder of a backup: whether each file is there, nothing else is, and none is that of another backup.
import { TrailError } from "../errors.js"
import type { Store } from "../store/store.js"
import { isEntryName } from "./entry.js"
import { keepName } from "./keep.js"
import { type BackupFile, type BackupManifest, filesOf, manifestName, stored } from "./manifest.js"
import { findBackups, type ReadBackupOptions, readBackupManifest } from "./open.js"
import { resultName } from "./results.js"
import { isAbsurd } from "./verify-file.js"
import type { BackupFindings } from "./verify-report.js"

/** Adds what is missing, what has another size, and what does not belong there. Of files that are read, whoever reads them tells. */
export async function checkLying(
  store: Store,
  manifest: BackupManifest,
  isRead: (file: BackupFile) => boolean,
  findings: BackupFindings,
): Promise<bigint> {
  const lying = new Map<string, bigint>()
  for await (const { key, bytes } of store.list(`${manifest.name}/`)) {
    lying.set(key.slice(manifest.name.length + 1), bytes)
  }
  const files = filesOf(manifest)
  for (const file of files) {
    if (isAbsurd(file))
      findings.addFile("manifest", file.name, "would hold more than a gzip of that size can: it was not read")
    if (isRead(file)) continue
    const bytes = lying.get(file.name)
    const said = stored(file).bytes
    if (bytes === undefined) findings.addFile("file", file.name, "is missing")
    else if (String(bytes) !== said)
      findings.addFile("file", file.name, `has ${bytes} bytes, and ${said} by the manifest`)
  }
  const known = new Set([manifestName, keepName, ...files.map((file) => file.name)])
  for (const name of lying.keys()) {
    if (known.has(name) || resultName.test(name) || isEntryName(name)) continue
    findings.addFile("file", name, "does not belong to the backup: the manifest knows no such file")
  }
  let bytes = 0n
  for (const [name, size] of lying) if (files.some((file) => file.name === name)) bytes += size
  return bytes
}

/** Manifests that are looked into for a file that was exchanged. */
const mostOthers = 500

/** Which backup, of those in the same place, a file belongs to by its bytes. */
export class Others {
  readonly #store: Store
  readonly #name: string
  readonly #options: ReadBackupOptions
  #owners: Promise<Map<string, string>> | undefined

  constructor(store: Store, name: string, options: ReadBackupOptions) {
    this.#store = store
    this.#name = name
    this.#options = options
  }

  /** In words that follow what is wrong with the file; empty where it is of none. */
  async owner(sha256: string | undefined): Promise<string> {
    if (sha256 === undefined) return ""
    this.#owners ??= this.#read()
    const other = (await this.#owners).get(sha256)
    return other === undefined ? "" : `: it is that of ${other}, the files were exchanged`
  }

  async #read(): Promise<Map<string, string>> {
    const owners = new Map<string, string>()
    let count = 0
    for await (const name of findBackups(this.#store)) {
      if (name === this.#name) continue
      if (++count > mostOthers) break
      try {
        const { manifest } = await readBackupManifest(this.#store, name, this.#options)
        for (const file of filesOf(manifest)) owners.set(stored(file).sha256, name)
      } catch (error) {
        if (!(error instanceof TrailError)) throw error
      }
    }
    return owners
  }
}
