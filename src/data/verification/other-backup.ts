// Streams the wanted events out of a backup: the folder of one, or a place of several, of which the newest good one is taken.
import { pathToFileURL } from "node:url"
import { linesOf, valuesOf } from "../backup/copy-text.js"
import { noPlace, readPlace } from "../backup/event-place.js"
import { type LocatedBackup, locateBackup } from "../backup/locate.js"
import { backupText, type ReadBackupOptions, readBackupManifest } from "../backup/open.js"
import { TrailError } from "../errors.js"
import { eventColumns } from "../event-columns.js"
import type { IsWanted, Row } from "./file-forms.js"

export async function* rowsOfBackup(
  path: string,
  isWanted: IsWanted,
  options: ReadBackupOptions,
): AsyncGenerator<Row> {
  const { signal } = options
  const { store, name } = await located(path, signal)
  try {
    const { manifest } = await readBackupManifest(store, name, { signal })
    const place = noPlace()
    for (const { kind, file } of manifest.tables) {
      if (kind === "table") continue
      for await (const line of linesOf(backupText(store, name, file, options), `${name}/${file.name}`)) {
        if (!readPlace(line, 0, line.length + 1, place)) continue
        const [organization_id = ""] = valuesOf(Buffer.from(place.organization, "latin1"))
        const [lane, seq] = [String(place.lane), String(place.seq)]
        if (!isWanted({ organization_id: organization_id ?? "", lane, seq })) continue
        const values = valuesOf(line)
        yield Object.fromEntries(eventColumns.map((column, at) => [column, values[at] ?? null]))
      }
    }
  } finally {
    await store.close()
  }
}

async function located(path: string, signal: AbortSignal | undefined): Promise<LocatedBackup> {
  try {
    return await locateBackup(pathToFileURL(path).href, { signal })
  } catch (error) {
    if (!(error instanceof TrailError) || error.code !== "not-found") throw error
    throw new TrailError("file", "it is a folder without a backup", { hint: error.hint, cause: error })
  }
}
