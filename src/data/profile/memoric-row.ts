// An event of the library's log helpers as a row of memoric's audit_logs: with its source, its policy and the next number.
import type { ClientBase } from "pg"
import type { EventInput } from "../append/event.js"
import { TrailError } from "../errors.js"

/** What the event says itself stands. Throws `not-found` where the profile is not installed in the schema. */
export async function asMemoricRow(
  client: ClientBase,
  schema: string,
  event: EventInput,
): Promise<EventInput> {
  const { rows } = await client.query<{ number: string | null }>(
    "select nextval(to_regclass(format('%I.audit_logs_id_seq', $1::text))) as number",
    [schema],
  )
  const number = rows[0]?.number ?? null
  if (number === null) {
    throw new TrailError(
      "not-found",
      `profile memoric is not installed in schema ${JSON.stringify(schema)}`,
      {
        hint: "nothing was appended; pgtrail profile list says where it is",
      },
    )
  }
  return { source: "memoric", external_number: number, retention_policy: "memoric", ...event }
}
