// The settings of the log as they stand, and changing one, which is an act.
import type { ClientBase } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { knownSettings as known, laterSettings as later } from "./known-settings.js"
import { performAct } from "./perform.js"

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
  /** Policies of an organization whose period is out of the bounds that this sets: they stay as they are. */
  readonly outside: readonly {
    readonly name: string
    readonly organization_id: string
    readonly keep_days: string
  }[]
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
    `with setting as (
       select s.name, s.value from pgtrail.setting s
       union all
       select l.name, l.value from unnest($1::text[], $2::text[]) l (name, value)
       where to_regclass('pgtrail.retention_rule') is not null and not exists (select from pgtrail.setting s where s.name = l.name)
     )
     select s.name, s.value, a.seq as act, a.recorded_at as changed_at, a.session_user_name as changed_by
     from setting s ${act}
     where s.name not in ('roles', 'code-checksum', 'catalog-checksum') order by s.name collate "C"`,
    [Object.keys(later), Object.values(later).map(({ initial }) => initial)],
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

const bounds = "from 1d to 36500d, or none"
const inDays: Readonly<Record<string, string>> = {
  "retention-grace": "from 0d to 9999d",
  "organization-keep-least": bounds,
  "organization-keep-most": bounds,
}

/** `key`: text of a signing key. */
export async function setSetting(
  client: ClientBase,
  name: string,
  value: string,
  key: string | undefined,
): Promise<SettingChange> {
  const days = Object.hasOwn(inDays, name) ? inDays[name] : undefined
  // A bare number could be days or hours: what is meant is said, and not guessed.
  if (days !== undefined && /^\d{1,5}$/.test(value)) {
    throw new TrailError("usage", `${name} takes a number of days, ${days}`, {
      hint: `nothing was changed; write ${value}d`,
    })
  }
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
  return { name, value: rows[0]?.value ?? value, act, outside: await outsideOf(client, name) }
}

/** Bounds are for what is set from now on: what stands is told of. */
async function outsideOf(client: ClientBase, name: string): Promise<SettingChange["outside"]> {
  const [, edge] = /^organization-keep-(least|most)$/.exec(name) ?? []
  if (edge === undefined) return []
  const { rows } = await client.query<SettingChange["outside"][number]>(
    `select r.name, r.organization_id, r.keep_days from pgtrail.retention_rule r
     join pgtrail.setting s on s.name = $1 and s.value <> 'none'
     where r.kind = 'policy' and r.ended_seq is null and r.organization_id is not null
       and case $2 when 'least' then r.keep_days < rtrim(s.value, 'd')::int else r.keep_days > rtrim(s.value, 'd')::int end
     order by r.name`,
    [name, edge],
  )
  return rows
}
