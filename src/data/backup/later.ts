// A backup of a log at a level that this pgtrail does not know: sound perhaps, and nothing that it can judge or restore.
import { TrailError } from "../errors.js"
import { presentVersion } from "../sql-files.js"
import { version } from "../version.js"
import type { BackupManifest } from "./manifest.js"

type Told = Pick<BackupManifest, "level" | "tool_version">

export const isLater = ({ level }: Pick<BackupManifest, "level">): boolean => level > presentVersion().number

export const laterWords = ({ level }: Told): string =>
  `is of a log at migration ${level}, and this pgtrail ${version} knows 1 to ${presentVersion().number}`

/** `nothing`: as "nothing was restored". */
export function refuseLater(manifest: Told & Pick<BackupManifest, "name">, nothing: string): void {
  if (!isLater(manifest)) return
  throw new TrailError("incomplete", `${manifest.name} ${laterWords(manifest)}`, {
    hint: `${nothing}; use pgtrail ${manifest.tool_version} or later`,
  })
}
