// Seed 003: columns that hold one of a list, or JSON of one shape, and the function that refuses anything else.
import { literal } from "../migrate/script.js"
import type { Companion } from "./shape.js"

/**
 * A CHECK constraint tells the whole row when it refuses one, and a dump writes one of a list in other words; and where the table stood already it
 * would not come. So a trigger asks: each column by what it is to be, true or null where it is. What an UPDATE does not touch is not asked.
 */
export function listed(
  table: string,
  columns: readonly (readonly [name: string, isGood: string, hint: string])[],
): Companion {
  const name = `pgtrail_${table}_check`
  const asked = columns.map(
    ([column, isGood, hint]) => `    if tg_op = 'INSERT' or new.${column} is distinct from old.${column} then
        if not (${isGood}) then
            raise exception using errcode = 'check_violation', column = '${column}', table = tg_table_name, schema = tg_table_schema,
                constraint = '${table}_${column}_check',
                message = format('column %I of new row for relation %I violates check constraint "${table}_${column}_check"', '${column}', tg_table_name),
                hint = ${literal(`Nothing was changed. ${hint}`)};
        end if;
    end if;`,
  )
  return {
    name,
    kind: "function",
    signature: "()",
    isPrivate: true,
    sql: ({ schema }) => `create or replace function ${schema}.${name}() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $check$
begin
${asked.join("\n")}
    return new;
end
$check$;
revoke all on function ${schema}.${name}() from public;`,
  }
}

/** Of the table, by the function that `listed` makes. */
export const checkedBy = (schema: string, table: string): string =>
  `create or replace trigger pgtrail_check before insert or update on ${schema}.${table}
for each row execute function ${schema}.pgtrail_${table}_check();`

export const oneOf = (column: string, ...values: readonly string[]) =>
  [
    column,
    `new.${column} in (${values.map((value) => `'${value}'`).join(", ")})`,
    `It is ${values.slice(0, -1).join(", ")} or ${values.at(-1)}.`,
  ] as const
