-- Takes back bindings of readers and records of purges.

-- Without its record what was purged is missing, to an older pgtrail and to every later one.
do $$
declare
    records bigint;
    events numeric;
begin
    select count(*), sum(p.events) into records, events from pgtrail.purge p;
    if records > 0 and current_setting('pgtrail.confirmed', true) is distinct from current_database() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('records of purges would be lost, %s of %s events: without them the log does not verify as intact any more, '
                'not even after another migrate up', records, events),
            hint = 'Nothing was lost. To lose it, run it with --confirm and the name of the database.';
    end if;
end
$$;
drop table pgtrail.purge;

-- The bindings go by acts, so that the acts say of a later way up what they say now: that nobody is bound.
do $$
declare
    bound record;
begin
    for bound in select b.role_name, b.organization_id from pgtrail.organization_reader b order by 1, 2 loop
        if current_setting('pgtrail.confirmed', true) is distinct from current_database() then
            raise exception using errcode = 'object_not_in_prerequisite_state',
                message = format('bindings of readers to organizations would be lost, %s in all: who is bound reads nothing then',
                    (select count(*) from pgtrail.organization_reader)),
                hint = 'Nothing was lost. To lose it, run it with --confirm and the name of the database.';
        end if;
        perform pgtrail.record_access('revoke', bound.role_name, 'reader', bound.organization_id);
    end loop;
end
$$;
drop view pgtrail.organization_event, pgtrail.organization_head;
drop table pgtrail.organization_reader;
