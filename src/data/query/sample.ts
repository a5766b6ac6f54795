// Draws a sample that anybody can draw again: the events whose sha256 of SEED/ORG/LANE/SEQ is least, of all that match.
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { type EventRow, rowWriter } from "./columns.js"
import { conditionText } from "./filter.js"
import { numbered, raw, sql } from "./fragment.js"
import { type Order, type Position, positionColumns } from "./order.js"
import { placesQuery } from "./statement.js"
import type { Period } from "./time.js"
import { mostSampled } from "./typed.js"
import { type OpenWalk, openWalk, type Question } from "./walk.js"

export interface SampleQuery extends Question {
  /** How many events, 100,000 at most. */
  readonly size: number
  /** Any text. It draws the same sample of the same log again; an event that is appended later changes it only by entering it. */
  readonly seed: string
  readonly columns?: readonly EventColumn[] | undefined
  /** Newest first unless told. */
  readonly order?: Order | undefined
}

/** The events that were drawn; nothing is asked before the first is. One that is purged meanwhile is missing. */
export interface Sample extends AsyncIterable<EventRow> {
  /** After the first event: how many match, each as likely to be drawn as every other. */
  readonly population: string | undefined
}

/** Events that are read at once. */
const PORTION = 200

type Drawn = Position & { readonly key: string; readonly segment: number }
type Raw = Record<string, string | null>

/** Throws TrailError `usage` for a size that cannot be. */
export function sample(target: ConnectionTarget, query: SampleQuery): Sample {
  const { size, order = "newest", columns = eventColumns } = query
  if (!Number.isInteger(size) || size < 1 || size > mostSampled) {
    throw new TrailError("usage", `a sample has 1 to ${mostSampled} events`)
  }
  const found: { population: string | undefined } & AsyncIterable<EventRow> = {
    population: undefined,
    async *[Symbol.asyncIterator]() {
      const walk = await openWalk(target, query, { order })
      try {
        const { drawn, population } = await drawFrom(walk, query)
        found.population = population
        const write = rowWriter(columns)
        const surplus = positionColumns.filter((column) => !columns.includes(column))
        for (const portion of portions(await inOrder(walk, drawn, order))) {
          const segment = walk.segments[portion[0]?.segment ?? 0]
          if (segment === undefined) continue
          const { sql: text, params } = placesQuery({ columns, order }, segment, portion, walk.source)
          for (const row of (await walk.client.query<Raw>(text, params)).rows) {
            for (const column of surplus) delete row[column]
            yield write(row)
          }
        }
      } catch (error) {
        throw walk.explained(error)
      } finally {
        await walk.close()
      }
    },
  }
  return found
}

async function drawFrom(
  walk: OpenWalk,
  query: SampleQuery,
): Promise<{ drawn: readonly Drawn[]; population: string }> {
  let population = 0n
  let drawn: Drawn[] = []
  for (const [at, segment] of walk.segments.entries()) {
    query.progress?.(at, walk.segments.length)
    const highest = drawn.length < query.size ? undefined : drawn.at(-1)?.key
    const { rows } = await drawSegment(walk, query, segment, highest)
    population += BigInt(rows[0]?.population ?? "0")
    const here = rows.flatMap(({ population: _, ...one }) =>
      one.key === null ? [] : [{ ...one, segment: at } as Drawn],
    )
    drawn = [...drawn, ...here].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, query.size)
  }
  return { drawn, population: String(population) }
}

/** One statement, so that what it counts is what it draws from. `highest`: a key that is no longer wanted. */
function drawSegment(
  { client, source, filter }: OpenWalk,
  { size, seed }: SampleQuery,
  segment: Period,
  highest: string | undefined,
) {
  const from = raw(`pgtrail.${source.events}`)
  const key = sql`sha256(convert_to(${seed}::text || '/' || organization_id || '/' || lane || '/' || seq, 'UTF8'))`
  const own = numbered(sql`select ${key} as key, occurred_at, organization_id, lane, seq from ${from}`, 1)
  const { text, params } = conditionText(filter, segment, source, own.params.length + 1)
  const values: unknown[] = [...own.params, ...params]
  const place = (value: unknown): string => `$${values.push(value)}`
  const below = highest === undefined ? "" : `where d.key < decode(${place(highest)}, 'hex')`
  return client.query<{ population: string; key: string | null } & Raw>(
    `with drawn as (
       select * from (${own.text} where ${text} offset 0) d ${below} order by d.key limit ${place(size)}::int
     ), population as (
       select count(*) as events from pgtrail.${source.events} where ${text}
     )
     select p.events as population, encode(d.key, 'hex') as key, d.occurred_at, d.organization_id, d.lane, d.seq
     from population p left join drawn d on true`,
    values,
  )
}

/** As the walk goes: only the server compares times as they are. */
async function inOrder({ client }: OpenWalk, drawn: readonly Drawn[], order: Order): Promise<Drawn[]> {
  const [time, seq] = order === "newest" ? ["desc", "desc"] : ["asc", "asc"]
  const { rows } = await client.query<{ at: string }>(
    `select d.at - 1 as at
     from unnest($1::timestamptz[], $2::text[], $3::smallint[], $4::bigint[]) with ordinality d (occurred_at, organization_id, lane, seq, at)
     order by d.occurred_at ${time}, d.organization_id collate "C", d.lane, d.seq ${seq}`,
    positionColumns.map((column) => drawn.map((one) => one[column])),
  )
  return rows.flatMap(({ at }) => drawn[Number(at)] ?? [])
}

/** Neighbours of one segment. */
function* portions(drawn: readonly Drawn[]): Generator<Drawn[]> {
  let portion: Drawn[] = []
  for (const one of drawn) {
    const isNext = portion.length > 0 && portion[0]?.segment !== one.segment
    if (isNext || portion.length === PORTION) {
      yield portion
      portion = []
    }
    portion.push(one)
  }
  if (portion.length > 0) yield portion
}
