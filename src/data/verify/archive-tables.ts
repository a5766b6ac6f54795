// Compares the control tables archive and archive_kind with what the acts make of them.
import { createHash, type Hash } from "node:crypto"
import type { ClientBase } from "pg"
import QueryStream from "pg-query-stream"
import { microseconds } from "../binary.js"
import { record } from "../canonical.js"
import type { ArchivedPurge } from "./archives.js"
import { altered, hasTable, shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import { time } from "./retention-purge.js"

type Live = Readonly<
  Record<
    | "act_seq"
    | "name"
    | "location"
    | "partition_name"
    | "since"
    | "until"
    | "events"
    | "bytes"
    | "manifest"
    | "oldest_occurred_at"
    | "newest_occurred_at"
    | "has_times",
    string
  > &
    Record<"restored_seq" | "removed_seq", string | null>
>

export async function checkArchiveTables(
  client: ClientBase,
  archives: ReadonlyMap<string, ArchivedPurge>,
  findings: Findings,
): Promise<void> {
  if (!(await hasTable(client, "archive"))) return
  const { rows } = await client.query<Live>(
    `select a.act_seq, a.name, a.location, a.partition_name, a.since, a.until, a.events, a.bytes, encode(a.manifest, 'hex') as manifest,
       a.oldest_occurred_at, a.newest_occurred_at, a.restored_seq, a.removed_seq,
       row(a.oldest_occurred_at, a.newest_occurred_at) is not distinct from row(p.oldest, p.newest) as has_times
     from pgtrail.archive a
     left join (select act_seq, min(oldest_occurred_at) as oldest, max(newest_occurred_at) as newest from pgtrail.purge group by 1) p
       on p.act_seq = a.act_seq
     order by a.act_seq`,
  )
  const wanted = new Map(archives)
  for (const row of rows) {
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
  await checkKinds(client, archives, findings)
}

function differences(archive: ArchivedPurge, row: Live): string[] {
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

/** Rows of an archive together must have the digest that its act has. */
async function checkKinds(
  client: ClientBase,
  archives: ReadonlyMap<string, ArchivedPurge>,
  findings: Findings,
): Promise<void> {
  const stream = client.query(
    new QueryStream(
      `select act_seq, organization_id, data_classification, event_type, retention_policy, compliance_tags, events, oldest_occurred_at,
         newest_occurred_at
       from pgtrail.archive_kind order by act_seq, kind`,
      [],
      { batchSize: 500 },
    ),
  )
  const found = new Map<string, Hash>()
  for await (const row of stream as AsyncIterable<Record<string, string | null>>) {
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
function kindRecord(row: Readonly<Record<string, string | null>>): Buffer {
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
