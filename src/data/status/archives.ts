// Whether everything could be archived that was to be; archives past their keep are told, and no warning.
import type { ClientBase } from "pg"
import { plural, visible } from "../words.js"
import { type Check, measured, type Thresholds } from "./checks.js"

/** What pgtrail.archive_until says of each, but the rules are asked once for each kind of events and not for each archive. */
const inForce = `
with kind as materialized (
  select k.*
  from pgtrail.archive a join pgtrail.archive_kind k on k.act_seq = a.act_seq
  where a.restored_seq is null and a.removed_seq is null
), kept as materialized (
  select d.*, r.keep_days
  from (select distinct k.organization_id, k.data_classification, k.event_type, k.retention_policy, k.compliance_tags from kind k) d,
    lateral pgtrail.retention_of(d.organization_id, d.data_classification, d.event_type, d.retention_policy, d.compliance_tags, now()) r
), past as (
  select k.act_seq, bool_and(k.newest_occurred_at < now() - e.keep_days * interval '24 hours') as is_over
  from kind k
  join kept e on e.organization_id = k.organization_id and e.event_type = k.event_type and e.retention_policy = k.retention_policy
    and e.data_classification is not distinct from k.data_classification and e.compliance_tags is not distinct from k.compliance_tags
  group by k.act_seq
)
select count(*) as archives, coalesce(sum(a.events), 0) as events, count(*) filter (where p.is_over) as over
from pgtrail.archive a left join past p on p.act_seq = a.act_seq
where a.restored_seq is null and a.removed_seq is null`

export async function archiveChecks(client: ClientBase, thresholds: Thresholds): Promise<Check[]> {
  const { rows: able } = await client.query<{ there: string; reads: string }>(
    `select to_regclass('pgtrail.archive') is not null as there,
       coalesce(has_table_privilege(to_regclass('pgtrail.archive_failure'), 'select')
         and has_table_privilege(to_regclass('pgtrail.archive'), 'select')
         and has_table_privilege(to_regclass('pgtrail.archive_kind'), 'select')
         and has_function_privilege(to_regprocedure('pgtrail.retention_of(text,text,text,text,text[],timestamptz)'), 'execute'),
         false) as reads`,
  )
  if (able[0]?.there !== "t") return []
  if (able[0].reads !== "t")
    return [measured("archive", null, "this role may not read what could not be archived", thresholds)]
  const { rows: failures } = await client.query<Record<"name" | "reason" | "count" | "total", string>>(
    `select f.partition_name as name, f.reason, f.failure_count as count, count(*) over () as total
     from pgtrail.archive_failure f order by f.last_failed_at desc, f.partition_name limit 3`,
  )
  const { rows } = await client.query<Record<"archives" | "events" | "over", string>>(inForce)
  const { archives = "0", events = "0", over = "0" } = rows[0] ?? {}
  const total = Number(failures[0]?.total ?? "0")
  const failed = failures.map(
    ({ name, reason, count }) =>
      `${visible(name)}, ${plural(count, "time")} (${visible(reason.split("\n")[0] ?? "").slice(0, 200)})`,
  )
  const more = total > failed.length ? ` and ${total - failed.length} more` : ""
  const there =
    archives === "0" ? "none" : `${plural(archives, "archive")} in force, ${plural(events, "event")}`
  const past = over === "0" ? "" : `, ${over} past their keep: pgtrail archive remove --expired`
  const words =
    total === 0
      ? `${there}${past}`
      : `could not be archived: ${failed.join("; ")}${more}; pgtrail archive list --failed`
  return [measured("archive", total, words, thresholds)]
}
