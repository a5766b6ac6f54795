// What is refused before anything is loaded: rights, names that are taken, a log that nobody has confirmed to lose.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { shellPlace, shellWord } from "../shell-word.js"
import { readSql } from "../sql-files.js"
import { isRewritten, readRecorded, rewritten } from "./recorded.js"
import type { BackupToRestore } from "./restore-files.js"
import { nothingRestored, type RestoreBackupOptions } from "./restore-options.js"
import {
  describeDependents,
  describeStanding,
  type Heads,
  type Standing,
  whatStands,
} from "./restore-replaced.js"

export interface Database {
  readonly name: string
  readonly standing: Standing | null
}

interface Found {
  readonly name: string
  readonly role: string
  readonly may_create: string
  readonly is_there: string
  readonly is_log: string
  readonly owner: string | null
  readonly may_own: string
  readonly is_taken: string
}

/** Throws TrailError: `old-server`, `bad-encoding`, `read-only`, `privilege`, `exists`, `usage`. */
export async function readDatabase(
  client: Client,
  backup: BackupToRestore,
  heads: Heads,
  options: RestoreBackupOptions,
): Promise<Database> {
  await client.query(readSql("preflight.sql"))
  const { rows } = await client.query<Found>(
    `select current_database() as name, current_user as role, has_database_privilege(current_database(), 'create') as may_create,
       n.oid is not null as is_there, (select count(*) = 2 from pg_class c where c.relnamespace = n.oid and c.relname in ('log', 'event')) as is_log,
       pg_get_userbyid(n.nspowner) as owner, coalesce(pg_has_role(n.nspowner, 'usage'), true) as may_own,
       exists (select from pg_namespace s where s.nspname = $1) as is_taken
     from (select 1) one left join pg_namespace n on n.nspname = 'pgtrail'`,
    [options.schema ?? ""],
  )
  const [found] = rows
  if (found === undefined) throw new TrailError("server", "the server says nothing of its database")
  refuseRights(found)
  if (options.schema !== undefined) {
    refuseSchema(options.schema, found)
    return { name: found.name, standing: null }
  }
  if (found.is_there !== "t") return { name: found.name, standing: null }
  if (found.is_log !== "t") {
    throw new TrailError("exists", `database ${found.name} has a schema pgtrail, and no log in it`, {
      hint: `${nothingRestored}; see whose it is, and rename or drop it; or restore into an empty database`,
    })
  }
  const standing = await whatStands(client, backup, heads)
  if (standing.log.same_log && isRewritten(await readRecorded(client), backup.name, backup.sha256)) {
    throw new TrailError("broken", `the manifest of ${backup.name} ${rewritten}`, {
      hint: `${nothingRestored}; take another backup, or restore it into an empty database and look at what comes`,
    })
  }
  if (options.dryRun !== true) refuseUnconfirmed(backup, found.name, standing, options)
  return { name: found.name, standing }
}

function refuseRights({ name, role, may_create, is_there, may_own, owner }: Found): void {
  if (may_create !== "t") {
    throw new TrailError("privilege", `${role} may not make a schema in database ${name}`, {
      hint: `${nothingRestored}; have its owner run: grant create on database ${quote(name)} to ${quote(role)}`,
    })
  }
  if (is_there === "t" && may_own !== "t") {
    throw new TrailError(
      "privilege",
      `the log in database ${name} belongs to ${owner}, and ${role} may not act for him`,
      {
        hint: `${nothingRestored}; connect as its owner, or restore into another database`,
      },
    )
  }
}

const quote = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

function refuseSchema(schema: string, { is_taken }: Found): void {
  const isOwn = schema === "" || /^pg/i.test(schema) || schema === "information_schema"
  if (isOwn || Buffer.byteLength(schema) > 63) {
    throw new TrailError("usage", `--schema takes a schema of your own, not ${JSON.stringify(schema)}`, {
      hint: `${nothingRestored}; its name has 1 to 63 bytes, and does not begin with pg`,
    })
  }
  if (is_taken !== "t") return
  throw new TrailError("exists", `there is a schema ${JSON.stringify(schema)} already`, {
    hint: `${nothingRestored}; name another: it is made for the backup alone`,
  })
}

function refuseUnconfirmed(
  { store, name }: BackupToRestore,
  database: string,
  { log }: Standing,
  { confirm }: RestoreBackupOptions,
): void {
  if (confirm === database) return
  if (confirm !== undefined) {
    throw new TrailError("usage", `--confirm names database ${confirm}, and this is ${database}`, {
      hint: `${nothingRestored}; ${describeStanding(database, log)}: look where the connection URL leads`,
    })
  }
  throw new TrailError("usage", `${describeStanding(database, log)}${describeDependents(log)}`, {
    hint: `${nothingRestored}; restore into an empty database, or: pgtrail backup restore ${shellPlace(`${store.location}/${name}`)} --confirm ${shellWord(database)}`,
  })
}
