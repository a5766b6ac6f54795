// Two backups of a log, and what may happen to the files of the newer one: each time done to the folder, looked at, and taken back.
import { createHash } from "node:crypto"
import { cp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { type BackupManifest, sealed } from "../../src/data/backup/manifest.js"
import { type VerifyBackupOptions, verifyBackup } from "../../src/data/backup/verify.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { openFolder } from "../../src/data/store/folder.js"
import { backupLog } from "./backup-fixture.js"

export type Damaged = Awaited<ReturnType<typeof damagedBackup>>

export async function damagedBackup() {
  const log = await backupLog()
  await log.append(120)
  await log.append(30, { org: "globex", at: "2020-02-03" })
  await log.run()
  const other = (await log.create()).name ?? ""
  await log.append(20, { at: "2020-03-03" })
  const name = (await log.create()).name ?? ""
  const verify = (options: VerifyBackupOptions = {}, of = name) =>
    verifyBackup(openFolder(log.to), of, options)
  const told = async (options: VerifyBackupOptions = {}, of = name) => {
    const { verdict, findings } = await verify(options, of)
    return { verdict, findings: findings.map(({ kind, message }) => `${kind}: ${message}`) }
  }

  /** Does something to the folder of the backup, and takes it back. */
  async function damaged<T>(work: (folder: string) => Promise<void>, then: () => Promise<T>): Promise<T> {
    const folder = join(log.folder, name)
    await cp(folder, `${folder}-safe`, { recursive: true })
    try {
      await work(folder)
      return await then()
    } finally {
      await rm(folder, { recursive: true })
      await rename(`${folder}-safe`, folder)
    }
  }

  /** Hard links may tie it to another backup: a new file. */
  async function alter(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
    const bytes = change(Buffer.from(await readFile(path)))
    await rm(path)
    await writeFile(path, bytes)
  }

  const edit = (folder: string, change: (manifest: Record<string, never> & BackupManifest) => object) =>
    alter(join(folder, "manifest.json"), (bytes) =>
      Buffer.from(writeManifest(change(JSON.parse(bytes.toString("utf8"))))),
    )

  /** Another content for the file of a table, and a manifest that vouches for it. */
  async function replace(folder: string, relation: string, change: (text: string) => string): Promise<void> {
    const manifest = await log.manifest(name)
    const found = manifest.tables.find((table) => table.name === relation)
    const file = found?.file.name ?? ""
    const text = Buffer.from(change(gunzipSync(await readFile(join(folder, file))).toString("utf8")))
    const gzip = gzipSync(text)
    await alter(join(folder, file), () => gzip)
    const sum = (bytes: Buffer) => ({
      bytes: String(bytes.length),
      sha256: createHash("sha256").update(bytes).digest("hex"),
    })
    await edit(folder, (old) => {
      const tables = old.tables.map((table) =>
        table.name === relation
          ? { ...table, file: { ...table.file, text: sum(text), gzip: { ...sum(gzip), level: 6 } } }
          : table,
      )
      return sealed({ ...old, tables } as BackupManifest)
    })
  }

  async function replaceBytes(folder: string, relation: string, gzip: Buffer, text: number): Promise<void> {
    await edit(folder, (manifest) => {
      const tables = manifest.tables.map((table) => {
        if (table.name !== relation) return table
        const sha256 = createHash("sha256").update(gzip).digest("hex")
        const sums = {
          text: { bytes: String(text), sha256 },
          gzip: { bytes: String(gzip.length), sha256, level: 6 },
        }
        return { ...table, file: { ...table.file, ...sums } }
      })
      return sealed({ ...manifest, tables } as BackupManifest)
    })
    await alter(join(folder, `${relation}.copy.gz`), () => gzip)
  }
  return { log, name, other, verify, told, damaged, alter, edit, replace, replaceBytes }
}
