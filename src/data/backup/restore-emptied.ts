// A trial in an empty database, which is empty again afterwards.
import { randomBytes } from "node:crypto"
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { literal } from "../migrate/script.js"
import { lockTimeout } from "../migrate/up.js"
import { toTrailError } from "../server-errors.js"
import { dropRoom, room, withRestoreLock } from "./restore-room.js"

/** Nothing but what the trial makes may be in it, and nothing but that goes again. */
export async function inEmpty<T>(
  target: ConnectionTarget,
  trial: string,
  work: () => Promise<T>,
): Promise<T> {
  await withClient(target, async (client) => {
    const { rows } = await client.query<{ database: string; relations: string }>(
      `select current_database() as database, count(*) as relations from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', '${room}') and n.nspname !~ '^pg_(toast_)?temp_'`,
    )
    const { database = "", relations = "0" } = rows[0] ?? {}
    if (relations === "0") return
    throw new TrailError(
      "usage",
      `database ${database} is not empty: it has ${relations} tables and indexes`,
      {
        hint: "nothing was done; a backup is tried in an empty database, or without --url in an embedded server",
      },
    )
  })
  const clean = () => withClient(target, (client) => takeAway(client, trial))
  let result: T
  try {
    result = await work()
  } catch (error) {
    throw await clean().then(
      () => error,
      () => leftBehind(error),
    )
  }
  await clean().catch((error: unknown) => {
    throw leftBehind(error)
  })
  return result
}

/** Of a database that was empty before. */
function leftBehind(error: unknown): unknown {
  const known = toTrailError(error)
  if (!(known instanceof TrailError)) return error
  const left =
    "what the trial made may still stand in the database, which was empty: drop its schemas pgtrail*"
  return new TrailError(known.code, known.message, {
    hint: [known.hint ?? [], left].flat().join("; "),
    sqlstate: known.sqlstate,
    cause: error,
  })
}

/** What this trial has made appear gets a name that nobody else has, and goes; a room that is left goes unless another restore is at work. */
async function takeAway(client: Client, trial: string): Promise<void> {
  const name = `pgtrail_trial_${randomBytes(6).toString("hex")}`
  await client.query(
    `do $$ begin
       if obj_description(to_regnamespace('pgtrail'), 'pg_namespace') = ${literal(trial)} then
         alter schema pgtrail rename to ${name};
       end if;
     end $$`,
  )
  await dropRoom(client, name, lockTimeout({}))
  await withRestoreLock(client, () => dropRoom(client, room, lockTimeout({}))).catch((error: unknown) => {
    if (!(error instanceof TrailError) || error.code !== "busy") throw error
  })
}
