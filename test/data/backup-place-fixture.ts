// A place with backups that began when the test says: their manifests and files have the form that real ones have, and little in them.
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { gzipSync } from "node:zlib"
import type { KnownAct } from "../../src/data/backup/known-acts.js"
import type { BackupFile, BackupManifest } from "../../src/data/backup/manifest.js"
import { type BackupResult, writeResult } from "../../src/data/backup/results.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import { openFolder } from "../../src/data/store/folder.js"
import type { Store } from "../../src/data/store/store.js"

export interface Place {
  readonly path: string
  readonly store: Store
  /** Its name; `at` as 2026-11-22T01:30:00Z. `acts`: those that its file has. */
  lay(at: string, facts?: Partial<BackupManifest>, acts?: readonly KnownAct[]): string
  /** What a verification of it came to. */
  verified(
    name: string,
    at: string,
    verdict: BackupResult["verdict"],
    level?: BackupResult["level"],
    damaged?: boolean,
  ): Promise<void>
  close(): void
}

export const logId = "11111111-2222-4333-8444-555555555555"
export const otherLog = "99999999-2222-4333-8444-555555555555"
const sha256 = (content: Uint8Array | string): string => createHash("sha256").update(content).digest("hex")
const text = Buffer.from("acme\t1\n")
const gzip = gzipSync(text)
const digest = "ab".repeat(32)
const fileOf = (name: string, held = text, packed = gzip): BackupFile => ({
  name: `${name}.copy.gz`,
  text: { bytes: String(held.length), sha256: sha256(held) },
  gzip: { bytes: String(packed.length), sha256: sha256(packed), level: 6 },
  age: null,
})

export function manifestOf(name: string, at: string, facts: Partial<BackupManifest> = {}): BackupManifest {
  const started = at.replace(/Z$/, ".000000+00:00")
  return {
    schema: "pgtrail.backup/1",
    name,
    log_id: logId,
    log_ids: [facts.log_id ?? logId],
    incarnation: "1",
    database: "app",
    server_version: "18.1",
    is_standby: false,
    tool_version: "0.1.0",
    level: 8,
    has_roles: true,
    created_by: "auditor",
    started_at: started,
    finished_at: started,
    partition: null,
    organization: null,
    act: { seq: "7", hash: digest },
    checkpoint: null,
    heads: { lanes: "1", events: "1", digest },
    events: "1",
    tables: [
      {
        name: "act",
        kind: "table",
        since: null,
        until: null,
        columns: ["organization_id", "seq"],
        rows: "1",
        file: fileOf("act"),
        state: null,
        taken_over: null,
      },
      {
        name: "event_2026_07",
        kind: "partition",
        since: "2026-07-01 00:00:00+00",
        until: "2026-08-01 00:00:00+00",
        columns: ["organization_id", "seq"],
        rows: "1",
        file: fileOf("event_2026_07"),
        state: { places: digest, redactions: "0" },
        taken_over: null,
      },
    ],
    lists: [
      { name: "heads", rows: "1", file: fileOf("heads") },
      { name: "runs", rows: "1", file: fileOf("runs") },
    ],
    ...facts,
  }
}

export function place(): Place {
  const path = mkdtempSync(join(tmpdir(), "pgtrail-place-"))
  const store = openFolder(pathToFileURL(path).href)
  let made = 0
  const manifests = new Map<string, string>()
  return {
    path,
    store,
    lay(at, facts, acts = []) {
      made += 1
      const name = `backup-${at.replace(/[-:]/g, "")}-${made.toString(16).padStart(6, "0")}`
      const rows = Buffer.from(acts.map(({ seq, hash }) => `pgtrail\t${seq}\t\\\\x${hash}\n`).join(""))
      const packed = gzipSync(rows)
      const plain = manifestOf(name, at, facts)
      const tables = plain.tables.map((table) =>
        table.name === "act" && acts.length > 0
          ? {
              ...table,
              columns: [...table.columns, "hash"],
              rows: String(acts.length),
              file: fileOf("act", rows, packed),
            }
          : table,
      )
      const manifest = { ...plain, tables }
      mkdirSync(join(path, name))
      for (const { name: of, file } of [...manifest.tables, ...manifest.lists]) {
        writeFileSync(join(path, name, file.name), of === "act" && acts.length > 0 ? packed : gzip)
      }
      const content = writeManifest(manifest)
      writeFileSync(join(path, name, "manifest.json"), content)
      manifests.set(name, sha256(content))
      return name
    },
    async verified(name, at, verdict, level = "full", damaged = verdict === "tampered") {
      const about = { name, manifest: manifests.get(name) ?? "", level, verdict, damaged, at }
      const findings = verdict === "tampered" ? "2" : "0"
      await writeResult(store, name, { ...about, findings, tool_version: "0.1.0", by: "auditor" })
    },
    close: () => rmSync(path, { recursive: true, force: true }),
  }
}
