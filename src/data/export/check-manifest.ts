// Whether what a manifest says of itself can be: what contradicts itself was not written by pgtrail.
import { eventColumns } from "../event-columns.js"
import { version } from "../version.js"
import { type Manifest, manifestName, statementOf } from "./manifest.js"
import type { ReadManifest } from "./read-manifest.js"
import { filterNames } from "./record.js"
import type { ExportFindings } from "./report.js"
import { remaining } from "./shape.js"

export function checkManifest({ manifest, name }: ReadManifest, findings: ExportFindings): void {
  const { columns, excluded, excel, kind, source, checks, files, lanes, population } = manifest
  const { log_id, log_ids, filters } = manifest
  const wrong = (message: string): void => findings.add("manifest", message, { file: name })
  const isWhole = source === "export" && !excel && columns.join() === remaining(excluded).join()
  const possible = isWhole ? (kind === "evidence" ? "chain" : "hashes") : "files"
  if (checks !== possible || (kind === "evidence" && !isWhole))
    wrong(`it says that ${checks} can be checked, where its columns and its kind make it ${possible}`)
  if (checks !== "files" && columns.some((column) => !eventColumns.some((known) => known === column)))
    wrong("it has columns that no event has")
  if (!log_ids.includes(log_id)) wrong("its log is not among those that a lane may begin with")
  if (source === "query" && name === manifestName) wrong("it is of a query, which writes none of this name")
  const sum = (all: readonly { readonly [K in "rows" | "events"]?: string }[], member: "rows" | "events") =>
    all.reduce((total, one) => total + BigInt(one[member] ?? "0"), 0n)
  if (sum(files, "rows") !== BigInt(population.exported))
    wrong("the rows of its files are not the events that it says were exported")
  if (checks !== "files" && sum(lanes, "events") !== BigInt(population.exported))
    wrong("the events of its lanes are not those that it says were exported")
  if (BigInt(population.events) !== BigInt(population.exported) + BigInt(population.omitted))
    wrong("the events that were exported and omitted are not the population")
  if (kind === "evidence" && population.omitted !== "0") wrong("evidence omits nothing, and it says so")
  if (kind === "evidence" && filterNames(filters).length > 0)
    wrong("evidence is not filtered, and it names filters")
  const named = [filters.organization ?? []].flat()
  const foreign = lanes.find(({ organization_id: name }) => named.length > 0 && !named.includes(name))
  if (foreign !== undefined)
    wrong(`it names organizations, and has a lane of ${JSON.stringify(foreign.organization_id)}`)
  if (!isStated(manifest)) wrong("its statement is not what its members say")
  if (new Set(files.map(({ name }) => name)).size !== files.length) wrong("it names a file twice")
}

/** Other versions may say it in other words. */
function isStated(manifest: Manifest): boolean {
  if (manifest.tool_version !== version) return true
  const there = new Set(manifest.statement)
  const plain = new Set(statementOf({ ...manifest, unknown: [] }))
  const unknown = [manifest.filters.organization ?? []].flat().filter((name) => {
    if (manifest.lanes.some((lane) => lane.organization_id === name)) return false
    return statementOf({ ...manifest, unknown: [name] }).some((said) => !plain.has(said) && there.has(said))
  })
  return statementOf({ ...manifest, unknown }).join("\n") === manifest.statement.join("\n")
}
