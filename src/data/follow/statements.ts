// The statements that read places of lanes, each for many lanes at once and by the primary key; none opens more than one partition.
import { type EventColumn, eventColumns } from "../event-columns.js"
import { goneTable } from "../purge/gone.js"
import { kindOf } from "../query/columns.js"
import type { EventFilter } from "../query/criteria.js"
import { conditionText } from "../query/filter.js"
import type { Source } from "../query/source.js"
import type { Period } from "../query/time.js"

/** Places of one lane: those after `after`, up to and with `until`. */
export interface Window {
  readonly organization: string
  readonly lane: string
  readonly after: bigint
  readonly until: bigint
  /** Where the reading will end, above `until` or below `after`: a window in which nothing stands grows towards it. */
  readonly beyond: bigint
}

export interface ReaderOptions {
  readonly source: Source
  readonly filter: EventFilter
  readonly columns: readonly EventColumn[]
  /** Events that the filter does not want are read too, with every column as the hash needs it. */
  readonly isWhole: boolean
  /** Whether this role may read what was purged. */
  readonly knowsPurges: boolean
}

/** For the hash an array as Postgres writes it, for people as JSON, which needs no second parser. */
export const jsonName = (column: EventColumn): string => `${column}_json`

export interface Statement {
  readonly text: string
  /** From $5 on; the windows stand before them. */
  readonly params: readonly unknown[]
}

const windowTable =
  "unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[]) with ordinality w (organization_id, lane, after, until, at)"

/** By the primary key. */
const placesOf = (event: string): string =>
  `${event}.organization_id = w.organization_id collate "C" and ${event}.lane = w.lane
     and ${event}.seq > w.after and ${event}.seq <= w.until`

/** Where the filter leaves events out, the server counts them all: only so it is known when all places are found. */
export function readStatement(segment: Period, options: ReaderOptions): Statement {
  const { source, filter, isWhole } = options
  const event = `pgtrail.${source.events}`
  const bounds = conditionText({}, segment, source, 5)
  const wanted = conditionText(filter, filter, source, 5 + bounds.params.length)
  const places = `${placesOf(event)} and ${bounds.text}`
  const columns = columnsOf(event, options)
  const isFiltered = !isWhole && wanted.text !== "true"
  const text = isFiltered
    ? `select w.at as window_at, p.places as window_places, p.link as window_link, p.oldest as window_oldest,
         p.newest as window_newest, true as matches, e.*
       from ${windowTable} cross join lateral (
         select count(*) as places, min(${event}.recorded_at) as oldest, max(${event}.recorded_at) as newest,
           max(${event}.previous_hash::text) filter (where ${event}.seq = w.after + 1) as link
         from ${event} where ${places}
       ) p left join lateral (
         select ${columns} from ${event} where ${places} and (${wanted.text}) order by ${event}.seq
       ) e on true
       where p.places > 0`
    : `select w.at as window_at, e.* from ${windowTable} cross join lateral (
         select ${columns}, (${wanted.text}) as matches from ${event} where ${places} order by ${event}.seq
       ) e`
  return { text, params: [...bounds.params, ...wanted.params] }
}

function columnsOf(event: string, { columns, isWhole }: ReaderOptions): string {
  const asked = new Set<EventColumn>([...columns, "seq", "recorded_at", "hash", "previous_hash"])
  const isArray = (column: EventColumn) => kindOf(column) === "array"
  return [
    ...(isWhole ? eventColumns : [...asked].filter((column) => !isArray(column))).map(
      (column) => `${event}.${column}`,
    ),
    ...[...asked].filter(isArray).map((column) => `to_json(${event}.${column}) as ${jsonName(column)}`),
  ].join(", ")
}

/** The first place of each window that holds an event, or the last. */
export function nextStatement(segment: Period, source: Source, isFirst: boolean): Statement {
  const event = `pgtrail.${source.events}`
  const { text: bounds, params } = conditionText({}, segment, source, 5)
  const text = `select w.at, (
      select ${event}.seq from ${event} where ${placesOf(event)} and ${bounds}
      order by ${event}.seq ${isFirst ? "" : "desc"} limit 1) as seq
    from ${windowTable}`
  return { text, params }
}

/** How many places of each window purges took. */
export const purgedStatement = `select w.at, sum(upper(r) - lower(r)) as places
  from ${windowTable}
  join ${goneTable} p on p.organization_id = w.organization_id collate "C" and p.lane = w.lane
    and p.ranges && int8range(w.after + 1, w.until + 1),
    unnest(p.ranges * int8multirange(int8range(w.after + 1, w.until + 1))) r
  group by w.at`

export const windowValues = (windows: readonly Window[]): string[][] => [
  windows.map(({ organization }) => organization),
  windows.map(({ lane }) => lane),
  windows.map(({ after }) => String(after)),
  windows.map(({ until }) => String(until)),
]
