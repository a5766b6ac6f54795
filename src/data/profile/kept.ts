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

/** An address that the event's column does not write the same again, such as a proxy's list; `found_address` is what it holds of it. */
export const keptAddress: Kept = {
  column: "ip_address",
  isLost: "new.ip_address is not null and host(found_address) is distinct from new.ip_address",
}

const byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
/**
 * Of an EventView with `keptAddress`. Of a list, or with a port beside it, the first address is taken: by the event's own address an erasure
 * finds the text in details too. Most are four numbers and nothing else, which are known by sight: the function has a subtransaction of its
 * own and costs a row a tenth more.
 */
export const parseAddress = `    found_address := case when new.ip_address ~ '^${byte}([.]${byte}){3}$' then new.ip_address::inet
        when new.ip_address is not null then coalesce(pgtrail.parse_address(new.ip_address),
            pgtrail.parse_address(substring(new.ip_address, '[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}')),
            pgtrail.parse_address(lower(substring(new.ip_address, '[0-9a-fA-F]*:[0-9a-fA-F:]+')))) end;`

export const readAddress = `case when ${isKept("ip_address")} then e.details ->> 'ip_address' else host(e.ip_address) end`
