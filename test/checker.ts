// An independent check of the chains, in plain SQL: knows FORMAT.md and nothing of pgtrail's own verify or functions.
import type { TestDatabase } from "./database.js"

/** The canonical bytes again, written from the format and not from the functions. */
const hashes = `
    coalesce(e.identity_digest, sha256(record_send(row('pgtrail identity'::text, e.identity_salt, e.actor_id,
        e.actor_name, e.actor_email, e.ip_address, e.user_agent, e.session_id, e.device_id)))) as identity,
    coalesce(e.content_digest, sha256(record_send(row('pgtrail content'::text, e.content_salt, e.resource_id,
        e.resource_name, e.namespace, e.description, e.error_message, e.request_path, e.request_id,
        e.correlation_id, e.request_params, e.before_state, e.after_state, e.details, e.tags, e.signature)))) as content`

const eventBreaks = `
with genesis as (
    select distinct on (e.organization_id, e.lane) e.organization_id, e.lane, g.hash
    from pgtrail.event e, pgtrail.incarnation i,
        lateral (select sha256(record_send(row('pgtrail genesis'::text, i.log_id, e.organization_id, e.lane))) as hash) g
    -- A lane keeps the identity that the log had when the lane was opened.
    order by e.organization_id, e.lane, e.seq, g.hash = e.previous_hash desc
), placed as (
    select e.organization_id, e.lane, e.seq, e.previous_hash, e.hash,
        row_number() over w as expected_seq,
        coalesce(lag(e.hash) over w, g.hash) as expected_previous,
        sha256(record_send(row('pgtrail event'::text, e.hash_version, e.organization_id, e.lane, e.seq,
            e.previous_hash, d.identity, d.content, e.occurred_at, e.recorded_at, e.id, e.external_id,
            e.external_number, e.source, e.project_id, e.event_type, e.category, e.action, e.severity, e.outcome,
            e.status_code, e.actor_type, e.actor_role, e.resource_type, e.request_method, e.data_classification,
            e.data_size_bytes, e.retention_policy, e.compliance_tags, e.event_version, e.processing_latency_ms)))
            as expected_hash
    from pgtrail.event e
    join genesis g using (organization_id, lane),
        lateral (select ${hashes} offset 0) d
    window w as (partition by e.organization_id, e.lane order by e.seq, e.hash)
), newest as (
    select distinct on (organization_id, lane) organization_id, lane, seq, hash
    from placed order by organization_id, lane, seq desc
), heads as (
    select distinct on (organization_id, lane) organization_id, lane, seq, hash
    from pgtrail.chain_head order by organization_id, lane, seq desc
)
select format('%s/%s/%s has the place %s', organization_id, lane, seq, expected_seq) as break
from placed where seq <> expected_seq
union all
select format('%s/%s/%s does not follow the event before it', organization_id, lane, seq)
from placed where previous_hash <> expected_previous
union all
select format('%s/%s/%s has not the hash of its values', organization_id, lane, seq)
from placed where hash <> expected_hash
union all
select format('%s/%s ends at %s and its head is %s', organization_id, lane, n.seq, h.seq)
from newest n full join heads h using (organization_id, lane)
where n.seq is distinct from h.seq or n.hash is distinct from h.hash
union all
select format('%s/%s has no genesis head', organization_id, lane)
from genesis g
where not exists (
    select from pgtrail.chain_head h
    where h.organization_id = g.organization_id and h.lane = g.lane and h.seq = 0 and h.hash = g.hash)
limit 20`

const actBreaks = `
with placed as (
    select a.*, row_number() over w as expected_seq,
        coalesce(lag(a.hash) over w, sha256(record_send(row('pgtrail act genesis'::text, l.log_id)))) as expected_previous,
        sha256(record_send(row('pgtrail act'::text, a.hash_version, a.organization_id, a.seq, a.previous_hash, a.kind,
            a.parameters, a.digest, a.recorded_at, a.session_user_name, a.client_address, a.transaction_id::text::bigint,
            a.system_identifier, a.timeline))) as expected_hash
    from pgtrail.act a, pgtrail.incarnation l
    where l.number = 1
    window w as (order by a.seq)
)
select format('act %s is broken', seq) as break from placed
where seq <> expected_seq or previous_hash <> expected_previous or hash <> expected_hash
limit 20`

/** What is wrong with the chains of a log, one sentence each; at most 40. */
export async function findBreaks(db: Pick<TestDatabase, "query">): Promise<string[]> {
  const rows = [...(await db.query(eventBreaks)), ...(await db.query(actBreaks))]
  return rows.map((row) => row.break ?? "")
}
