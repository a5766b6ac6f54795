// What a comparison comes to.
import type { Compared } from "./compare-events.js"
import type { ActSince, BackupComparison, EventDifference, TableComparison } from "./compare-options.js"

const mostDifferences = 1000

export function report(
  { manifest, store, snapshot, lanes, counts }: Compared,
  differences: readonly EventDifference[],
  tables: readonly TableComparison[],
): BackupComparison {
  let [equal, explained, differ, appended, differing] = [0, 0, 0, 0, 0]
  for (const lane of lanes) {
    appended += lane.appended
    differing += lane.differ
    if (lane.differ > 0) differ += 1
    else if (lane.explained + lane.appended > 0) explained += 1
    else equal += 1
  }
  const differs = differ > 0 || counts.odd > 0 || tables.some(({ result }) => result === "differs")
  // That it was backed up is an act, too.
  const isEqual = explained === 0 && tables.every(({ name, result }) => name === "act" || result === "state")
  const list = (did: ActSince["did"], of: ReadonlyMap<string, number>): ActSince[] =>
    [...of].map(([act, events]) => ({
      act,
      did: did === "purged" && counts.archives.has(act) ? "archived" : did,
      events: String(events),
    }))
  const total = (of: ReadonlyMap<string, number>): string =>
    String([...of.values()].reduce((sum, events) => sum + events, 0))
  const acts = [...list("purged", counts.purged), ...list("restored", counts.restored)]
  return {
    name: manifest.name,
    location: store.location,
    log_id: manifest.log_id,
    started_at: manifest.started_at,
    compared_at: snapshot.time,
    database: snapshot.database,
    partition: manifest.partition,
    organization: manifest.organization,
    verdict: differs ? "differs" : isEqual ? "equal" : "explained",
    events: {
      backup: String(counts.backup),
      log: String(counts.log),
      appended: String(appended),
      purged: total(counts.purged),
      restored: total(counts.restored),
      redacted: String(counts.redacted),
      differ: String(differing),
    },
    lanes: { equal: String(equal), explained: String(explained), differ: String(differ) },
    acts: acts.sort((a, b) => Number(BigInt(a.act) - BigInt(b.act))),
    differences: differences.slice(0, mostDifferences),
    tables: [...tables].sort((a, b) => (a.name < b.name ? -1 : 1)),
    warnings: counts.warnings,
  }
}
