// Loads the files of a backup, several at once: straight from the inflated stream into COPY, checked against the manifest on the way.
import { pipeline } from "node:stream/promises"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { whileWatched } from "../connection/watch.js"
import { type ConnectionTarget, destroy, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { abortable } from "../export/abortable.js"
import { toTrailError } from "../server-errors.js"
import { grouped, plural } from "../words.js"
import type { BackupTable } from "./manifest.js"
import { backupText } from "./open.js"
import { ownSignal } from "./own-signal.js"
import { type BackupToRestore, broken } from "./restore-files.js"
import { type RestoreBackupOptions, silenceOf } from "./restore-options.js"
import { room } from "./restore-room.js"

export interface Load {
  readonly target: ConnectionTarget
  readonly backup: BackupToRestore
  readonly options: RestoreBackupOptions
  /** Whether pgtrail_owner owns the tables. */
  readonly roles: boolean
}

export interface Loaded {
  readonly events: bigint
  readonly bytes: bigint
}

const megabyte = 1024n * 1024n

/** Where one fails the others are stopped; throws what was first. */
export async function loadTables(load: Load): Promise<Loaded> {
  const { backup, options, target } = load
  const queue = [...backup.tables].sort((a, b) =>
    BigInt(b.file.text.bytes) > BigInt(a.file.text.bytes) ? 1 : -1,
  )
  const stop = new AbortController()
  const whole = queue.reduce((sum, { file }) => sum + BigInt(file.text.bytes), 0n)
  let [events, bytes] = [0n, 0n]
  let first: unknown
  const advance = (size: number): void => {
    bytes += BigInt(size)
    options.progress?.(`${grouped(bytes / megabyte)} of ${grouped(whole / megabyte)} MB loaded`)
  }
  const work = async (client: Client, signal: AbortSignal, reading: Reading): Promise<void> => {
    const indexes = await eventIndexes(client)
    for (;;) {
      const table = queue.shift()
      if (table === undefined) return
      const added = await loadTable(client, load, table, { indexes, signal, reading, advance })
      if (table.kind !== "table") events += added
    }
  }
  const run = async (): Promise<void> => {
    const signal = ownSignal(options.signal, stop.signal)
    const reading: Reading = { isPending: false }
    try {
      await withClient(target, async (client) => {
        try {
          await abortable(client, signal, () =>
            whileWatched(
              client,
              target,
              silenceOf(options),
              () => work(client, signal, reading),
              () => reading.isPending,
            ),
          )
        } catch (error) {
          // It may be in the middle of a COPY, where it would wait for ever.
          destroy(client)
          throw error
        }
      })
    } catch (error) {
      first ??= error
      stop.abort()
    }
  }
  const jobs = Math.max(1, Math.min(options.jobs ?? 2, queue.length))
  await Promise.all(Array.from({ length: jobs }, run))
  options.signal?.throwIfAborted()
  if (first !== undefined) throw first
  return { events, bytes }
}

/** Whether a file is waited for: a bucket may be silent for longer than a server. */
interface Reading {
  isPending: boolean
}

interface Each {
  readonly indexes: readonly string[]
  readonly signal: AbortSignal
  readonly reading: Reading
  advance(size: number): void
}

/** In the transaction that empties the table: so its rows are frozen, and a server with wal_level minimal writes no WAL of them. */
async function loadTable(
  client: Client,
  { backup, options, roles }: Load,
  table: BackupTable,
  { indexes, signal, reading, advance }: Each,
): Promise<bigint> {
  const key = `${backup.name}/${table.file.name}`
  await client.query("begin isolation level read committed")
  await client.query(
    `set local synchronous_commit = off; set local maintenance_work_mem = '128MB'${roles ? "; set local role pgtrail_owner" : ""}`,
  )
  const { name, columns, condition } = await spell(client, table, options)
  await client.query(`truncate only ${name}`)
  const into = client.query(copyFrom(`copy ${name} (${columns}) from stdin with (freeze)${condition}`))
  async function* counted(): AsyncGenerator<Buffer> {
    const { identities = [] } = options
    reading.isPending = true
    try {
      for await (const chunk of backupText(backup.store, backup.name, table.file, { identities, signal })) {
        advance(chunk.length)
        reading.isPending = false
        yield chunk
        reading.isPending = true
      }
    } finally {
      reading.isPending = false
    }
  }
  await pipeline(counted(), into, { signal }).catch((error: unknown) => {
    throw unfit(error, key)
  })
  const added = BigInt(into.rowCount)
  if (condition === "" && String(added) !== table.rows) {
    throw broken(`${key} has ${plural(String(added), "row")}, and ${table.rows} by its manifest`)
  }
  if (table.kind !== "table") {
    options.progress?.(`indexing ${table.name}`)
    await client.query(`alter table ${name} add primary key (organization_id, lane, seq, occurred_at)`)
    for (const index of indexes) await client.query(`create index on ${name} ${index}`)
  }
  await client.query("commit")
  return added
}

/** Names and conditions are quoted by the server. */
async function spell(
  client: Client,
  { name, kind, columns }: BackupTable,
  { organization, since, until }: RestoreBackupOptions,
): Promise<{ name: string; columns: string; condition: string }> {
  const isEvents = kind !== "table"
  // The acts are of no organization, and without them nothing of the rest can be judged.
  const isOfOne =
    isEvents || (columns.includes("organization_id") && !["act", "act_signature"].includes(name))
  const { rows } = await client.query<{ name: string; columns: string; condition: string }>(
    `select format('%I.%I', $1::text, $2::text) as name,
       (select string_agg(quote_ident(c.name), ', ' order by c.n) from unnest($3::text[]) with ordinality c (name, n)) as columns,
       coalesce(' where ' || nullif(concat_ws(' and ', 'organization_id = ' || quote_literal($4::text),
         'occurred_at >= ' || quote_literal($5::timestamptz) || '::timestamptz', 'occurred_at < ' || quote_literal($6::timestamptz) || '::timestamptz'), ''), '')
         as condition`,
    [room, name, columns, isOfOne ? organization : null, isEvents ? since : null, isEvents ? until : null],
  )
  return rows[0] ?? { name: "", columns: "", condition: "" }
}

/** The indexes that each partition has, as CREATE INDEX writes them after the name of the table. */
async function eventIndexes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ definition: string }>(
    `select substr(d.text, strpos(d.text, ' USING ') + 1) as definition
     from pg_index x, pg_get_indexdef(x.indexrelid) d (text)
     where x.indrelid = to_regclass('${room}.event') and not x.indisprimary
     order by x.indexrelid`,
  )
  return rows.map(({ definition }) => definition)
}

/** What the server says of a value must name the file, and not the value. */
function unfit(error: unknown, key: string): unknown {
  const known = toTrailError(error)
  if (!(known instanceof TrailError) || !/^2[23]/.test(known.sqlstate ?? "")) return known
  return broken(`${key} does not fit its table: it has a row that PostgreSQL refuses (${known.sqlstate})`)
}
