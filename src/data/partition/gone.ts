// A partition that somebody wants to drop, and what became of one that is not there.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { find, type Partition } from "./change.js"

/** Throws `not-found`, and says by which act it was dropped, where this role may read acts. */
export async function findToDrop(client: Client, name: string): Promise<Partition> {
  try {
    return await find(client, name)
  } catch (error) {
    if (!(error instanceof TrailError) || error.code !== "not-found") throw error
    const act = await droppedBy(client, name)
    if (act === null) throw error
    throw new TrailError(
      "not-found",
      `there is no partition ${JSON.stringify(name)}: it was dropped by act ${act}`,
      {
        hint: "nothing was changed; pgtrail act list --kind purge",
      },
    )
  }
}

async function droppedBy(client: Client, name: string): Promise<string | null> {
  const { rows: able } = await client.query<{ able: string }>(
    "select has_table_privilege('pgtrail.act', 'select') as able",
  )
  if (able[0]?.able !== "t") return null
  const { rows } = await client.query<{ seq: string }>(
    `select a.seq from pgtrail.act a where a.kind = 'purge' and a.parameters->>'partition' = $1 and a.parameters->>'method' = 'drop'
     order by a.seq desc limit 1`,
    [name],
  )
  return rows[0]?.seq ?? null
}
