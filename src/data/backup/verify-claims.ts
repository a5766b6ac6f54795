// What a manifest claims of a backup, beyond its form, that the files must bear out: else a whole log passes for a part, of which less is judged.
import { microseconds } from "../binary.js"
import { eventColumns } from "../event-columns.js"
import { chainOf } from "../verify/row.js"
import { timeOfName } from "./list.js"
import { type BackupManifest, manifestName } from "./manifest.js"
import type { BackupFindings } from "./verify-report.js"
import { rowsOfTable, type TableSource } from "./verify-tables.js"

/** In words that go on from "manifest.json contradicts itself: ". */
export function wrongClaims(manifest: BackupManifest): string[] {
  const { name, tables, partition, started_at, finished_at } = manifest
  const ofEvents = tables.filter(({ kind }) => kind !== "table")
  const found: [boolean, string][] = [
    [!isTime(started_at) || !isTime(finished_at), "when it was made is no time"],
    [Date.parse(started_at) < timeOfName(name) - clocksApart, "it was begun before the time in its name"],
    [Date.parse(finished_at) < Date.parse(started_at) - clocksApart, "it was finished before it was begun"],
    [
      ofEvents.some(({ since, until }) => !isBound(since) || !isBound(until)),
      "the bounds of a partition are no times",
    ],
    [
      ofEvents.some(({ columns }) => columns.join() !== eventColumns.join()),
      "the columns of a partition are not those of an event",
    ],
    [
      partition !== null && (ofEvents.length !== 1 || ofEvents[0]?.name !== partition),
      "it was limited to one partition, and has others",
    ],
    [
      partition !== null && manifest.organization !== null,
      "it was limited to a partition and to an organization",
    ],
  ]
  return found.filter(([isWrong]) => isWrong).map(([, message]) => message)
}

/** Milliseconds: a clock may be set back meanwhile, and a run may go on with another server of several. */
const clocksApart = 60_000

const isTime = (text: string): boolean => !Number.isNaN(Date.parse(text))

function isBound(text: string | null): boolean {
  if (text === null || text === "infinity" || text === "-infinity") return true
  try {
    microseconds(text)
    return true
  } catch {
    return false
  }
}

/** Of a backup of one organization: that nothing in it is of another. Acts are of no organization. */
export async function checkOrganization(
  source: Omit<TableSource, "manifest"> & { readonly manifest: BackupManifest },
  findings: BackupFindings,
): Promise<void> {
  const { organization, tables } = source.manifest
  if (organization === null) return
  for (const { name, kind, columns, file } of tables) {
    if (kind !== "table" || name === "act" || !columns.includes("organization_id")) continue
    if (source.unreadable.has(name)) continue
    for await (const row of rowsOfTable(source, name, ["organization_id"])) {
      if (row.organization_id === organization) continue
      findings.addFile("file", file.name, "has rows of another organization than the manifest tells of")
      break
    }
  }
}

/** The same of its events, by the keys of their chains. */
export function checkChainsOf(
  { organization }: BackupManifest,
  chains: Iterable<string>,
  findings: BackupFindings,
): void {
  if (organization === null) return
  for (const chain of chains) {
    if (chainOf(chain).organization === organization) continue
    findings.addFile(
      "manifest",
      manifestName,
      "tells of another organization than that of an event in the backup",
    )
    return
  }
}
