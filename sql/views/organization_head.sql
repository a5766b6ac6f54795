-- What a reader of one organization reads in the place of pgtrail.chain_head: as pgtrail.organization_event.
create or replace view pgtrail.organization_head with (security_barrier) as
select h.organization_id, h.lane, h.seq, h.hash, h.transaction_id
from pgtrail.chain_head h,
    (
        select array(
            select b.organization_id
            from pgtrail.organization_reader b
            join pg_catalog.pg_roles r on r.rolname = b.role_name
            join pg_catalog.pg_auth_members m on m.member = r.oid
            join pg_catalog.pg_roles g on g.oid = m.roleid
            where g.rolname = 'pgtrail_organization_reader' and pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')
        ) as organizations
    ) bound
where h.organization_id = any (bound.organizations);
comment on view pgtrail.organization_head is 'Newest hashes of the lanes of the organizations that the present role is bound to';
comment on column pgtrail.organization_head.organization_id is 'Organization';
comment on column pgtrail.organization_head.lane is 'Lane';
comment on column pgtrail.organization_head.seq is 'Place in the lane';
comment on column pgtrail.organization_head.hash is 'Hash of that event; of seq 0 the genesis hash';
comment on column pgtrail.organization_head.transaction_id is 'Transaction that wrote it';
