// The organizations of which there can be summaries.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { near } from "../near.js"

/** All of them, or the one that is named. Throws `not-found` where the log does not have it. */
export async function organizationsOf(client: ClientBase, only: string | undefined): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select h.organization_id as name from pgtrail.chain_head h where h.seq = 0
     union select c.organization_id from pgtrail.summary_cursor c
     union select r.organization_id from pgtrail.summary_recount r order by 1`,
  )
  const names = rows.map(({ name }) => name)
  if (only === undefined || names.includes(only)) return only === undefined ? names : [only]
  const [meant] = near(only, names, 1)
  throw new TrailError("not-found", `there is no organization ${JSON.stringify(only)} in this log`, {
    hint: meant === undefined ? "pgtrail organization list" : `did you mean ${JSON.stringify(meant)}?`,
  })
}
