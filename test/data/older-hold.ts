// Holds as a log of level 7 placed them, without a salt: such a log may go down, one that has holds with a salt may not.
import { versionAt } from "../../src/data/sql-files.js"
import type { TestDatabase } from "../database.js"

/** Makes public.add_hold, which is pgtrail.add_hold as level 7 had it. */
export async function makeOlderHold(db: Pick<TestDatabase, "query">): Promise<void> {
  const code = versionAt(7)?.code ?? ""
  const start = code.indexOf("create or replace function pgtrail.add_hold(")
  const text = code.slice(start, code.indexOf("\n$$;", start) + 4)
  await db.query(text.replace("function pgtrail.add_hold(", "function public.add_hold("))
}
