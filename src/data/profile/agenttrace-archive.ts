// AgentTrace's archive: which events were put there. It has their places alone, so what is erased or restricted in the log is so here too.
import { type Companion, readOf, type ViewColumn } from "./shape.js"
import { isVisible } from "./visible.js"

const places: Companion = {
  name: "pgtrail_audit_events_archive",
  kind: "table",
  isPrivate: true,
  sql: ({ schema }) => `create table if not exists ${schema}.pgtrail_audit_events_archive (
    organization_id text collate "C" not null,
    lane smallint not null,
    seq bigint not null,
    occurred_at timestamptz not null,
    archived_at timestamptz not null default now(),
    constraint audit_events_archive_hash_key primary key (organization_id, lane, seq)
);`,
}

// Of one time in one organization there are few events: the hash tells which.
const insert: Companion = {
  name: "pgtrail_audit_events_archive_insert",
  kind: "function",
  signature: "()",
  isPrivate: true,
  sql: ({
    schema,
  }) => `create or replace function ${schema}.pgtrail_audit_events_archive_insert() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $archive$
declare
    found_event record;
begin
    select e.lane, e.seq into found_event
    from pgtrail.event e
    where e.source = 'agenttrace' and e.organization_id = new.organization_id and e.occurred_at = new."timestamp"
        and encode(e.hash, 'hex') = new.hash;
    if not found then
        raise exception using errcode = 'foreign_key_violation', table = tg_table_name, schema = tg_table_schema, column = 'hash',
            message = format('a row for %I.%I is no event of the log', tg_table_schema, tg_table_name),
            hint = 'Nothing was changed. The archive takes rows of audit_events, each with its hash; insert others into audit_events first.';
    end if;
    insert into ${schema}.pgtrail_audit_events_archive (organization_id, lane, seq, occurred_at)
    values (new.organization_id, found_event.lane, found_event.seq, new."timestamp");
    return new;
end
$archive$;
revoke all on function ${schema}.pgtrail_audit_events_archive_insert() from public;`,
}

/**
 * The same columns in the same order, for INSERT ... SELECT *. What was put there once is refused the second time: the events stay in the log. The
 * events stand first in FROM: a LOCK TABLE that goes through the view ends there, before it has the table.
 */
const view = (columns: readonly ViewColumn[]): Companion => ({
  name: "audit_events_archive",
  kind: "view",
  rights: ["insert"],
  isAppendOnly: true,
  sql: ({
    schema,
  }) => `create or replace view ${schema}.audit_events_archive with (security_barrier = true) as
select
${columns.map((column) => `    (${readOf(column, { schema })})::${column.type} as "${column.name}"`).join(",\n")}
from ${schema}.pgtrail_agenttrace_event e
join ${schema}.pgtrail_audit_events_archive a on e.organization_id = a.organization_id and e.lane = a.lane and e.seq = a.seq and e.occurred_at = a.occurred_at
where e.source = 'agenttrace'
    and ${isVisible({ name: "agenttrace" }, { schema })};
alter view ${schema}.audit_events_archive alter column previous_hash set default '';
create or replace trigger pgtrail_insert instead of insert on ${schema}.audit_events_archive
    for each row execute function ${schema}.pgtrail_audit_events_archive_insert();
create or replace trigger pgtrail_refuse_row instead of update or delete on ${schema}.audit_events_archive
    for each row execute function ${schema}.pgtrail_agenttrace_refuse();
create or replace trigger pgtrail_refuse before update or delete on ${schema}.audit_events_archive
    for each statement execute function ${schema}.pgtrail_agenttrace_refuse();`,
})

export const archive = (columns: readonly ViewColumn[]): readonly Companion[] => [
  places,
  insert,
  view(columns),
]
