-- Adds to pg_temp.pgtrail_plan the events of a partition that have to do with the subject of pg_temp.pgtrail_subject, and tells how many.
-- By indexes: those that he did (id, session), and those about a resource that he is (rules of kind `resource`, or named). By reading the partition, if
-- there are such identifiers: e-mail address, name, address and device, unless there are indexes for them too, and paths that rules name in events of every type;
-- where nothing else needs that, the index of types leads to events of the others' types. With `in_text` all text
-- is looked through as well, and what only mentions him counts. `partition_name` 'archive NAME': the rows that lie in pg_temp.pgtrail_restored.
-- Of each event it tells what a redaction would replace, column by column, and why it must not: a hold, a law (a floor whose time is not
-- over, a rule of kind `keep`), or that it does not verify. What stands in the frame of an event nothing can replace. Without `told` it tells what
-- he is in the event, and no more: for whoever only reads. Where indexes alone lead to him there, it adds nothing to the plan: it makes
-- pg_temp.pgtrail_found, as subject_view does, a view that finds them while it is read, and returns null.
create or replace function pgtrail.find_subject(
    partition_name text, organizations text[] default null, since timestamptz default null, until timestamptz default null,
    in_text boolean default false, told boolean default true
) returns bigint
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set work_mem = '64MB'
set enable_memoize = off
set standard_conforming_strings = on
set jit = off
as $$
#variable_conflict use_column
declare
    text_columns constant text[] := array['resource_id', 'resource_name', 'namespace', 'description', 'error_message', 'request_path',
        'request_id', 'correlation_id'];
    json_columns constant text[] := array['request_params', 'before_state', 'after_state', 'details'];
    frame_columns constant text[] := array['id', 'external_id', 'external_number', 'source', 'organization_id', 'project_id', 'event_type', 'category',
        'action', 'actor_type', 'actor_role', 'resource_type', 'request_method', 'retention_policy', 'compliance_tags', 'event_version'];
    identity_columns constant text[] := array['actor_id', 'actor_name', 'actor_email', 'ip_address', 'user_agent', 'session_id', 'device_id'];
    -- What pgtrail itself wrote about him: the right values, and whose they are.
    rectified constant text := 'e.event_type = ''gdpr.rectified'' and (e.details->>''actor_id'' = any ($1) or pgtrail.fold_text(e.details->>''actor_email'') = any ($2) '
        'or e.details->>''resource_type'' = any ($15) and e.details->>''resource_id'' = any ($1) '
        'or (e.details->>''resource_type'', e.details->>''resource_id'') in (select * from unnest($7, $8)))';
    relation regclass;
    forms record;
    -- The identifiers in both normal forms, in the case in which they were given: Alex, alex and ALEX are three people.
    cased text[];
    -- The same at the end of a rule's path; an address is one in every case.
    exact text[];
    -- Of a word between its borders, which chr(1) stands for.
    alone text;
    types text[];
    candidates text[];
    -- The same for a reading that finds them itself: conditions of events, each of which an index serves.
    arms text[];
    scans text[] := '{}';
    actor text;
    subject text;
    bounds text;
    -- Rules that name paths: what each document is looked through for, and where the index has the types of events that they are for.
    ruled text[];
    ranges text[];
    span text;
    is_ruled boolean := false;
    is_there boolean;
    found bigint;
begin
    perform pgtrail.check_subject_stage();
    forms := pgtrail.subject_forms();
    select array_agg(distinct v.value) into cased
    from pg_temp.pgtrail_subject s, lateral (select case when s.kind = 'resource' then substr(s.value, strpos(s.value, '/') + 1) else s.value end as value) w,
        lateral (values (w.value), (normalize(w.value)), (normalize(w.value, nfd))) v (value)
    where length(w.value) >= 3;
    select array_agg(distinct v.value) into exact
    from pg_temp.pgtrail_subject s, lateral (select case when s.kind = 'resource' then substr(s.value, strpos(s.value, '/') + 1) else s.value end as value) w,
        lateral (select unnest(case when s.kind in ('email', 'text') or strpos(w.value, '@') > 0 then array[pgtrail.fold_text(w.value)]
            when s.kind = 'ip' then array[w.value, host(w.value::inet), upper(host(w.value::inet))] else array[w.value, normalize(w.value), normalize(w.value, nfd)] end) as value) v
    -- Longer text the pattern finds.
    where s.kind <> 'text' or length(w.value) < 3 or upper(w.value) = lower(w.value);
    alone := split_part(forms.pattern, ')(', 1) || ')' || chr(1) || '(' || split_part(forms.pattern, ')(', 3);
    relation := pgtrail.subject_relation(partition_name);
    perform pgtrail.refuse_found(partition_name);
    -- Nothing was ever in it, as in months ahead, and mostly in DEFAULT: what follows takes long to plan.
    if pg_relation_size(relation) = 0 then
        return 0;
    end if;
    select array_agg(distinct r.resource_type) into types
    from pgtrail.subject_rule r where r.kind = 'resource' and r.ended_seq is null;
    organizations := coalesce(organizations, array(select distinct h.organization_id from pgtrail.chain_head h where h.seq = 0));
    bounds := concat_ws(' and ', 'true', case when since is not null then 'e.occurred_at >= $13' end, case when until is not null then 'e.occurred_at < $14' end);

    -- Who he is as an actor, and as what is acted on.
    -- Others have the same name, address or device: by those he is the actor only where nothing says that somebody else is.
    actor := concat_ws(' or ', 'false',
        case when forms.ids is not null then 'e.actor_id = any ($1)' end,
        case when forms.emails is not null then 'pgtrail.fold_text(e.actor_email) = any ($2)' end,
        '(e.actor_id is null or e.actor_id = any ($1)) and (e.actor_email is null or pgtrail.fold_text(e.actor_email) = any ($2)) and ('
            || concat_ws(' or ', 'false',
                case when forms.names is not null then 'e.actor_name = any ($3)' end,
                case when forms.addresses is not null then 'e.ip_address = any ($4)' end,
                case when forms.devices is not null then 'e.device_id = any ($5)' end,
                case when forms.sessions is not null then 'e.session_id = any ($6)' end) || ')');
    subject := concat_ws(' or ', 'false',
        case when forms.ids is not null and types is not null then 'e.resource_type = any ($15) and e.resource_id = any ($1)' end,
        case when forms.resource_types is not null
            then '(e.resource_type, e.resource_id) in (select * from unnest($7, $8))' end);

    candidates := array_remove(array[
        case when forms.ids is not null then 'select f.* from unnest($12) o, lateral (select e.ctid as place from only %1$s e '
            'where e.organization_id = o and left(e.actor_id, 300) = any (array(select left(i, 300) from unnest($1) i)) '
            'and e.actor_id = any ($1) and ' || bounds || ' offset 0) f' end,
        case when forms.sessions is not null then 'select f.* from unnest($12) o, lateral (select e.ctid as place from only %1$s e '
            'where e.organization_id = o and left(e.session_id, 300) = any (array(select left(i, 300) from unnest($6) i)) '
            'and e.session_id = any ($6) and ' || bounds || ' offset 0) f' end,
        case when forms.ids is not null and types is not null then 'select f.* from unnest($12) o, unnest($15) t, unnest($1) i, '
            'lateral (select e.ctid as place from only %1$s e where e.organization_id = o and left(e.resource_type, 100) = left(t, 100) '
            'and left(e.resource_id, 300) = left(i, 300) and e.resource_type = t and e.resource_id = i and ' || bounds || ' offset 0) f' end,
        case when forms.resource_types is not null then 'select f.* from unnest($12) o, unnest($7, $8) n (t, i), '
            'lateral (select e.ctid as place from only %1$s e where e.organization_id = o and left(e.resource_type, 100) = left(n.t, 100) '
            'and left(e.resource_id, 300) = left(n.i, 300) and e.resource_type = n.t and e.resource_id = n.i and ' || bounds || ' offset 0) f' end],
        null);
    arms := array_remove(array[
        case when forms.ids is not null then 'left(e.actor_id, 300) = any (array(select left(i, 300) from unnest($1) i)) and e.actor_id = any ($1)' end,
        case when forms.sessions is not null
            then 'left(e.session_id, 300) = any (array(select left(i, 300) from unnest($6) i)) and e.session_id = any ($6)' end,
        case when forms.ids is not null and types is not null then 'left(e.resource_type, 100) = any (array(select left(t, 100) from unnest($15) t)) '
            'and left(e.resource_id, 300) = any (array(select left(i, 300) from unnest($1) i)) and e.resource_type = any ($15) and e.resource_id = any ($1)' end,
        case when forms.resource_types is not null then 'left(e.resource_type, 100) = any (array(select left(t, 100) from unnest($7) t)) '
            'and left(e.resource_id, 300) = any (array(select left(i, 300) from unnest($8) i)) and (e.resource_type, e.resource_id) in (select * from unnest($7, $8))' end],
        null);
    -- Each document is folded once, however many rules and identifiers there are.
    ruled := array(
        select format('e.%1$I is not null and (%2$s) and pgtrail.fold_text(e.%1$I::text) like any ($19)', r.path[1],
            string_agg(distinct case when r.event_type is null then 'true'
                else format('e.event_type = %1$L or starts_with(e.event_type, %1$L || ''.'')', r.event_type) end, ' or '))
        from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null
        group by r.path[1]);
    if in_text then
        -- In text nobody looks for what is shorter, and at a rule's path it is somebody all the same.
        if exists (select from unnest(forms.folded) k where length(k) < 3) then
            scans := ruled;
        end if;
        candidates := candidates || format('select e.ctid as place from only %%1$s e, lateral (select pgtrail.fold_text(w.words) as words from (select '
            'concat_ws('' '', %s, array_to_string(e.tags, '' ''), host(e.ip_address)) as words offset 0) w offset 0) w '
            'where e.organization_id = any ($12) and %s and (%s)',
            (select string_agg(format('e.%s::text', c), ', ') from unnest(identity_columns || text_columns || json_columns || frame_columns) c where c <> 'ip_address'),
            bounds, (select coalesce(string_agg(format('strpos(w.words, ($10)[%s]) > 0', n), ' or '), 'false') from generate_subscripts(forms.needles, 1) n
                where length(forms.needles[n]) >= 3));
    else
        scans := array_remove(array[
            case when forms.emails is not null then 'pgtrail.fold_text(e.actor_email) = any ($2)' end,
            case when forms.names is not null then 'e.actor_name = any ($3)' end,
            case when forms.addresses is not null then 'e.ip_address = any ($4)' end,
            case when forms.devices is not null then 'e.device_id = any ($5)' end], null);
        -- pgtrail index add subject: one index for the four. It has the addresses as lower() in collation C makes them, which knows ASCII alone.
        if scans <> '{}' and not exists (select from unnest(forms.emails) m where octet_length(m) <> length(m)) and exists (
            select from pg_index i where i.indrelid = relation and i.indisvalid and pg_get_indexdef(i.indexrelid) like '% USING gin %host(ip_address)%')
        then
            arms := arms || format('(%s) '
                'and (e.actor_email is not null or e.actor_name is not null or e.ip_address is not null or e.device_id is not null) '
                'and array[lower(left(e.actor_email, 300)), left(e.actor_name, 300), host(e.ip_address), left(e.device_id, 300)] '
                '&& array(select left(k, 300) from unnest($2 || $3 || $5 || array(select host(a) from unnest($4) a)) k)',
                (select string_agg(s, ' or ') from unnest(scans) s));
            candidates := candidates || format('select e.ctid as place from only %%1$s e where e.organization_id = any ($12) and %s and %s',
                arms[cardinality(arms)], bounds);
            scans := '{}';
        end if;
        select case when bool_and(r.event_type is not null) then array_agg(distinct
            format('left(e.event_type, 300) >= left(%1$L, 300) and left(e.event_type, 300) < left(%1$L, 300) || ''/''', r.event_type)) end into ranges
        from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null;
        if scans = '{}' and ranges is not null then
            foreach span in array ranges loop
                -- Of gdpr.rectified most partitions have none: what finds none need not be planned.
                execute format('select exists (select from unnest($1) o, lateral (select from only %s e where e.organization_id = o and %s limit 1) f)', relation, span)
                into is_there using organizations;
                if is_there then
                    is_ruled := true;
                    candidates := candidates || format('select f.* from unnest($12) o, lateral (select e.ctid as place from only %%1$s e '
                        'where e.organization_id = o and %s and (%s) and %s offset 0) f', replace(span, '%', '%%'),
                        replace((select string_agg(format('(%s)', s), ' or ') from unnest(ruled) s), '%', '%%'), bounds);
                end if;
            end loop;
        else
            scans := scans || ruled;
        end if;
    end if;
    if scans <> '{}' then
        candidates := candidates || format('select e.ctid as place from only %%1$s e where e.organization_id = any ($12) and (%s) and %s',
            replace((select string_agg(format('(%s)', s), ' or ') from unnest(scans) s), '%', '%%'), bounds);
    end if;
    if candidates = '{}' then
        return 0;
    end if;

    -- What follows takes long to plan, and in most partitions most people have done nothing.
    if not in_text and scans = '{}' then
        execute (select 'select ' || string_agg(format('exists (%s)', format(c, relation)), ' or ') from unnest(candidates) c)
        into is_there
        using forms.ids, forms.emails, forms.names, forms.addresses, forms.devices, forms.sessions, forms.resource_types, forms.resource_ids,
            forms.folded, forms.needles, forms.pattern, organizations, since, until, types, null::text, null::text, in_text, forms.likes;
        if not is_there then
            return 0;
        end if;
    end if;

    -- Of each type every id is looked for there: of many types it would be too many.
    if not told and not in_text and scans = '{}' and not is_ruled and (select count(distinct t) from unnest(forms.resource_types) t) <= 8 then
        -- Nothing in these texts is from outside. No parameter goes into a view, and no identifier into the catalog: it reads them from a temporary table.
        delete from pg_temp.pgtrail_given;
        insert into pg_temp.pgtrail_given values (forms.ids, forms.emails, forms.names, forms.addresses, forms.devices, forms.sessions,
            forms.resource_types, forms.resource_ids, forms.folded, organizations, since, until, types);
        if to_regclass('pg_temp.pgtrail_found') is not null then
            drop view pg_temp.pgtrail_found;
        end if;
        execute format(regexp_replace(format($q$
            create temporary view pgtrail_found with (security_barrier) as
            select f.is_actor as as_actor, f.is_subject as as_subject, false as mentioned, e.*
            from only %%1$s e,
                lateral (select coalesce(%2$s, false) as is_actor, coalesce(%3$s, false) or coalesce(%4$s, false) as is_subject offset 0) f
            where e.organization_id = any ($12) and (%1$s) and %5$s and (f.is_actor or f.is_subject)
            order by e.occurred_at, e.organization_id, e.lane, e.seq $q$,
            (select string_agg(format('(%s)', a), ' or ') from unnest(arms) a), actor, subject, rectified, bounds),
            '[$](\d+)', 'coalesce((select g.p\1 from pg_temp.pgtrail_given g where g.the_one))', 'g'), relation);
        grant select on pg_temp.pgtrail_found to public;
        return null;
    end if;

    if not told and not in_text then
        -- Only what he is in the event: without rules that name paths no document is read.
        execute format($q$
            with candidate as materialized (%2$s)
            insert into pg_temp.pgtrail_plan (partition_name, archive, organization_id, lane, seq, occurred_at, event_type, place, as_actor, as_subject, mentioned)
            select case when $16 is null then $17 end, $16, e.organization_id, e.lane, e.seq, e.occurred_at, e.event_type, e.place, e.is_actor, e.is_subject, false
            from (
                select e.ctid as place, e.organization_id, e.lane, e.seq, e.occurred_at, e.event_type, coalesce(%3$s, false) as is_actor,
                    coalesce(%4$s, false) or coalesce(%6$s, false)
                        or %5$s as is_subject
                from candidate c
                join only %1$s e on e.ctid = c.place
                offset 0
            ) e
            where e.is_actor or e.is_subject $q$,
            relation,
            (select string_agg(format('(%s)', format(c, relation)), ' union ') from unnest(candidates) c),
            actor, subject,
            (select coalesce(string_agg(format('%s and coalesce((select j.hit from pgtrail.json_places(e.%I, $21, $19, $11, %L) j), false)',
                case when r.event_type is null then 'true' else format('(e.event_type = %1$L or starts_with(e.event_type, %1$L || ''.''))', r.event_type) end,
                r.path[1], jsonb_build_array(to_jsonb(r.path) - 0)), ' or '), 'false')
            from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null), rectified)
        using forms.ids, forms.emails, forms.names, forms.addresses, forms.devices, forms.sessions, forms.resource_types, forms.resource_ids,
            forms.folded, forms.needles, forms.pattern, organizations, since, until, types,
            case when starts_with(partition_name, 'archive ') then substr(partition_name, 9) end, partition_name, in_text, forms.likes, array(select k from unnest(forms.folded) k where length(k) >= 3), exact;
        get diagnostics found = row_count;
        return found;
    end if;

    execute format($q$
        with candidate as materialized (%2$s), read as (
            select e.ctid as place, e.*, coalesce(%3$s, false) as is_actor, coalesce(%4$s, false) as is_resource,
                -- What pgtrail itself wrote about him: the right values, and whose they are.
                coalesce(%21$s, false) as is_rectified,
                -- Of others' events short identifiers say nothing: 5 is a number, and admin a role.
                case when coalesce(%3$s or %4$s, false) then $9 else $20 end as folded,
                o.own, coalesce(%6$s or o.own <> '{}', false) as says, (%19$s) as frame_says, strpos(w.words, 'hash": "') > 0 or strpos(w.words, 'checksum": "') > 0
                    or strpos(w.words, 'digest": "') > 0 or strpos(w.words, 'hmac": "') > 0 or strpos(w.words, 'signature": "') > 0 as has_sums
            from candidate c
            join only %1$s e on e.ctid = c.place,
                -- By themselves: what is folded more than once would else be put together each time.
                lateral (select concat_ws(' ', %7$s, array_to_string(e.tags, ' '), %8$s, e.resource_id, e.resource_name) as words, concat_ws(' ', %20$s) as frame offset 0) w,
                lateral (select pgtrail.fold_text(w.words) as blob, pgtrail.fold_text(w.frame) as frame offset 0) b,
                -- What else his own events say of him is found in the rest of them too: of an event that he did its actor, of one about him its resource, and not where these themselves stand.
                lateral (select case when coalesce(%3$s or %4$s, false) then array(
                    select distinct v.word
                    from unnest(case when coalesce(%3$s, false) then array[%5$s] else '{}' end
                            || case when coalesce(%4$s, false) then array[pgtrail.fold_text(e.resource_id), pgtrail.fold_text(e.resource_name)] else '{}' end) v (word),
                        (select case when coalesce(%4$s, false) then left(b.blob, - length(pgtrail.fold_text(concat_ws(' ', e.resource_id, e.resource_name)))) else b.blob end as blob offset 0) r
                    where v.word not in ('', '[erased]') and v.word <> all ($20)
                        and (strpos(r.blob, v.word) > 0 or strpos(v.word, '"') > 0 or strpos(v.word, '\') > 0)) end as own offset 0) o
            offset 0
        ), ruled as (
            select e.*, %9$s
            from read e
            offset 0
        ), judged as (
            select e.*, %10$s
            from ruled e%11$s
            offset 0
        ), told as (
            select e.*, e.is_resource or e.is_rectified or e.rule_hit as is_subject,
                array_remove(array[%12$s], null) as identity,
                array_remove(array[%13$s], null) || e.json_fields as content,
                array_remove(array[%14$s], null) as frame
            from judged e
        )
        insert into pg_temp.pgtrail_plan
        select case when $16 is null then $17 end, $16, e.organization_id, e.lane, e.seq, e.occurred_at, e.event_type, e.place, e.is_actor, e.is_subject,
            cardinality(e.content) > 0 or cardinality(e.identity) > 0, e.identity,
            case when e.signature is not null and cardinality(e.identity) + cardinality(e.content) > 0 then e.content || e.sums || array['signature']
                when cardinality(e.identity) + cardinality(e.content) > 0 then e.content || e.sums else e.content end,
            e.frame, %15$s, %16$s, %17$s and %18$s
        from told e
        where e.is_actor or e.is_subject or $18 and cardinality(e.identity) + cardinality(e.content) + cardinality(e.frame) > 0 $q$,
        relation,
        format((select string_agg(format('(%s)', c), ' union ') from unnest(candidates) c), relation),
        actor, subject,
        (select string_agg(format('pgtrail.fold_text(%s)', case c when 'ip_address' then 'host(e.ip_address)' else 'e.' || c end), ', ')
        from unnest(identity_columns) c where c <> 'user_agent'),
        (select string_agg(format('strpos(b.blob, ($10)[%s]) > 0', n), ' or ') from generate_subscripts(forms.needles, 1) n),
        (select string_agg('e.' || c, ', ') from unnest(text_columns) c where c not in ('resource_id', 'resource_name')), (select string_agg(format('e.%s::text', c), ', ') from unnest(json_columns) c),
        (select string_agg(case when exists (select from pgtrail.subject_rule r where r.kind = 'path' and r.ended_seq is null and r.path[1] = c)
            then format('(select jsonb_agg(to_jsonb(r.path) - 0) from pgtrail.subject_rule r where r.kind = ''path'' and r.ended_seq is null and r.path[1] = %1$L '
                'and (r.event_type is null or r.event_type = e.event_type or starts_with(e.event_type, r.event_type || ''.''))) as paths_%1$s', c)
            else format('null::jsonb as paths_%s', c) end, ', ')
        from unnest(json_columns) c),
        -- 10: of the documents, only where there is something to be found.
        (select format('%s as json_fields, %s as sums, coalesce(%s, false) as rule_hit',
            string_agg(format('coalesce(array(select %1$L || case when p = '''' then '''' else ''.'' || p end from unnest(j_%1$s.places) p), ''{}'')', c), ' || '),
            string_agg(format('coalesce(array(select %1$L || ''.'' || p from unnest(j_%1$s.sums) p), ''{}'')', c), ' || '),
            string_agg(format('coalesce(j_%s.hit, false)', c), ' or '))
        from unnest(json_columns) c),
        (select string_agg(format(' left join lateral (select b.* from pgtrail.json_places(e.%1$s, $22, $19, $11, e.paths_%1$s, e.is_resource or e.is_rectified, e.own) b '
            'where e.%1$s is not null and (e.says or e.paths_%1$s is not null or e.has_sums) offset 0) j_%1$s on true', c), '')
        from unnest(json_columns) c),
        (select string_agg(case c when 'ip_address'
            then 'case when e.ip_address is not null and (e.is_actor or host(e.ip_address) = any (e.folded)) then ''ip_address'' end'
            -- Of another's event only what is an identifier as it stands: his own id may have it in it, or be it in another case.
            else format('case when e.%1$s is not null and (e.is_actor or '
                || case when c in ('actor_id', 'session_id', 'device_id') then '(e.%1$s = any ($21) or pgtrail.fold_text(e.%1$s) = any ($2)) is true'
                    else 'pgtrail.fold_text(e.%1$s) = any (e.folded)' end
                || case c when 'user_agent' then ' or pgtrail.fold_text(e.user_agent) like any ($19) and pgtrail.fold_text(e.user_agent) ~ $11' else '' end || ') then %1$L end', c) end, ', ')
        from unnest(identity_columns) c),
        (select string_agg(format('case when %2$s (e.says%3$s and (pgtrail.fold_text(e.%1$s) = any (e.folded) or pgtrail.fold_text(e.%1$s) like any ($19) and pgtrail.fold_text(e.%1$s) ~ $11 '
            'or e.own <> ''{}'' and exists (select from (select unnest(e.own) as word) o where strpos(pgtrail.fold_text(e.%1$s), o.word) > 0 and replace(pgtrail.fold_text(e.%1$s), o.word, chr(1)) ~ $23))) '
            'then %1$L end', c, case c when 'resource_id' then 'e.is_resource and e.resource_id is not null or'
                when 'resource_name' then 'e.is_resource and e.resource_name is not null and e.resource_name not in (''[erased]'') or' else '' end,
                -- Where it is somebody's id, it is his in this case alone.
                case c when 'resource_id' then ' and (e.resource_type = any ($15) and pgtrail.fold_text(e.resource_id) = any (e.folded) and (pgtrail.fold_text(e.resource_id) = any ($2)) is not true) is not true' else '' end), ', ')
        from unnest(text_columns) c)
            || ', case when e.says and exists (select from unnest(e.tags) t where pgtrail.fold_text(t) = any (e.folded) or pgtrail.fold_text(t) like any ($19) and pgtrail.fold_text(t) ~ $11 '
            'or e.own <> ''{}'' and exists (select from (select unnest(e.own) as word) o where strpos(pgtrail.fold_text(t), o.word) > 0 and replace(pgtrail.fold_text(t), o.word, chr(1)) ~ $23)) then ''tags'' end',
        (select string_agg(format('case when e.frame_says and (pgtrail.fold_text(e.%1$s::text) = any (e.folded) or pgtrail.fold_text(e.%1$s::text) ~ $11) then %1$L end', c), ', ')
        from unnest(frame_columns) c),
        pgtrail.hold_condition(), pgtrail.law_condition(), pgtrail.hash_condition(), pgtrail.redaction_condition(),
        (select string_agg(format('strpos(b.frame, ($10)[%s]) > 0', n), ' or ') from generate_subscripts(forms.needles, 1) n),
        (select string_agg(format('e.%s::text', c), ', ') from unnest(frame_columns) c), rectified)
    using forms.ids, forms.emails, forms.names, forms.addresses, forms.devices, forms.sessions, forms.resource_types, forms.resource_ids,
        forms.folded, forms.needles, forms.pattern, organizations, since, until, types, case when starts_with(partition_name, 'archive ') then substr(partition_name, 9) end,
        partition_name, in_text, forms.likes, array(select k from unnest(forms.folded) k where length(k) >= 3), cased, exact, alone;
    get diagnostics found = row_count;
    return found;
end
$$;
comment on function pgtrail.find_subject(text, text[], timestamptz, timestamptz, boolean, boolean) is 'The events of a partition that have to do with a subject';
revoke all on function pgtrail.find_subject(text, text[], timestamptz, timestamptz, boolean, boolean) from public;
