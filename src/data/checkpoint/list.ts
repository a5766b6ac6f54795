// The checkpoints that were made of this log: its acts of that kind.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"

export interface RecordedCheckpoint {
  /** Of the act. */
  readonly seq: string
  readonly recorded_at: string
  readonly lanes: string | null
  readonly events: string | null
  /** Hex. */
  readonly digest: string | null
  /** Name and id of the key that signed it. */
  readonly key: string | null
}

/** Newest first. */
export async function checkpoints(client: ClientBase): Promise<RecordedCheckpoint[]> {
  const { rows } = await client.query<{ [K in keyof RecordedCheckpoint]: RecordedCheckpoint[K] }>(
    `select a.seq, a.recorded_at, a.parameters ->> 'lanes' as lanes, a.parameters ->> 'events' as events,
        encode(a.digest, 'hex') as digest, a.parameters ->> 'key' as key
     from pgtrail.act a
     where a.kind = 'checkpoint'
     order by a.seq desc`,
  )
  return rows.map((row) => ({ ...row, recorded_at: writeTime(row.recorded_at) }))
}
