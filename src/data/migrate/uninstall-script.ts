// The SQL that takes a log away, for psql: one transaction, in which each role that something else uses stays.
import type { ClientBase } from "pg"
import { migrations, readSql } from "../sql-files.js"
import { version } from "../version.js"
import { roleNames } from "./roles.js"
import { INSTALL_LOCK, LOCK_SPACE, literal } from "./script.js"
import { installedLog, type UninstallOptions } from "./uninstall.js"
import { lockTimeout } from "./up.js"

/** Refuses in any other database than the connected one. */
export async function uninstallScript(client: ClientBase, options: UninstallOptions = {}): Promise<string> {
  await client.query("begin read only")
  try {
    const { database, roles } = await installedLog(client)
    const parts = [
      `-- pgtrail ${version}: takes the log in database ${JSON.stringify(database)} away. Run as psql -X -1 -v ON_ERROR_STOP=1 does.
-- Every table and index is locked to the end: where that is too much, raise max_locks_per_transaction, or run pgtrail uninstall.`,
      "reset role;",
      "set local search_path = pg_catalog, pg_temp;",
      "set local client_min_messages = warning;",
      `set local lock_timeout = ${lockTimeout(options)};`,
      readSql("preflight.sql"),
      `select pg_advisory_xact_lock(${LOCK_SPACE}, ${INSTALL_LOCK});`,
      roles ? "set local role pgtrail_owner;" : "",
      `select set_config('pgtrail.confirmed', ${literal(database)}, true);`,
      migrations()[0]?.down ?? "",
      roles ? "reset role;" : "",
      roles && options.keepRoles !== true ? dropRolesSql : "",
    ]
    return `${parts.filter((part) => part !== "").join("\n\n")}\n`
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

const dropRolesSql = `-- A role that another database uses stays.
do $$
declare
    name text;
begin
    foreach name in array array[${roleNames.map(literal).join(", ")}] loop
        continue when to_regrole(name) is null;
        if exists (
            select from pg_shdepend d
            where d.refclassid = 'pg_authid'::regclass and d.refobjid = to_regrole(name) and d.dbid <> 0
                and d.dbid <> (select b.oid from pg_database b where b.datname = current_database())
        ) then
            if name = 'pgtrail_owner' and exists (
                select from pg_database b, aclexplode(b.datacl) a
                where b.datname = current_database() and a.grantee = to_regrole(name) and a.privilege_type = 'TEMPORARY'
            ) then
                execute format('revoke temporary on database %I from %I', current_database(), name);
            end if;
            raise warning 'role % is kept: another database uses it', name;
            continue;
        end if;
        begin
            execute format('revoke all on database %I from %I', current_database(), name);
            execute format('drop role %I', name);
        exception when dependent_objects_still_exist or insufficient_privilege then
            raise warning 'role % is kept: %', name, sqlerrm;
        end;
    end loop;
end
$$;`
