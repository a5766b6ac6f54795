// What the manifest says of the log's tables, compared with those that are there: their files alone do not bear it out.
import { microseconds } from "../binary.js"
import { TrailError } from "../errors.js"
import type { TableComparison } from "./compare-options.js"
import type { BackupManifest } from "./manifest.js"
import type { Snapshot } from "./snapshot.js"

/** Partitions that have other bounds than in the log. Throws `broken` where a table of its level is in the log alone. */
export function compareBounds(
  { name: backup, level, tables }: BackupManifest,
  snapshot: Pick<Snapshot, "level" | "relations">,
): TableComparison[] {
  const known = new Map(tables.map((table) => [table.name, table]))
  const differing: TableComparison[] = []
  for (const { name, kind, since, until } of snapshot.relations) {
    const table = known.get(name)
    if (kind === "table") {
      if (table !== undefined || level !== snapshot.level) continue
      throw new TrailError("broken", `${backup} lacks the table ${name}, which every log of its level has`, {
        hint: "nothing was compared; pgtrail backup verify tells what is wrong with it",
      })
    }
    if (table === undefined || (isSame(table.since, since) && isSame(table.until, until))) continue
    const first = { key: "its bounds", state: "altered", columns: ["since", "until"], line: null } as const
    const none = { added: "0", removed: "0", changed: "0", act: null }
    differing.push({ name, result: "differs", ...none, first })
  }
  return differing
}

const isSame = (one: string | null, other: string | null): boolean =>
  one === other || (isMoment(one) && isMoment(other) && microseconds(one) === microseconds(other))

const isMoment = (bound: string | null): bound is string => bound !== null && !bound.includes("infinity")
