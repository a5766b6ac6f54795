// The newest place of a lane, and what its first event may be chained to.
import type { ClientBase } from "pg"
import type { Source } from "./source.js"

export interface Head {
  /** All that the log ever had: a lane begins at the one of its time. */
  readonly logIds: readonly string[]
  readonly readable: boolean
  readonly seq?: string
  readonly hash?: string
}

export async function headOf(
  client: ClientBase,
  { heads }: Source,
  organization: string,
  lane: string,
): Promise<Head> {
  const log = await client.query<{ log_id: string; readable: string }>(
    `select i.log_id, has_table_privilege('pgtrail.${heads}', 'select') as readable from pgtrail.incarnation i`,
  )
  const logIds = log.rows.map((row) => row.log_id)
  if (log.rows[0]?.readable !== "t") return { logIds, readable: false }
  const { rows } = await client.query<{ seq: string; hash: string }>(
    `select h.seq, h.hash from pgtrail.${heads} h where h.organization_id = $1 and h.lane = $2::int order by h.seq desc limit 1`,
    [organization, lane],
  )
  return { logIds, readable: true, ...rows[0] }
}
