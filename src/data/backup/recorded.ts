// What a log recorded of its backups: by it a manifest is told that somebody wrote anew since, with digests that fit.
import type { ClientBase } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import type { StoreOptions } from "../store/store.js"
import { plural } from "../words.js"
import { manifestName } from "./manifest.js"
import type { BackupFindings } from "./verify-report.js"

/** SHA-256 of the manifests, by the names of the backups. Of one that could not be recorded the log knows nothing. */
export type Recorded = ReadonlyMap<string, string>

export interface RecordedOptions {
  /** Of the log that was backed up. */
  readonly recorded?: Recorded | undefined
}

export interface FindOptions extends StoreOptions, RecordedOptions {}

export const recordedBackups = (target: ConnectionTarget): Promise<Recorded> =>
  withClient(target, readRecorded)

export async function readRecorded(client: ClientBase): Promise<Recorded> {
  const { rows } = await client.query<{ name: string; manifest: string }>(
    "select a.parameters ->> 'name' as name, a.parameters ->> 'manifest' as manifest from pgtrail.act a where a.kind = 'backup' order by a.seq",
  )
  return new Map(rows.map(({ name, manifest }) => [name, manifest]))
}

/** Whether somebody wrote the manifest anew since. */
export function isRewritten(recorded: Recorded | undefined, name: string, sha256: string): boolean {
  const known = recorded?.get(name)
  return known !== undefined && known !== sha256
}

/** Of a log that knows nothing of some, which may be another one: else whoever named it thinks that they were compared. */
export function unrecordedWords(recorded: Recorded | undefined, names: readonly string[]): string[] {
  const count = recorded === undefined ? 0 : names.filter((name) => !recorded.has(name)).length
  return count === 0 ? [] : [`${plural(count, "backup")} of these the log that was named has not recorded`]
}

/** Tells of a manifest that is another one; answers what could not be looked at. */
export function compareRecorded(
  recorded: Recorded | undefined,
  name: string,
  sha256: string,
  findings: BackupFindings,
): string[] {
  if (isRewritten(recorded, name, sha256)) findings.addFile("manifest", manifestName, rewritten)
  const unknown = recorded !== undefined && !recorded.has(name)
  return unknown
    ? [
        "whether the manifest is the one that was written: the log that was named has not recorded this backup",
      ]
    : []
}

export const rewritten = "is not the one that the log recorded: it was written anew"
