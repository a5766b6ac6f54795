-- On the way down, before an earlier version's grants are applied: takes back all others. Partitions have the same in
-- every version, detached ones too.
do $$
declare
    statement text;
begin
    for statement in
        select distinct format('revoke all on table %s from %s', t.relation::regclass, coalesce(quote_ident(r.rolname), 'public'))
        from (
            select c.oid as relation, c.relowner, a.grantee
            from pg_class c, aclexplode(c.relacl) a
            where c.relnamespace = 'pgtrail'::regnamespace and not c.relispartition and c.relkind in ('r', 'p', 'v')
                and not exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = 'pgtrail_closed')
            union all
            select c.oid, c.relowner, x.grantee
            from pg_class c
            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped,
                lateral aclexplode(a.attacl) x
            where c.relnamespace = 'pgtrail'::regnamespace and not c.relispartition and c.relkind in ('r', 'p', 'v')
                and not exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = 'pgtrail_closed')
        ) t
        left join pg_roles r on r.oid = t.grantee
        where t.grantee <> t.relowner
        union all
        select distinct format('revoke all on routine %s from %s', p.oid::regprocedure, coalesce(quote_ident(r.rolname), 'public'))
        from pg_proc p
        cross join lateral aclexplode(p.proacl) a
        left join pg_roles r on r.oid = a.grantee
        where p.pronamespace = 'pgtrail'::regnamespace and a.grantee <> p.proowner
        union all
        select distinct format('revoke all on schema pgtrail from %s', coalesce(quote_ident(r.rolname), 'public'))
        from pg_namespace n
        cross join lateral aclexplode(n.nspacl) a
        left join pg_roles r on r.oid = a.grantee
        where n.nspname = 'pgtrail' and a.grantee <> n.nspowner
    loop
        execute statement;
    end loop;
end
$$;
