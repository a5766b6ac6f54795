// What redactions left of one event, read by itself: for whoever shows or follows events, and does not verify the log.
import type { ClientBase } from "pg"
import { contentFields, identityFields, record, type TextRow } from "../canonical.js"
import {
  type Entry,
  type EntryPlace,
  elementsOf,
  entriesOfEvent,
  type GroupName,
  groupNames,
  parseEntries,
} from "./entry.js"
import { judgeGroups, type RedactionFault } from "./judge.js"

export interface RedactedGroup {
  readonly group: GroupName
  /** How often. */
  readonly times: number
  /** All that was replaced in it: columns, and places in documents. */
  readonly fields: readonly string[]
}

export interface EventRedactions {
  readonly groups: readonly RedactedGroup[]
  readonly faults: readonly RedactionFault[]
}

const fieldsOf = { identity: identityFields, content: contentFields }

const nothing: EventRedactions = { groups: [], faults: [] }

/** A log of an earlier level has no entries. */
async function knowledge(client: ClientBase): Promise<"none" | "hidden" | "readable"> {
  const { rows } = await client.query<{ may: string | null }>(
    "select has_table_privilege(to_regclass('pgtrail.redaction_entry'), 'select') as may",
  )
  const may = rows[0]?.may
  return may == null ? "none" : may === "t" ? "readable" : "hidden"
}

/** `row` has all columns as PostgreSQL writes them. Undefined where this role may not know. */
export async function redactionsOf(client: ClientBase, row: TextRow): Promise<EventRedactions | undefined> {
  const isRedacted = row.identity_digest != null || row.content_digest != null
  const known = await knowledge(client)
  if (known === "hidden") return isRedacted ? undefined : nothing
  const place = placeOf(row)
  const entries = known === "readable" ? await readEntries(client, place) : []
  const found = judged(row, entries, place)
  if (found.faults.length === 0) return found
  // It may have been redacted since it was read: both once more, in one statement.
  const now = known === "readable" ? await readAgain(client, row) : undefined
  return now === undefined ? found : judged(now.row, now.entries, place)
}

/** Of several events at once what is wrong with their groups; undefined where this role may not know. */
export async function faultsOf(
  client: ClientBase,
  rows: readonly TextRow[],
): Promise<ReadonlyMap<TextRow, readonly RedactionFault[]> | undefined> {
  const known = await knowledge(client)
  if (known === "hidden") return undefined
  const faults = new Map<TextRow, readonly RedactionFault[]>()
  for (const row of rows) {
    const place = placeOf(row)
    const entries = known === "readable" ? await readEntries(client, place) : []
    faults.set(row, judged(row, entries, place).faults)
  }
  return faults
}

const placeOf = (row: TextRow): EntryPlace => ({
  organization: row.organization_id ?? "",
  lane: row.lane ?? "",
  seq: row.seq ?? "",
})

async function readEntries(client: ClientBase, { organization, lane, seq }: EntryPlace): Promise<Entry[]> {
  const { rows } = await client.query<{ entries: string | null }>(
    `select ${entriesOfEvent} as entries from (values ($1::text collate "C", $2::smallint, $3::bigint)) event (organization_id, lane, seq)`,
    [organization, lane, seq],
  )
  return parseEntries(rows[0]?.entries ?? null)
}

/** Undefined where it is not in the log any more, or stands there with others. */
async function readAgain(
  client: ClientBase,
  row: TextRow,
): Promise<{ readonly row: TextRow; readonly entries: readonly Entry[] } | undefined> {
  const columns = groupNames.flatMap((group) => [
    `${group}_salt`,
    `${group}_digest`,
    ...fieldsOf[group].map(([column]) => column),
  ])
  const { rows } = await client.query<Record<string, string | null>>(
    `select ${columns.map((column) => `event.${column}`).join(", ")}, ${entriesOfEvent} as entries from pgtrail.event event
     where event.organization_id = $1 and event.lane = $2::int and event.seq = $3::bigint and event.occurred_at = $4::timestamptz`,
    [row.organization_id, row.lane, row.seq, row.occurred_at],
  )
  const [now] = rows
  return now === undefined || rows.length > 1
    ? undefined
    : { row: now, entries: parseEntries(now.entries ?? null) }
}

function judged(row: TextRow, entries: readonly Entry[], place: EntryPlace): EventRedactions {
  if (entries.length === 0 && row.identity_digest == null && row.content_digest == null) return nothing
  const present = groupNames.map((group) => ({
    group,
    stored: row[`${group}_digest`]?.slice(2),
    record: record(`pgtrail ${group}`, [
      ["uuid", row[`${group}_salt`] ?? null],
      ...fieldsOf[group].map(([column, type]) => [type, row[column] ?? null] as const),
    ]),
  }))
  const groups = groupNames.flatMap((group): RedactedGroup[] => {
    const own = entries.filter((entry) => entry.group === group)
    if (own.length === 0 && row[`${group}_digest`] == null) return []
    const fields = own.flatMap((entry) => elementsOf(entry.fields).map((field) => field ?? ""))
    return [{ group, times: own.length, fields: [...new Set(fields)].sort() }]
  })
  return { groups, faults: judgeGroups(present, entries, () => place) }
}
