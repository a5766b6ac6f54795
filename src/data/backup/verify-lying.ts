// What lies in the folder of a backup: whether each file is there, nothing else is, and none is that of another backup.
import { TrailError } from "../errors.js"
import { type Store, type StrangeKind, wholeName } from "../store/store.js"
import { isEntryName } from "./entry.js"
import { keepName } from "./keep.js"
import { type BackupFile, type BackupManifest, filesOf, manifestName, stored } from "./manifest.js"
import { findBackups, type ReadBackupOptions, readBackupManifest } from "./open.js"
import { resultName } from "./results.js"
import { isAbsurd, noFile } from "./verify-file.js"
import type { BackupFindings } from "./verify-report.js"

/** Adds what is missing, what has another size, and what does not belong there. Of files that are read, whoever reads them tells. */
export async function checkLying(
  store: Store,
  manifest: BackupManifest,
  isRead: (file: BackupFile) => boolean,
  findings: BackupFindings,
): Promise<bigint> {
  const lying = new Map<string, bigint>()
  const files = filesOf(manifest)
  const known = new Set([manifestName, ...files.map((file) => file.name)])
  const inPlace = new Set<string>()
  const nameOf = (path: string): string => path.slice(manifest.name.length + 1)
  const strange = (path: string, kind: StrangeKind): void => {
    const name = nameOf(path)
    // What is in the place of a file is told with it, and what is being written just now belongs where its whole does.
    if (kind !== "link" && ofMachines.test(name)) return
    if (known.has(name) || (kind === "file" && isBeside(wholeName(name) ?? "", known))) inPlace.add(name)
    else findings.addFile("file", name || path, `does not belong to the backup: ${strangeWords[kind]}`)
  }
  for await (const { key, bytes } of store.list(`${manifest.name}/`, { strange }))
    lying.set(nameOf(key), bytes)
  for (const file of files) {
    if (isAbsurd(file))
      findings.addFile("manifest", file.name, "would hold more than a gzip of that size can: it was not read")
    if (isRead(file)) continue
    const bytes = lying.get(file.name)
    const said = stored(file).bytes
    if (bytes === undefined)
      findings.addFile("file", file.name, inPlace.has(file.name) ? noFile : "is missing")
    else if (String(bytes) !== said)
      findings.addFile("file", file.name, `has ${bytes} bytes, and ${said} by the manifest`)
  }
  for (const name of lying.keys()) {
    if (!isBeside(name, known))
      findings.addFile("file", name, `does not belong to the backup: ${strangeWords.file}`)
  }
  let bytes = 0n
  for (const [name, size] of lying) if (files.some((file) => file.name === name)) bytes += size
  return bytes
}

/** What file managers, NAS and file systems leave in every folder that somebody looks into: no one's doing, and nothing that a restore reads. */
const ofMachines =
  /(?:^|\/)(?:\.DS_Store|\._[^/]*|\.nfs[0-9a-f]+|Thumbs\.db|desktop\.ini|@eaDir|#recycle|lost\+found)(?:\/|$)/i

const isBeside = (name: string, known: ReadonlySet<string>): boolean =>
  known.has(name) || name === keepName || resultName.test(name) || isEntryName(name) || ofMachines.test(name)

const strangeWords: Readonly<Record<StrangeKind, string>> = {
  file: "the manifest knows no such file",
  folder: "it is a folder, and a backup has none",
  link: "it is a link, which was not followed",
  other: "it is neither a file nor a folder",
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
