-- Makes the temporary tables of a request, gone at the end of the transaction: who the subject is (filled by COPY, whose data no log has), how he
-- is looked for, what was found, what is put in the place of values, and what a register lists. They belong to the owner of pgtrail, so that the
-- caller can fill the first and the last, read what was found, and nothing else.
create or replace function pgtrail.subject_stage() returns void
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
as $$
begin
    -- Nothing else of the server's writes down the parameters of statements within functions.
    if current_setting('auto_explain.log_nested_statements', true) = 'on' and current_setting('auto_explain.log_min_duration', true) <> '-1' then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'auto_explain.log_nested_statements is on: the server would write the identifiers of the subject into its log',
            hint = format('Nothing was changed. A superuser turns it off for this role: alter role %I set auto_explain.log_nested_statements = off', session_user);
    end if;
    if to_regclass('pg_temp.pgtrail_subject') is null then
        create temporary table pgtrail_subject (kind text collate "C", value text collate "C") on commit drop;
        grant insert on pg_temp.pgtrail_subject to public;
        create temporary table pgtrail_plan (
            partition_name text collate "C", archive text collate "C", organization_id text collate "C", lane smallint, seq bigint,
            occurred_at timestamptz, event_type text collate "C", place tid, as_actor boolean, as_subject boolean, mentioned boolean,
            identity_fields text[] collate "C", content_fields text[] collate "C", frame_fields text[] collate "C", held boolean,
            law text collate "C", sound boolean, replacement text collate "C", done boolean not null default false
        -- Room for `done`, which is set later.
        ) with (fillfactor = 45) on commit drop;
        -- By what each partition's own are found: there are as many readings of the plan as partitions.
        create index pgtrail_plan_name on pg_temp.pgtrail_plan ((coalesce(partition_name, 'archive ' || archive)));
        grant select on pg_temp.pgtrail_plan to public;
        create temporary table pgtrail_replacement (
            organization_id text collate "C" primary key, pseudonym text collate "C"
        ) on commit drop;
        create temporary table pgtrail_listed (
            organization_id text collate "C", lane smallint, seq bigint, group_name text collate "C", fields text[] collate "C",
            replacement text collate "C", recorded_until timestamptz
        ) on commit drop;
        grant insert, select on pg_temp.pgtrail_listed to public;
        -- Parameters of find_subject, by their numbers there, for the view that it makes. With a key, because whoever reads the view has sequential scans
        -- switched off: one of this table would cost so much to the planner of older majors that all plans cost the same.
        create temporary table pgtrail_given (
            p1 text[], p2 text[], p3 text[], p4 inet[], p5 text[], p6 text[], p7 text[], p8 text[], p9 text[], p12 text[], p13 timestamptz, p14 timestamptz, p15 text[],
            the_one boolean primary key default true
        ) on commit drop;
    end if;
    perform pgtrail.check_subject_stage();
end
$$;
comment on function pgtrail.subject_stage() is 'Temporary tables of a request of a subject';
revoke all on function pgtrail.subject_stage() from public;
