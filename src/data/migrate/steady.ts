// Readings of the catalog while partitions come and go: a snapshot does not hold it still, so that the server fails, or tells too little, of
// what was dropped since.
import type { ClientBase } from "pg"
import type { Version } from "../sql-files.js"
import { refuseTampered } from "../verify/catalog.js"
import { newestMigration } from "../verify/migrations.js"

const attempts = 3

/**
 * What `look` tells, and again where it failed or found something (it is not `isClean`), and a migration was committed or a partition came or
 * went meanwhile: then what was found may be that. `look` is told when nobody looks again after it.
 */
export async function whileSteady<T>(
  client: ClientBase,
  look: (isLast: boolean) => Promise<T>,
  isClean: (result: T) => boolean,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt === attempts
    const before = await moment(client)
    const outcome = await look(isLast).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    )
    if ("result" in outcome && isClean(outcome.result)) return outcome.result
    if (!isLast && before !== (await moment(client).catch(() => before))) continue
    if ("error" in outcome) throw outcome.error
    return outcome.result
  }
}

/** `refuseTampered` in the transaction of a migration, whatever happens to partitions meanwhile; may wait for who has locked the events. */
export async function refuseTamperedNow(client: ClientBase): Promise<Version | undefined> {
  return whileSteady(
    client,
    async (isLast) => {
      await client.query("savepoint look")
      try {
        // Who makes or drops one partition after another could go on for ever.
        if (isLast) await client.query("lock table only pgtrail.event in access share mode")
        return await refuseTampered(client)
      } catch (error) {
        await client.query("rollback to savepoint look").catch(() => undefined)
        throw error
      }
    },
    () => true,
  )
}

/** The newest migration, and which partitions there are. */
async function moment(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ oids: string | null }>(
    `select string_agg(inhrelid::text, ' ' order by inhrelid) as oids
     from pg_inherits where inhparent = to_regclass('pgtrail.event')`,
  )
  return `${await newestMigration(client)}: ${rows[0]?.oids}`
}
