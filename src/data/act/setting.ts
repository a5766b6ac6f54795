// The settings that belong to the log: what they are, and changing one, which is an act.
import type { ClientBase } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { writeTime } from "../query/columns.js"
import { performAct } from "./perform.js"

/** What people may change; sql/functions/set_setting.sql checks the values. */
const known: Readonly<
  Record<string, { readonly initial: string; readonly unit: string; readonly meaning: string }>
> = {
  "event-size-limit": {
    initial: "1048576",
    unit: "bytes",
    meaning: "the largest event that is taken, 65536 to 1073741824",
  },
  "require-signed-acts": {
    initial: "off",
    unit: "on or off",
    meaning: "on: settings, accepted findings, incarnations and purges need --key",
  },
}

export interface Setting {
  readonly name: string
  readonly value: string
  /** What a new log has; null for a setting that this pgtrail does not know. */
  readonly initial: string | null
  /** What the value is: `bytes`, `on or off`. */
  readonly unit: string | null
  readonly meaning: string | null
  /** seq of the act that gave it this value; null: it has it since the installation, or this role may not read acts. */
  readonly act: string | null
  readonly changed_at: string | null
  readonly changed_by: string | null
}

export interface SettingChange {
  readonly name: string
  readonly value: string
  /** Null: it had this value already, and nothing was recorded. */
  readonly act: string | null
}

/** Those that people change. The others are the installation's own notes. */
export async function settings(client: ClientBase): Promise<Setting[]> {
  const readable = await client.query<{ readable: string }>(
    "select has_table_privilege('pgtrail.act', 'select') as readable",
  )
  const act =
    readable.rows[0]?.readable === "t"
      ? `left join lateral (
           select a.seq, a.recorded_at, a.session_user_name from pgtrail.act a
           where a.kind = 'setting' and a.parameters->>'name' = s.name order by a.seq desc limit 1
         ) a on true`
      : "cross join (select null::bigint as seq, null::timestamptz as recorded_at, null::text as session_user_name) a"
  const { rows } = await client.query<Setting>(
    `select s.name, s.value, a.seq as act, a.recorded_at as changed_at, a.session_user_name as changed_by
     from pgtrail.setting s ${act}
     where s.name not in ('roles', 'code-checksum', 'catalog-checksum') order by s.name collate "C"`,
  )
  return rows.map((row) => {
    const {
      initial = null,
      unit = null,
      meaning = null,
    } = Object.hasOwn(known, row.name) ? (known[row.name] ?? {}) : {}
    return { ...row, initial, unit, meaning, changed_at: writeTime(row.changed_at) }
  })
}

/** `key`: text of a signing key. */
export async function setSetting(
  client: ClientBase,
  name: string,
  value: string,
  key: string | undefined,
): Promise<SettingChange> {
  const act = await performAct(client, key === undefined ? undefined : readSigningKey(key), async () => {
    const { rows } = await client.query<{ act: string | null }>("select pgtrail.set_setting($1, $2) as act", [
      name,
      value,
    ])
    return rows[0]?.act ?? null
  })
  const { rows } = await client.query<{ value: string }>(
    "select value from pgtrail.setting where name = $1",
    [name],
  )
  return { name, value: rows[0]?.value ?? value, act }
}
