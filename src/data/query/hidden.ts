// What a restriction (Article 18) hides from this role: said, and not shown.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { readRows } from "./rows.js"
import { openEvents } from "./source.js"

/** Throws `privilege` where a restriction hides this event. */
export async function refuseHidden(
  client: Client,
  name: string,
  row: Readonly<Record<string, string | null>>,
): Promise<void> {
  const { rows } = await readRows(
    client,
    `select e.seq from pgtrail.${openEvents.events} e
     where e.organization_id = $1 and e.lane = $2::int and e.seq = $3::bigint and e.occurred_at = $4`,
    [row.organization_id ?? null, row.lane ?? null, row.seq ?? null, row.occurred_at ?? null],
    1,
  )
  if (rows.length > 0) return
  throw new TrailError("privilege", `event ${name} is under a restriction (Article 18)`, {
    hint: "a role with the right privacy is shown it: pgtrail grant privacy ROLE",
  })
}
