// SQL that stores what the catalog is now as what it must be.

/** What sql/catalog.sql prints of the trigger that closes a detached partition: there may be none yet whose description could be taken. */
const closed =
  "trigger pgtrail_closed calls pgtrail.guard(INSERT attach\\000), type 6, enabled O, when -, columns "

/** A detached partition is what a partition is, without what it had from its parent, and closed. */
const storeDetached = `    insert into pgtrail.catalog_object (object, definition)
    select 'detached', string_agg(l.line, E'\\n' order by l.line collate "C")
    from (
        select regexp_replace(p.line, '^table kind partition ', 'table kind ') as line
        from pgtrail.catalog_object c, regexp_split_to_table(c.definition, E'\\n') p (line)
        where c.object = 'partition' and p.line !~ '^(inherits from|trigger pgtrail_seal) '
        union all
        select '${closed}'
    ) l;
    select string_agg(distinct d.object, ', ') into odd
    from pgtrail.catalog_object d
    join pgtrail.catalog_object w on w.object = 'detached',
        lateral ((select regexp_split_to_table(w.definition, E'\\n') except select regexp_split_to_table(d.definition, E'\\n'))
            union all (select regexp_split_to_table(d.definition, E'\\n') except select regexp_split_to_table(w.definition, E'\\n'))) l (line)
    where d.object like 'detached %' and l.line not like 'index %, unique f,%';
    if odd is not null then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('detached partitions are not like the others: %s', odd),
            hint = 'Nothing was changed. Attach them first: pgtrail partition attach.';
    end if;
    delete from pgtrail.catalog_object where object like 'detached %';
`

/** All partitions are described by one row, so they must be alike: else whichever was taken would decide what is tampering. */
export function storeCatalogSql(catalog: string): string {
  const detached = catalog.includes("pgtrail_closed") ? storeDetached : ""
  return `do $store$
declare
    odd text;
begin
    delete from pgtrail.catalog_object;
    insert into pgtrail.catalog_object (object, definition)
${catalog.trimEnd()};
    select string_agg(p.object, ', ' order by p.object) into odd from pgtrail.catalog_object p
    where p.object like 'partition %' and p.definition <> (
        select mode() within group (order by q.definition) from pgtrail.catalog_object q where q.object like 'partition %');
    if odd is not null then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('the partitions are not alike: not like the others: %s', odd),
            hint = 'Nothing was changed. Give them the owner, grants, triggers and indexes of the others.';
    end if;
    delete from pgtrail.catalog_object p
    where p.object like 'partition %' and p.object > (
        select min(q.object) from pgtrail.catalog_object q where q.object like 'partition %');
    update pgtrail.catalog_object set object = 'partition' where object like 'partition %';
${detached}end
$store$;`
}
