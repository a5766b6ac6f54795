-- Of what the plan says is held: the cases of the holds, and how many of these events each holds. Partition by partition, as they were found.
create or replace function pgtrail.plan_cases() returns table (case_id text, events bigint)
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set client_encoding = 'UTF8'
set jit = off
as $$
declare
    partition text;
begin
    perform pgtrail.check_subject_stage();
    for partition in
        select distinct coalesce(p.partition_name, 'archive ' || p.archive) from pg_temp.pgtrail_plan p where p.held
    loop
        return query execute format('select h.case_id::text, count(distinct e.ctid) from pg_temp.pgtrail_plan p join only %s e on e.ctid = p.place '
            'join pgtrail.hold h on h.released_seq is null and (h.expires_at is null or h.expires_at > now()) and %s '
            'where p.held and coalesce(p.partition_name, ''archive '' || p.archive) = $1 group by 1',
            pgtrail.subject_relation(partition), pgtrail.hold_fits())
        using partition;
    end loop;
end
$$;
comment on function pgtrail.plan_cases() is 'The cases that hold what a plan found';
revoke all on function pgtrail.plan_cases() from public;
