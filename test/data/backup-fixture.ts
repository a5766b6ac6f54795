// A log with old partitions, a folder for backups, and the words of tests about them.
import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gunzipSync } from "node:zlib"
import { expect } from "vitest"
import { valuesOf } from "../../src/data/backup/copy-text.js"
import {
  type BackupManifest,
  contradictions,
  filesOf,
  isBackupManifest,
  stored,
} from "../../src/data/backup/manifest.js"
import { backupText } from "../../src/data/backup/open.js"
import { genesis, headsDigest } from "../../src/data/canonical.js"
import type { BackupOptions, BackupRun } from "../../src/data/index.js"
import { openFolder } from "../../src/data/store/folder.js"
import { serverFolder } from "../server-folder.js"
import { type RetentionLog, retentionLog } from "./retention-fixture.js"

export interface BackupFolder {
  readonly folder: string
  /** The folder as a location. */
  readonly to: string
  /** Names of backups in the folder, the oldest first. */
  names(): Promise<string[]>
  files(name: string | null): Promise<string[]>
  manifest(name: string | null): Promise<BackupManifest>
  /** COPY text of one of its files. */
  text(name: string | null, relation: string): Promise<string>
  /** Proves that every file is what the manifest says, and that runs lead from each genesis to its head. Tells how many events there are. */
  closes(name: string | null): Promise<number>
  remove(): Promise<void>
}

export interface BackupLog extends RetentionLog, BackupFolder {
  /** Into the folder, unless `to` says where. */
  create(options?: Partial<BackupOptions>): Promise<BackupRun>
}

export async function backupLog(options: { grace?: string } = {}): Promise<BackupLog> {
  const log = await retentionLog(options)
  const place = await backupFolder()
  return {
    ...log,
    ...place,
    create: (given = {}) => log.trail.createBackup({ to: place.to, ...given }),
    async remove() {
      await log.db.drop()
      await place.remove()
    },
  }
}

export async function backupFolder(): Promise<BackupFolder> {
  const folder = await mkdtemp(join(serverFolder, "pgtrail-backup-"))
  const to = pathToFileURL(folder).href
  const manifestOf = async (name: string | null): Promise<BackupManifest> => {
    const manifest: unknown = JSON.parse(await readFile(join(folder, name ?? "", "manifest.json"), "utf8"))
    if (!isBackupManifest(manifest)) throw new Error("it is no manifest of a backup")
    expect(contradictions(manifest, name ?? "")).toEqual([])
    return manifest
  }
  const textOf = async (name: string | null, relation: string): Promise<string> => {
    const { tables, lists } = await manifestOf(name)
    const found = [...lists, ...tables].find((one) => one.name === relation)
    const bytes = await readFile(join(folder, name ?? "", found?.file.name ?? relation))
    return gunzipSync(bytes).toString("utf8")
  }
  return {
    folder,
    to,
    names: async () => (await readdir(folder)).filter((name) => name.startsWith("backup-")).sort(),
    files: async (name) => (await readdir(join(folder, name ?? ""))).sort(),
    manifest: manifestOf,
    text: textOf,
    closes: async (name) => {
      const manifest = await manifestOf(name)
      await expectWhole(folder, manifest)
      const purged = await textOf(name, "purge")
      return expectClosed(manifest, await textOf(name, "heads"), await textOf(name, "runs"), purged)
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Each file is there, and is what the manifest says of it; nothing else is there. */
async function expectWhole(folder: string, manifest: BackupManifest): Promise<void> {
  const { name, tables, lists } = manifest
  const store = openFolder(pathToFileURL(folder).href)
  const there = (await readdir(join(folder, name))).sort()
  expect(there).toEqual([...filesOf(manifest).map((file) => file.name), "manifest.json"].sort())
  for (const { rows, file } of [...tables, ...lists]) {
    const bytes = await readFile(join(folder, name, file.name))
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(stored(file).sha256)
    if (file.age !== null) continue
    let lines = 0
    for await (const chunk of backupText(store, name, file))
      lines += chunk.toString("latin1").split("\n").length - 1
    expect(String(lines)).toBe(rows)
  }
}

interface Stretch {
  readonly first: bigint
  readonly last: bigint
  readonly previous: string
  readonly hash: string
}

function expectClosed(
  manifest: BackupManifest,
  headsText: string,
  runsText: string,
  purgesText: string,
): number {
  const heads = linesOf(headsText).map(([organization_id = "", lane = "", seq = "", hash = ""]) => ({
    organization_id,
    lane,
    seq,
    hash,
  }))
  expect(manifest.heads).toEqual({
    lanes: String(heads.length),
    events: String(heads.reduce((sum, { seq }) => sum + BigInt(seq), 0n)),
    digest: headsDigest(heads),
  })
  const stretches = new Map<string, Stretch[]>()
  let live = 0
  const add = (key: string, stretch: Stretch): void => {
    stretches.set(key, [...(stretches.get(key) ?? []), stretch])
  }
  for (const [, organization, lane, first = "0", last = "0", previous = "", hash = ""] of linesOf(runsText)) {
    add(`${organization}\t${lane}`, {
      first: BigInt(first),
      last: BigInt(last),
      previous: previous.slice(2),
      hash: hash.slice(2),
    })
    live += Number(BigInt(last) - BigInt(first)) + 1
  }
  for (const [, organization, lane, ranges = "", hashes = ""] of linesOf(purgesText).filter(
    isGone(manifest),
  )) {
    const ends = [...hashes.matchAll(/[0-9a-f]{64}/g)].map(([hash]) => hash)
    for (const [index, [, first = "0", end = "0"]] of [...ranges.matchAll(/\[(\d+),(\d+)\)/g)].entries()) {
      add(`${organization}\t${lane}`, {
        first: BigInt(first),
        last: BigInt(end) - 1n,
        previous: ends[2 * index] ?? "",
        hash: ends[2 * index + 1] ?? "",
      })
    }
  }
  expect(live).toBe(Number(manifest.events))
  for (const { organization_id, lane, seq, hash } of heads) {
    let next = 1n
    let before = genesis(manifest.log_id, organization_id, lane).toString("hex")
    const own = stretches.get(`${organization_id}\t${lane}`) ?? []
    for (const stretch of own.sort((a, b) => (a.first < b.first ? -1 : 1))) {
      expect({ lane, first: stretch.first, previous: stretch.previous }).toEqual({
        lane,
        first: next,
        previous: before,
      })
      next = stretch.last + 1n
      before = stretch.hash
    }
    expect({ lane, last: next - 1n, hash: `\\x${before}` }).toEqual({ lane, last: BigInt(seq), hash })
  }
  return live
}

const linesOf = (text: string): string[][] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => valuesOf(Buffer.from(line)).map((value) => value ?? "\\N"))

/** Records whose events have not come back. */
const isGone =
  ({ tables }: BackupManifest) =>
  (line: readonly string[]): boolean => {
    const at = tables.find(({ name }) => name === "purge")?.columns.indexOf("restored_seq") ?? -1
    return line[at] === "\\N"
  }
