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

/**
 * SQL for the event's details. `pgtrail_kept` says which names are not the application's; where its own value has no room beside them
 * (it is no object, it is null, or it has these names itself), that stands whole in `pgtrail_details`.
 */
export function writeKept(own: string, kept: readonly Kept[]): string {
  const list = kept.map(({ column, isLost }) => `case when ${isLost} then '${column}' end`)
  const values = kept.map(
    ({ column, isLost }) =>
      `case when ${isLost} then jsonb_build_object('${column}', new."${column}") else '{}' end`,
  )
  return `case when ${kept.map(({ isLost }) => `(${isLost}) is not true`).join(" and ")} and ${own} -> 'pgtrail_kept' is null then ${own}
        else (
            select case when jsonb_typeof(${own}) = 'object' and ${own} -> 'pgtrail_kept' is null and not ${own} ?| k.names
                then ${own} || k.kept || jsonb_build_object('pgtrail_kept', k.names)
                else k.kept || jsonb_build_object('pgtrail_kept', k.names || 'details'::text)
                    || case when ${own} is null then '{}' else jsonb_build_object('pgtrail_details', ${own}) end end
            from (
                select array_remove(array[${list.join(", ")}]::text[], null) as names,
                    ${values.join(" || ")} as kept
            ) k) end`
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

/** An address that the event's column does not write the same again; `found_row.address` is what it holds of it. */
export const keptAddress: Kept = {
  column: "ip_address",
  isLost: "new.ip_address is not null and found_row.address is null",
}

/** Of an EventView with `keptAddress`. */
export const parseAddress = "    select pgtrail.parse_address(new.ip_address) as address into found_row;"

export const readAddress = `case when e.ip_address is not null then host(e.ip_address)
        when ${isKept("ip_address")} then e.details ->> 'ip_address' end`
