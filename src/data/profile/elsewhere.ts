// One organization's events through one profile stand in one schema: views in two would show the same events, and number them twice.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { LOCK_SPACE, literal } from "../migrate/script.js"
import { shellWord } from "../shell-word.js"
import type { Ground } from "./place.js"
import { quoteBody } from "./quote.js"
import type { Profile } from "./shape.js"
import { mark } from "./sql.js"

/** Whoever records an act takes it. */
export const ACT_LOCK = -1

/** Whether each row names its organization: then its views have the events of all. */
const hasAll = (profile: Profile): boolean => profile.views.every((view) => view.hasOrganization)

/**
 * A query of the schemas that have views of the profile for these events, as an act tells; of none where its own are there already. What an act
 * tells and nothing is left of, as after a restore or a DROP SCHEMA, is in nobody's way.
 */
function elsewhereSql(profile: Profile, { schemaName, organization }: Ground): string {
  const names = profile.views.map(({ name }) => literal(name)).join(", ")
  // By the catalog: the owner of the log need not have the right to look into the schema.
  const views = (where: string) => `exists (
            select from pg_class c
            join pg_namespace n on n.oid = c.relnamespace and n.nspname = ${where}
            join pg_namespace l on l.nspname = 'pgtrail' and l.nspowner = c.relowner
            where c.relkind = 'v' and c.relname in (${names}) and obj_description(c.oid, 'pg_class') = ${literal(mark(profile))})`
  return `select a.schema, a.organization
    from (
        select distinct on (t.parameters ->> 'schema') t.parameters ->> 'schema' as schema,
            t.parameters ->> 'organization' as organization, t.parameters ->> 'action' as action
        from pgtrail.act t
        where t.kind = 'profile' and t.parameters ->> 'profile' = ${literal(profile.name)}
        order by t.parameters ->> 'schema', t.seq desc
    ) a
    where a.action = 'install' and a.schema <> ${literal(schemaName)}${hasAll(profile) ? "" : ` and a.organization = ${organization}`}
        and ${views("a.schema")} and not ${views(literal(schemaName))}
    order by a.schema limit 1`
}

/** Throws `exists`. As who may read the acts. */
export async function refuseElsewhere(client: ClientBase, profile: Profile, ground: Ground): Promise<void> {
  if (ground.owner !== undefined) await client.query(`set local role ${ground.owner}`)
  const { rows } = await client.query<{ schema: string; organization: string }>(elsewhereSql(profile, ground))
  if (ground.owner !== undefined) await client.query("reset role")
  const [found] = rows
  if (found === undefined) return
  const remove = `pgtrail profile remove ${profile.name} --schema ${shellWord(found.schema)}`
  throw hasAll(profile)
    ? new TrailError(
        "exists",
        `profile ${profile.name} is installed in schema ${found.schema} already, with the events of all organizations: both would show the same, and number them twice`,
        {
          hint: `nothing was changed; let the application use that schema (its search_path), or first: ${remove}`,
        },
      )
    : new TrailError(
        "exists",
        `profile ${profile.name} is installed in schema ${found.schema} already, for organization ${JSON.stringify(found.organization)}: both would show the same events, and number them twice`,
        {
          hint: `nothing was changed; install it for another organization (--org NAME), or first: ${remove}`,
        },
      )
}

/** The same within the script: of two that run at once, or of one that was printed before another ran, the second is refused. As the owner. */
export function guardElsewhere(profile: Profile, ground: Ground): string {
  return quoteBody(
    `declare
    found record;
begin
    perform pg_advisory_xact_lock(${LOCK_SPACE}, ${ACT_LOCK});
    ${elsewhereSql(profile, ground).replace("select a.schema, a.organization", "select a.schema, a.organization into found")};
    if found.schema is not null then
        raise exception using errcode = 'duplicate_table',
            message = format('profile ${profile.name} is installed in schema %I already: both would show the same events, and number them twice', found.schema),
            hint = 'Nothing was changed. pgtrail profile list says where; pgtrail profile remove takes one away.';
    end if;
end`,
    (quoted) => `do ${quoted};`,
  )
}
