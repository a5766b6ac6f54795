// Values that the column of pgtrail.event would refuse or lose: they stand in details, under their own names, and are read back from there.

export interface Kept {
  /** The name in the system, and in details. */
  readonly column: string
  /** SQL: whether the column of the event cannot give this value back. */
  readonly isLost: string
}

const names = "e.details -> 'pgtrail_kept'"

/** SQL: whether the value stands in details. Null and false where it does not, whatever details is. */
export const isKept = (column: string): string => `${names} ? '${column}'`

/** SQL: whether anything stands in details beside the application's own, which is a JSON value or null. */
export function hasKept(own: string, kept: readonly Kept[]): string {
  return [...kept.map(({ isLost }) => isLost), `${own} -> 'pgtrail_kept' is not null`].join(" or ")
}

/**
 * SQL for the event's details where `hasKept`. `pgtrail_kept` says which names are not the application's; where its own value has no room beside them
 * (it is no object, it is null, or it has these names itself), that stands whole in `pgtrail_details`.
 */
export function writeKept(own: string, kept: readonly Kept[]): string {
  const list = kept.map(({ column, isLost }) => `case when ${isLost} then '${column}' end`)
  const values = kept.map(
    ({ column, isLost }) =>
      `case when ${isLost} then jsonb_build_object('${column}', new."${column}") else '{}' end`,
  )
  return `(
            select case when jsonb_typeof(${own}) = 'object' and ${own} -> 'pgtrail_kept' is null and not ${own} ?| k.names
                then ${own} || k.kept || jsonb_build_object('pgtrail_kept', k.names)
                else k.kept || jsonb_build_object('pgtrail_kept', k.names || 'details'::text)
                    || case when ${own} is null then '{}' else jsonb_build_object('pgtrail_details', ${own}) end end
            from (
                select array_remove(array[${list.join(", ")}]::text[], null) as names,
                    ${values.join(" || ")} as kept
            ) k)`
}

/** SQL: the application's own value again. */
export function readKept(kept: readonly Kept[]): string {
  const taken = kept
    .map(({ column }) => ` - case when ${isKept(column)} then '${column}' else 'pgtrail_kept' end`)
    .join("")
  return `case when ${names} is null then e.details
        when ${isKept("details")} then e.details -> 'pgtrail_details'
        else e.details - 'pgtrail_kept'${taken} end`
}

const byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
/**
 * Of an EventView with an ip_address that is text. Of a list, or with a port beside it, the first address is taken. Most are an address and nothing
 * else, and known at once: parse_address has a subtransaction of its own and costs a row a tenth more. Before PostgreSQL 16 only a regular expression
 * tells, which takes three times as long. A value of type inet that PostgreSQL makes text has its netmask behind it, and is the address without it.
 */
export const parseAddress = `    if new.ip_address is not null then
        if right(new.ip_address, 3) = '/32' and strpos(new.ip_address, ':') = 0 or right(new.ip_address, 4) = '/128' then
            new.ip_address := coalesce(host(pgtrail.parse_address(left(new.ip_address, strpos(new.ip_address, '/') - 1))), new.ip_address);
        end if;
        if current_setting('server_version_num')::int < 160000 then
            if new.ip_address ~ '^${byte}([.]${byte}){3}$' then
                found_address := new.ip_address::inet;
            end if;
        elsif pg_input_is_valid(new.ip_address, 'inet') then
            found_address := case when host(new.ip_address::inet) = new.ip_address then new.ip_address::inet end;
        end if;
        if found_address is null then
            found_address := coalesce(pgtrail.parse_address(new.ip_address),
                pgtrail.parse_address(substring(new.ip_address, '[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}')),
                pgtrail.parse_address(lower(substring(new.ip_address, '[0-9a-fA-F]*:[0-9a-fA-F:]+'))));
        end if;
    end if;`

/**
 * Text that the event's column does not write the same again (`unknown`, `010.1.1.1`, a proxy's list) stands in device_id, which these systems do not
 * have: it says from where somebody came, and goes with the person, whatever it is.
 */
export const writeAddressText =
  "case when host(found_address) is distinct from new.ip_address then new.ip_address end"

export const readAddress = "coalesce(e.device_id, host(e.ip_address))"
