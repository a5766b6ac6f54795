-- Over 120 lines because what is read, replaced and recorded is one statement.
-- Replaces what the plan says of a partition, and records of each group what it was and is. To be called between redact_begin and
-- record_redaction. What is held, or does not verify, stays. `strategy` erase: null, or the marker; what a law keeps gets a token of which nobody
-- keeps whom it stands for, one an organization. hash, token, encrypt: the pseudonyms that `replacements` has for the organizations.
-- reapply: what the plan says. Addresses, agents, sessions and devices are never replaced by anything but null.
create or replace function pgtrail.redact_partition(partition_name text, strategy text, replacements jsonb default null) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set jit = off
as $$
#variable_conflict use_column
declare
    form constant text := '^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$';
    relation regclass;
    folded text[];
    pattern text;
    digests text[];
    changes text;
    done bigint;
    written bigint;
    marked bigint;
begin
    perform pgtrail.check_subject_stage();
    if not exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id_if_assigned()) then
        raise exception using errcode = 'object_not_in_prerequisite_state', message = 'no redaction was begun in this transaction',
            hint = 'Nothing was changed.';
    elsif (strategy in ('erase', 'hash', 'token', 'encrypt', 'reapply')) is not true or (strategy in ('hash', 'token', 'encrypt')) <> (replacements is not null)
        or exists (select from jsonb_each(replacements) r where jsonb_typeof(r.value) <> 'string' or r.value #>> '{}' !~ form or length(r.value #>> '{}') > 2100)
    then
        raise exception using errcode = 'TR009', hint = 'Nothing was changed.',
            message = 'a strategy is erase, hash, token, encrypt or reapply, and pseudonyms have their form';
    end if;
    if exists (select from pgtrail.redacting r where r.transaction_id = pg_current_xact_id() and r.strategy <> redact_partition.strategy) then
        raise exception using errcode = 'TR009', message = 'a redaction has one strategy', hint = 'Nothing was changed.';
    elsif exists (
        -- Else one subject could be given the pseudonym of another, or words of anybody's.
        select from jsonb_each_text(replacements) r
        where not exists (
            select from pgtrail.pseudonym p
            where p.pseudonym = r.value and p.strategy = redact_partition.strategy and coalesce(p.organization_id, r.key) = r.key))
    then
        raise exception using errcode = 'TR009', message = 'a pseudonym is not one that pgtrail made for this organization and strategy', hint = 'Nothing was changed.';
    end if;
    relation := pgtrail.subject_relation(partition_name);
    if strategy <> 'reapply' then
        select f.folded, f.pattern into folded, pattern from pgtrail.subject_forms() f;
    end if;
    if strategy = 'erase' then
        insert into pg_temp.pgtrail_replacement
        select distinct p.organization_id, 'p1:t:none:' || translate(rtrim(encode(decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 'base64'), '='), '+/', '-_')
        from pg_temp.pgtrail_plan p
        where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and p.law is not null
        on conflict do nothing;
    elsif replacements is not null then
        insert into pg_temp.pgtrail_replacement
        select r.key, r.value from jsonb_each_text(replacements) r
        on conflict do nothing;
    end if;
    update pg_temp.pgtrail_plan p set replacement = r.pseudonym
    from pg_temp.pgtrail_replacement r
    where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and r.organization_id = p.organization_id
        and (strategy <> 'erase' or p.law is not null);
    if replacements is not null and exists (
        select from pg_temp.pgtrail_plan p
        where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and p.replacement is null)
    then
        raise exception using errcode = 'TR009', message = 'an organization of the plan has no pseudonym', hint = 'Nothing was changed.';
    end if;
    select array_agg(g.digest order by g.name desc) into digests from pgtrail.group_digests() g;

    -- Of the columns those alone that the plan names; and one that it names in every event is looked for in none.
    select string_agg(format('%1$I = ' || c.text_of, c.name, n.named), ', ') into changes
    from (
        select f.name, case when sum(g.n) = max(g.events) then 'true' else format(case f.kind when 'identity' then '%L = any (p.identity_fields)'
            else '%L = any (p.columns)' end, f.name) end as named
        from (
            select p.identity_fields, p.content_fields, count(*) as n, sum(count(*)) over () as events
            from pg_temp.pgtrail_plan p
            where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and not p.held and p.sound and not p.done
                and cardinality(p.identity_fields) + cardinality(p.content_fields) > 0
            group by 1, 2
        ) g, lateral (
            select 'identity' as kind, i as name from unnest(g.identity_fields) i
            union
            select 'content', split_part(i, '.', 1) from unnest(g.content_fields) i
        ) f
        group by f.name, f.kind
    ) n
    join (
        select n, 'case when %2$s then case when e.%1$I is not null then p.replacement end else e.%1$I end' from unnest(array['actor_id', 'actor_name', 'actor_email']) n
        union all
        select n, 'case when %2$s then null else e.%1$I end' from unnest(array['ip_address', 'user_agent', 'session_id', 'device_id', 'signature']) n
        union all
        -- Nobody's text by itself: what only mentions him would tell of him by its other words.
        select n, 'case when %2$s then case when e.%1$I is null then null when p.replacement is not null and (pgtrail.fold_text(e.%1$I) = any ($2) '
            'or $4 and %1$L = ''resource_id'') then p.replacement else ''[erased]'' end else e.%1$I end'
        from unnest(array['resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path', 'request_id', 'correlation_id']) n
        union all
        select n, 'case when %2$s then pgtrail.json_replace(e.%1$I, array(select substr(f, length(%1$L) + 2) from unnest(p.content_fields) f '
            'where starts_with(f, %1$L)), $2, p.replacement) else e.%1$I end'
        from unnest(array['request_params', 'before_state', 'after_state', 'details']) n
        union all
        values ('tags', 'case when %2$s and e.tags is not null then case when $4 or array_ndims(e.tags) > 1 then ''{[erased]}'' else (select array_agg('
            'case when pgtrail.fold_text(t) = any ($2) then coalesce(p.replacement, ''[erased]'') when pgtrail.fold_text(t) ~ $3 or exists (select '
            -- As find_subject looks for them: of an event that he did its actor, of one about him its resource, as words of their own.
            'from unnest(case when p.as_actor then array[e.actor_id, e.actor_name, e.actor_email, host(e.ip_address), e.session_id, e.device_id] else ''{}'' end || array[ '
            'case when ''resource_id'' = any (p.content_fields) then e.resource_id end, case when ''resource_name'' = any (p.content_fields) then e.resource_name end]) o '
            'where o not in ('''', ''[erased]'') and strpos(pgtrail.fold_text(t), pgtrail.fold_text(o)) > 0 '
            'and replace(pgtrail.fold_text(t), pgtrail.fold_text(o), chr(1)) ~ (split_part($3, '')('', 1) || '')'' || chr(1) || ''('' || split_part($3, '')('', 3))) then ''[erased]'' '
            'else t end order by n) from unnest(e.tags) with ordinality t (t, n)) end else e.tags end')
    ) c (name, text_of) on c.name = n.name;
    if changes is null then
        -- All of it is held, or does not verify.
        return 0;
    end if;

    execute format($q$
        with source as materialized (
            select p.place, p.as_actor, p.identity_fields, p.content_fields, p.replacement, case when p.identity_fields <> '{}' then %2$s end as identity_now,
                case when p.content_fields <> '{}' then %3$s end as content_now, %5$s as columns
            from pg_temp.pgtrail_plan p
            join only %1$s e on e.ctid = p.place
            where coalesce(p.partition_name, 'archive ' || p.archive) = $1 and not p.held and p.sound and not p.done
                and cardinality(p.identity_fields) + cardinality(p.content_fields) > 0
        ), changed as (
            update only %1$s e
            set identity_digest = case when p.identity_fields <> '{}' then coalesce(e.identity_digest, p.identity_now) else e.identity_digest end,
                content_digest = case when p.content_fields <> '{}' then coalesce(e.content_digest, p.content_now) else e.content_digest end,
                identity_salt = case when p.identity_fields <> '{}' then gen_random_uuid() else e.identity_salt end,
                content_salt = case when p.content_fields <> '{}' then gen_random_uuid() else e.content_salt end,
                %4$s
            from source p
            where e.ctid = p.place
            returning e.organization_id, e.lane, e.seq, p.identity_fields, p.content_fields, p.identity_now, p.content_now,
                case when p.identity_fields <> '{}' then %2$s end as identity_then, case when p.content_fields <> '{}' then %3$s end as content_then,
                e.identity_digest <> p.identity_now as identity_again, e.content_digest <> p.content_now as content_again
        ), entry as (
            insert into pgtrail.redaction_entry
            select c.organization_id, c.lane, c.seq, g.name, 1 + case when g.again then coalesce((
                    select max(r.number) from pgtrail.redaction_entry r
                    where r.organization_id = c.organization_id and r.lane = c.lane and r.seq = c.seq and r.group_name = g.name), 0) else 0 end,
                g.fields, g.now, g.then
            from changed c,
                lateral (values ('identity', c.identity_fields, c.identity_now, c.identity_then, c.identity_again),
                    ('content', c.content_fields, c.content_now, c.content_then, c.content_again)) g (name, fields, now, "then", again)
            where g.fields <> '{}'
        )
        select count(*), sum((c.identity_fields <> '{}')::int + (c.content_fields <> '{}')::int) from changed c $q$,
        relation, digests[1], digests[2], changes, case when strpos(changes, 'p.columns') > 0
            then 'case when p.content_fields <> ''{}'' then array(select split_part(f, ''.'', 1) from unnest(p.content_fields) f) end' else 'null::text[]' end)
    into done, written
    using partition_name, folded, pattern, strategy = 'reapply';
    update pg_temp.pgtrail_plan p set done = true
    where coalesce(p.partition_name, 'archive ' || p.archive) = redact_partition.partition_name and not p.held and p.sound
        and cardinality(p.identity_fields) + cardinality(p.content_fields) > 0 and not p.done;
    get diagnostics marked = row_count;
    if marked <> done then
        raise exception using errcode = 'serialization_failure', message = format('events of %s changed while they were redacted', partition_name),
            hint = 'Nothing was changed. Run it again.';
    end if;
    update pgtrail.redacting r set entries = r.entries + written, strategy = redact_partition.strategy
    where r.transaction_id = pg_current_xact_id() and written > 0;
    return done;
end
$$;
comment on function pgtrail.redact_partition(text, text, jsonb) is 'Replaces what the plan says of a partition';
revoke all on function pgtrail.redact_partition(text, text, jsonb) from public;
