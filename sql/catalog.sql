-- Describes every object of the schema pgtrail as (object, definition), one line a fact, from the system catalogs alone: no
-- function of pgtrail is called, no pretty printer whose words change between versions or that fails on what somebody planted
-- (pg_get_expr raises on the WHEN of a row trigger). Of a view what pg_get_viewdef writes, which of a view with two names in FROM is
-- the same in 14 to 18. A migration stores what it prints,
-- verify compares. A partition of pgtrail.event is described without its name and bounds: all must be alike. So must those that were
-- detached, which are known by the trigger that closes them.
-- What inherits from a table of pgtrail is described wherever it is: a partition moved to another schema still holds evidence.
with space (oid) as (
    select n.oid from pg_catalog.pg_namespace n where n.nspname = 'pgtrail'
), role as (
    select r.oid, r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls from pg_catalog.pg_roles r
), relation as (
    select c.oid, c.relkind, c.relispartition, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
        c.relacl, c.reloptions, r.rolname as owner, c.relowner, n.nspname,
        case when n.nspname = 'pgtrail' then c.relname::text else n.nspname || '.' || c.relname end as relname,
        c.oid in (select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = pg_catalog.to_regclass('pgtrail.event'))
            as is_partition,
        c.oid in (select g.tgrelid from pg_catalog.pg_trigger g where g.tgname = 'pgtrail_closed') as is_closed
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join role r on r.oid = c.relowner
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
        and (c.relnamespace = (select s.oid from space s) or c.oid in (
            select i.inhrelid from pg_catalog.pg_inherits i
            join pg_catalog.pg_class p on p.oid = i.inhparent and p.relnamespace = (select s.oid from space s)))
), every (oids) as (
    -- By it the indexes of the catalogs are used, however large the rest of the database is.
    select array(select t.oid from relation t)
), fact (oid, line) as (
    select t.oid, pg_catalog.format('table kind %s, schema %s, persistence %s, owner %s, row security %s %s, replica identity %s',
        case when t.is_partition then 'partition ' || t.relkind::text else t.relkind::text end, t.nspname, t.relpersistence, t.owner,
        t.relrowsecurity, t.relforcerowsecurity, t.relreplident)
    from relation t
    union all
    select t.oid, pg_catalog.format('grant %s to %s', pg_catalog.string_agg(a.privilege_type, ', ' order by a.privilege_type),
        coalesce(g.rolname, 'public'))
    from relation t,
        lateral pg_catalog.aclexplode(t.relacl) a
        left join role g on g.oid = a.grantee
    where a.grantee <> t.relowner
    group by t.oid, g.rolname
    union all
    select a.attrelid, pg_catalog.format('column %s %s, collation %s, not null %s, default %s, generated %s',
        a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(c.collname, '-'), a.attnotnull,
        coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '-'), a.attgenerated::text || a.attidentity::text)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_collation c on c.oid = a.attcollation
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = any ((select e.oids from every e)::oid[]) and a.attnum > 0 and not a.attisdropped
    union all
    select a.attrelid, pg_catalog.format('grant %s (%s) to %s', x.privilege_type, a.attname, coalesce(g.rolname, 'public'))
    from pg_catalog.pg_attribute a,
        lateral pg_catalog.aclexplode(a.attacl) x
        left join role g on g.oid = x.grantee
    where a.attrelid = any ((select e.oids from every e)::oid[]) and a.attnum > 0 and not a.attisdropped and a.attacl is not null
    union all
    select c.conrelid, pg_catalog.format('constraint %s %s', c.contype, pg_catalog.pg_get_constraintdef(c.oid))
    from pg_catalog.pg_constraint c
    where c.conrelid = any ((select e.oids from every e)::oid[]) and c.contype in ('p', 'u', 'c', 'f', 'x')
        -- The bounds that a detached partition had, which pgtrail.detached_partition tells: each has its own.
        and not (c.conname = 'pgtrail_bounds' and c.conrelid in (select g.tgrelid from pg_catalog.pg_trigger g where g.tgname = 'pgtrail_closed'))
    union all
    -- Further indexes that are not unique are the DBA's own business.
    select t.oid, pg_catalog.format('index %s, unique %s, valid %s',
        pg_catalog.split_part(pg_catalog.pg_get_indexdef(i.indexrelid), ' USING ', -1), i.indisunique, i.indisvalid)
    from relation t
    join pg_catalog.pg_index i on i.indrelid = t.oid
    where (i.indisunique or exists (select from pg_catalog.pg_inherits h where h.inhrelid = i.indexrelid) or not t.is_partition)
        -- REINDEX CONCURRENTLY keeps an invalid twin (_ccnew, _ccold) while it runs, and leaves it when it fails.
        and (i.indisvalid or not exists (
            select from pg_catalog.pg_index v
            where v.indrelid = i.indrelid and v.indisvalid and v.indisunique = i.indisunique
                and pg_catalog.split_part(pg_catalog.pg_get_indexdef(v.indexrelid), ' USING ', -1)
                    = pg_catalog.split_part(pg_catalog.pg_get_indexdef(i.indexrelid), ' USING ', -1)))
    union all
    select g.tgrelid, pg_catalog.format('trigger %s calls %s(%s), type %s, enabled %s, when %s, columns %s',
        g.tgname, g.tgfoid::pg_catalog.regproc, pg_catalog.encode(g.tgargs, 'escape'), g.tgtype, g.tgenabled,
        coalesce(pg_catalog.md5(g.tgqual::text), '-'), g.tgattr)
    from pg_catalog.pg_trigger g
    where g.tgrelid = any ((select e.oids from every e)::oid[])
    union all
    select t.oid, pg_catalog.format('rule %s on %s, %s, enabled %s', w.rulename, w.ev_type, pg_catalog.md5(w.ev_action::text), w.ev_enabled)
    from relation t
    join pg_catalog.pg_rewrite w on w.ev_class = t.oid
    -- The rule of a view is described as what it selects: its tree has oids, which a restore changes.
    where not (t.relkind in ('v', 'm') and w.ev_type = '1' and w.rulename = '_RETURN')
    union all
    select t.oid, pg_catalog.format('settings %s', coalesce(pg_catalog.array_to_string(t.reloptions, ', '), '-'))
    from relation t
    where t.relkind in ('v', 'm')
    union all
    select t.oid, pg_catalog.format('body %s', pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        coalesce(pg_catalog.pg_get_viewdef(t.oid), '-'), 'UTF8')), 'hex'))
    from relation t
    where t.relkind in ('v', 'm')
    union all
    select p.polrelid, pg_catalog.format('policy %s %s %s', p.polname, p.polcmd, p.polpermissive)
    from pg_catalog.pg_policy p
    where p.polrelid = any ((select e.oids from every e)::oid[])
    union all
    select i.inhrelid, pg_catalog.format('inherits from %s', i.inhparent::pg_catalog.regclass)
    from pg_catalog.pg_inherits i
    where i.inhrelid = any ((select e.oids from every e)::oid[])
)
select case when t.is_partition then 'partition ' when t.is_closed and t.nspname = 'pgtrail' then 'detached ' else 'table ' end
        || t.relname as object,
    pg_catalog.string_agg(f.line, E'\n' order by f.line collate "C") as definition
from relation t
join fact f on f.oid = t.oid
group by t.relname, t.nspname, t.is_partition, t.is_closed
union all
select pg_catalog.format('function %s(%s)', p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
    pg_catalog.concat_ws(E'\n',
        pg_catalog.format('kind %s, returns %s, language %s, owner %s, security definer %s, volatility %s, parallel %s, strict %s',
            p.prokind, pg_catalog.pg_get_function_result(p.oid), l.lanname, r.rolname, p.prosecdef, p.provolatile, p.proparallel,
            p.proisstrict),
        'settings ' || coalesce((select pg_catalog.string_agg(s, '; ' order by s) from pg_catalog.unnest(p.proconfig) s), '-'),
        (
            select pg_catalog.string_agg(pg_catalog.format('grant %s to %s', a.privilege_type, coalesce(g.rolname, 'public')), E'\n'
                order by g.rolname, a.privilege_type)
            from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
            left join role g on g.oid = a.grantee
            where a.grantee <> p.proowner),
        'body ' || pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
            p.prosrc || coalesce(t.aggtransfn::text || t.aggtranstype::pg_catalog.regtype::text || coalesce(t.agginitval, '-'), ''),
            'UTF8')), 'hex'))
from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang
join role r on r.oid = p.proowner
left join pg_catalog.pg_aggregate t on t.aggfnoid = p.oid
where p.pronamespace = (select s.oid from space s)
union all
select 'schema pgtrail', pg_catalog.concat_ws(E'\n', 'owner ' || r.rolname, (
    select pg_catalog.string_agg(pg_catalog.format('grant %s to %s', a.privilege_type, coalesce(g.rolname, 'public')), E'\n'
        order by g.rolname, a.privilege_type)
    from pg_catalog.aclexplode(n.nspacl) a
    left join role g on g.oid = a.grantee
    where a.grantee <> n.nspowner))
from pg_catalog.pg_namespace n
join role r on r.oid = n.nspowner
where n.nspname = 'pgtrail'
union all
-- Of a log without roles of its own, the owner's rights are the DBA's business. Memberships are left out: whoever installs without
-- being a superuser becomes a member, and so does the installer of every other log on this server.
select 'role ' || r.rolname, pg_catalog.format('attributes login %s, superuser %s, createrole %s, bypassrls %s',
    r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls)
from role r
where r.rolname in ('pgtrail_owner', 'pgtrail_writer', 'pgtrail_reader', 'pgtrail_organization_reader',
    'pgtrail_auditor', 'pgtrail_operator', 'pgtrail_privacy')
    and exists (
        select from pg_catalog.pg_namespace n
        join role o on o.oid = n.nspowner and o.rolname = 'pgtrail_owner'
        where n.nspname = 'pgtrail')
union all
select pg_catalog.format('default privileges of %s for %s', r.rolname, d.defaclobjtype), (
    select pg_catalog.string_agg(pg_catalog.format('grant %s to %s', a.privilege_type, coalesce(g.rolname, 'public')), E'\n'
        order by g.rolname, a.privilege_type)
    from pg_catalog.aclexplode(d.defaclacl) a
    left join role g on g.oid = a.grantee)
from pg_catalog.pg_default_acl d
join role r on r.oid = d.defaclrole
where d.defaclnamespace = (select s.oid from space s)
union all
-- Row types and arrays come with their tables.
select 'type ' || t.typname, pg_catalog.format('type kind %s, owner %s, not null %s, base %s, default %s, constraints %s',
    t.typtype, r.rolname, t.typnotnull, pg_catalog.format_type(nullif(t.typbasetype, 0), t.typtypmod), coalesce(t.typdefault, '-'),
    coalesce((select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(c.oid), '; ' order by c.conname)
        from pg_catalog.pg_constraint c where c.contypid = t.oid), '-'))
from pg_catalog.pg_type t
join role r on r.oid = t.typowner
where t.typnamespace = (select s.oid from space s)
    and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)
    and (t.typrelid = 0 or (select c.relkind from pg_catalog.pg_class c where c.oid = t.typrelid) = 'c')
union all
select 'database encoding', pg_catalog.pg_encoding_to_char(d.encoding)
from pg_catalog.pg_database d
where d.datname = pg_catalog.current_database()
union all
select 'event trigger ' || e.evtname, pg_catalog.format('%s, enabled %s', e.evtevent, e.evtenabled)
from pg_catalog.pg_event_trigger e
where e.evtfoid in (select p.oid from pg_catalog.pg_proc p where p.pronamespace = (select s.oid from space s))
