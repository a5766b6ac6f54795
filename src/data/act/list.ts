// Lists the acts of pgtrail, newest first, in portions: the list may be long, and no lock is held between two of them.
import type { ClientBase } from "pg"
import { type ConnectionTarget, connect } from "../connection.js"
import { writeTime } from "../query/columns.js"
import { toTrailError } from "../server-errors.js"
import { aboutAct } from "./about.js"

/** Columns of pgtrail.act, in the order in which they are printed; `signed` and `about` are made. */
export const actColumns = [
  "seq",
  "recorded_at",
  "kind",
  "session_user_name",
  "signed",
  "about",
  "parameters",
  "client_address",
  "transaction_id",
  "system_identifier",
  "timeline",
  "digest",
  "previous_hash",
  "hash",
  "hash_version",
] as const

type Column = (typeof actColumns)[number]

/** Text as Postgres sent it; times in UTC with six digits, hashes as hex. */
export type ActRow = Readonly<Record<Exclude<Column, "signed">, string | null> & { signed: boolean }>

export interface ActFilter {
  readonly kind?: string | undefined
  /** Recorded at this time or later. */
  readonly since?: string | undefined
  /** Recorded before this time. */
  readonly until?: string | undefined
  /** At most this many. Without it, all. */
  readonly limit?: number | undefined
}

/** Acts, newest first. Nothing is asked before the first row is; every iteration asks again, on a connection of its own. */
export interface Acts extends AsyncIterable<ActRow> {
  /** After the last row: whether the limit left acts out. */
  readonly more: boolean
}

const PORTION = 200

export function acts(target: ConnectionTarget, filter: ActFilter): Acts {
  const found = {
    more: false,
    async *[Symbol.asyncIterator]() {
      found.more = false
      let left = filter.limit ?? Number.POSITIVE_INFINITY
      const client = await connect(target)
      try {
        for await (const row of actRows(client, { ...filter, limit: left + 1 })) {
          if (left === 0) {
            found.more = true
            return
          }
          left -= 1
          yield row
        }
      } catch (error) {
        throw toTrailError(error)
      } finally {
        await client.end().catch(() => undefined)
      }
    },
  }
  return found
}

export async function* actRows(client: ClientBase, filter: ActFilter = {}): AsyncGenerator<ActRow> {
  let left = filter.limit ?? Number.POSITIVE_INFINITY
  let before: string | null = null
  while (left > 0) {
    const rows: ActRow[] = await readActs(
      client,
      `($1::text is null or a.kind = $1) and ($2::timestamptz is null or a.recorded_at >= $2)
        and ($3::timestamptz is null or a.recorded_at < $3) and ($4::bigint is null or a.seq < $4)
       order by a.seq desc limit ${Math.min(left, PORTION)}`,
      [filter.kind ?? null, filter.since ?? null, filter.until ?? null, before],
    )
    yield* rows
    left -= rows.length
    before = rows.at(-1)?.seq ?? null
    if (rows.length < PORTION) return
  }
}

/** Acts with what is made of them; `where` follows `where`. */
export async function readActs(
  client: ClientBase,
  where: string,
  values: readonly (string | null)[],
): Promise<ActRow[]> {
  const { rows } = await client.query<Record<string, string | null>>(
    `select a.seq, a.recorded_at, a.kind, a.session_user_name, a.parameters, a.client_address, a.transaction_id,
        a.system_identifier, a.timeline, encode(a.digest, 'hex') as digest, encode(a.previous_hash, 'hex') as previous_hash,
        encode(a.hash, 'hex') as hash, a.hash_version,
        exists (select from pgtrail.act_signature s where s.organization_id = a.organization_id and s.seq = a.seq) as signed
     from pgtrail.act a where ${where}`,
    [...values],
  )
  return rows.map((row) => {
    const made: Record<string, string | boolean | null> = {
      ...row,
      recorded_at: writeTime(row.recorded_at ?? null),
      signed: row.signed === "t",
      about: aboutAct(row.kind ?? "", row.parameters ?? "{}"),
    }
    return Object.fromEntries(actColumns.map((column) => [column, made[column] ?? null])) as ActRow
  })
}
