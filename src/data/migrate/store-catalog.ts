// SQL that stores what the catalog is now as what it must be.

/** All partitions are described by one row, so they must be alike: else whichever was taken would decide what is tampering. */
export function storeCatalogSql(catalog: string): string {
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
end
$store$;`
}
