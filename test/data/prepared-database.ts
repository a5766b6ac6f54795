// A database that is prepared once for a file, and brought back before each test: a fifth of the price of a new one.
import { afterAll } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { bringBack, keepLog } from "./kept-log.js"

const system = "('pg_catalog', 'pg_toast', 'information_schema')"
/** What is not brought back. A partition that was made anew has what the old one had, but its indexes have other names. */
const shape = `select md5(string_agg(l.line, ' ' order by l.line)) as shape from (
    select concat_ws(' ', n.nspname, c.relname, c.relkind, c.relispartition, c.relacl) from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ${system} and n.nspname !~ '^pg_(toast_)?temp_' and c.relkind not in ('i', 'I')
    union all select concat_ws(' ', t.tgrelid::regclass, t.tgname, t.tgenabled) from pg_trigger t where not t.tgisinternal
    union all select concat_ws(' ', p.oid, p.xmin, p.proacl) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname not in ${system}
  ) l (line)`

/**
 * Call it beside the tests of a file; what it returns gives the database, as `prepare` left it. Where a test made a trigger, or
 * changed what else is not brought back, the next gets a new one.
 */
export function preparedDatabase(
  prepare: (db: TestDatabase) => Promise<unknown>,
): () => Promise<TestDatabase> {
  let made: { readonly db: TestDatabase; readonly shape: unknown } | undefined
  afterAll(() => made?.db.drop())
  return async () => {
    if (made !== undefined) {
      const { db } = made
      // A test may have set something in the session.
      await db.query("reset all")
      await bringBack(db)
      if ((await db.query(shape))[0]?.shape === made.shape) return db
      made = undefined
      await db.drop()
    }
    const db = await testDatabase()
    made = { db, shape: undefined }
    await prepare(db)
    await keepLog(db)
    made = { db, shape: (await db.query(shape))[0]?.shape }
    return db
  }
}
