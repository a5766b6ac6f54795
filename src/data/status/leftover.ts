// Schemas that a restore has left: values that were erased since may stand in them, and nobody looks there.
import type { ClientBase } from "pg"
import { keptMark } from "../backup/restore-kept.js"
import { mark, RESTORE_LOCK, replacedRoom, room } from "../backup/restore-room.js"
import { LOCK_SPACE } from "../migrate/script.js"
import { type Check, check } from "./checks.js"

/** None where nothing is left, or a restore is at work. */
export async function leftoverChecks(client: ClientBase): Promise<Check[]> {
  const { rows } = await client.query<{ name: string; replaced: string; busy: string }>(
    `select n.nspname as name, starts_with(n.nspname, '${replacedRoom}') as replaced, exists (
         select from pg_locks l where l.locktype = 'advisory' and l.granted and l.classid = ${LOCK_SPACE} and l.objid::bigint::bit(32)::int = ${RESTORE_LOCK}
           and l.database = (select d.oid from pg_database d where d.datname = current_database())) as busy
     from pg_namespace n, obj_description(n.oid, 'pg_namespace') c (comment)
     where (n.nspname in ('${room}', '${replacedRoom}') and starts_with(c.comment, '${mark}')) or starts_with(c.comment, '${keptMark}')
     order by 1`,
  )
  if (rows.length === 0 || rows.some(({ busy }) => busy === "t")) return []
  const said = rows.map(({ name, replaced }) =>
    replaced === "t"
      ? `the log that a restore replaced is still there, in schema ${name}`
      : `a restore that did not end has left schema ${name}`,
  )
  return [
    check(
      "restore",
      "warning",
      `${said.join("; ")}: what was erased may stand there; drop it when nobody needs it`,
    ),
  ]
}
