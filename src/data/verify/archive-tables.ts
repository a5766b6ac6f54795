// Compares the control tables archive and archive_kind with what the acts make of them.
import { createHash, type Hash } from "node:crypto"
import { microseconds } from "../binary.js"
import { record, type TextRow } from "../canonical.js"
import type { ArchivedPurge } from "./archives.js"
import { altered, shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { ArchiveRow, LogTables } from "./log-tables.js"
import { time } from "./retention-purge.js"

export async function checkArchiveTables(
  tables: LogTables,
  archives: ReadonlyMap<string, ArchivedPurge>,
  findings: Findings,
): Promise<void> {
  if (!(await tables.has("archive"))) return
  const wanted = new Map(archives)
  for (const row of await tables.archives()) {
    const archive = wanted.get(row.name)
    wanted.delete(row.name)
    const evidence = JSON.stringify(row)
    if (archive === undefined) {
      altered(findings, `pgtrail.archive has ${shown(row.name)}, which no act has archived`, evidence)
      continue
    }
    const differ = differences(archive, row)
    if (differ.length === 0) continue
    altered(
      findings,
      `the archive ${row.name} in pgtrail.archive is not what the acts made of it: ${differ.join(", ")}`,
      evidence,
    )
  }
  for (const { name, act } of wanted.values()) {
    altered(findings, `pgtrail.archive has lost the archive ${shown(name)} of act ${act}`)
  }
  await checkKinds(tables, archives, findings)
}

function differences(archive: ArchivedPurge, row: ArchiveRow): string[] {
  const [since, until] = archive.bounds ?? []
  const bound = (given: string | undefined, stored: string) =>
    given === undefined || endless(given) === microseconds(stored)
  return (
    [
      ["act_seq", row.act_seq === archive.act],
      ["location", row.location === archive.location],
      ["partition_name", row.partition_name === archive.partition],
      ["since", bound(since, row.since)],
      ["until", bound(until, row.until)],
      ["events", row.events === archive.events],
      ["bytes", row.bytes === archive.bytes],
      ["manifest", row.manifest === archive.manifest],
      ["its times", row.has_times === "t"],
      ["restored_seq", row.restored_seq === archive.restored],
      ["removed_seq", row.removed_seq === archive.removed],
    ] as const
  ).flatMap(([name, isSame]) => (isSame ? [] : [name]))
}

/** The bound of a partition that is open to one side is infinite. */
const endless = (given: string): bigint | undefined =>
  given === "infinity" || given === "-infinity" ? microseconds(given) : time(given)

const kindColumns = [
  "act_seq",
  "organization_id",
  "data_classification",
  "event_type",
  "retention_policy",
  "compliance_tags",
  "events",
  "oldest_occurred_at",
  "newest_occurred_at",
]

/** Rows of an archive together must have the digest that its act has. */
async function checkKinds(
  tables: LogTables,
  archives: ReadonlyMap<string, ArchivedPurge>,
  findings: Findings,
): Promise<void> {
  const found = new Map<string, Hash>()
  for await (const row of tables.rows("archive_kind", kindColumns)) {
    const act = row.act_seq ?? ""
    const digest = found.get(act) ?? createHash("sha256")
    found.set(act, digest)
    digest.update(kindRecord(row))
  }
  for (const { act, kinds } of archives.values()) {
    const now = (found.get(act) ?? createHash("sha256")).digest("hex")
    found.delete(act)
    if (now === kinds) continue
    const message = `pgtrail.archive_kind of act ${act} is not what the act recorded: its digest differs from the act's`
    altered(findings, message, now)
  }
  for (const [act, digest] of found) {
    const message = `pgtrail.archive_kind has kinds of act ${act}, which archived nothing`
    altered(findings, message, digest.digest("hex"))
  }
}

/** FORMAT.md, section 4. */
function kindRecord(row: TextRow): Buffer {
  return record("pgtrail archive kind", [
    ["text", row.organization_id ?? null],
    ["text", row.data_classification ?? null],
    ["text", row.event_type ?? null],
    ["text", row.retention_policy ?? null],
    ["text[]", row.compliance_tags ?? null],
    ["bigint", row.events ?? null],
    ["timestamptz", row.oldest_occurred_at ?? null],
    ["timestamptz", row.newest_occurred_at ?? null],
  ])
}
