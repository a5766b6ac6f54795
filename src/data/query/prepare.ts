// What must be asked of the server about a filter before statements are made of it.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { quoted, visible } from "../words.js"
import { type EventFilter, flagOf, type Values } from "./criteria.js"
import { fixed } from "./filter.js"
import { readWalk, type Walk, type WalkOptions } from "./segments.js"
import { prepareBound, type Source } from "./source.js"

export interface Prepared extends Walk {
  readonly filter: EventFilter
}

/**
 * What every walk over a filter begins with: where this role reads, the segments of the period, and the filter as the statements should ask
 * it. `client` is used for this question alone: its session may be set for it. Throws TrailError `usage`.
 */
export async function prepareWalk(
  client: ClientBase,
  asked: EventFilter,
  options: WalkOptions = {},
): Promise<Prepared> {
  const { source, segments } = await readWalk(client, asked, options)
  const only = source.isBound ? await prepareBound(client) : undefined
  const organization = asked.organization ?? only
  const named = organization === undefined ? asked : { ...asked, organization }
  return { source, segments, filter: await prepareFilter(client, named, source) }
}

/** The filter as the statements should ask it, on this connection. Throws TrailError `usage` for a path that the server cannot read. */
export async function prepareFilter(
  client: ClientBase,
  filter: EventFilter,
  source: Source,
): Promise<EventFilter> {
  for (const path of [...list(filter.where), ...list(filter.not?.where)]) await checkPath(client, path)
  return fixed(
    source.isBound || !needsOrganizations(filter) ? filter : await withOrganizations(client, filter),
  )
}

/** All but organization, type and time are indexed within organizations alone. */
const within = ["type", "actor", "resource", "request", "correlation", "session"] as const

const needsOrganizations = (filter: EventFilter): boolean =>
  list(filter.organization).length === 0 &&
  (within.some((name) => list(filter[name]).length > 0) || list(filter.severity).join() === "critical")

/** Beyond, reading an index from end to end is no slower. */
const mostOrganizations = 1000

/**
 * Names every organization of the log: each partition's index is then asked once for each, and not read from end to end. PostgreSQL
 * skips through it by itself from 18 on. (Events that somebody put past the seal trigger, of an organization without a head, are not found so;
 * verify finds them.)
 */
async function withOrganizations(client: ClientBase, filter: EventFilter): Promise<EventFilter> {
  const server = await client.query<{ is_needed: string }>(
    `select current_setting('server_version_num')::int < 180000
       and coalesce(has_table_privilege(to_regclass('pgtrail.chain_head'), 'select'), false) as is_needed`,
  )
  if (server.rows[0]?.is_needed !== "t") return filter
  const { rows } = await client.query<{ name: string }>(
    "select distinct h.organization_id as name from pgtrail.chain_head h where h.seq = 0 limit $1::int",
    [mostOrganizations + 1],
  )
  return rows.length > mostOrganizations ? filter : { ...filter, organization: rows.map(({ name }) => name) }
}

/** What a statement of a walk failed with. A path over times can fail on the events themselves. */
export function toFilterError(error: unknown, filter: EventFilter): unknown {
  const known = toTrailError(error)
  const isOfPath = known instanceof TrailError && known.sqlstate === "0A000"
  const [path] = [...list(filter.where), ...list(filter.not?.where)]
  return isOfPath && path !== undefined ? pathError(known, path) : known
}

const list = (values: Values | undefined): readonly string[] =>
  typeof values === "string" ? [values] : (values ?? [])

const hint = `write what is true or false: '$.user.plan == "pro"', 'exists($.user.plan)', '$.n > 3 && $.n < 9'`

/** Tries it on an empty object: whatever is true or false gives one boolean, or null, there too. */
async function checkPath(client: ClientBase, typed: string): Promise<void> {
  const { rows } = await client
    .query<{ path: string; answer: string }>(
      "select $1::jsonpath as path, jsonb_path_query_array('{}', $1::jsonpath, '{}', true)::text as answer",
      [typed],
    )
    .catch((error: unknown) => {
      throw pathError(error, typed)
    })
  const { path = "", answer = "" } = rows[0] ?? {}
  // As the server writes it, `$` before a quote begins a variable, and nothing else does.
  const isOpen = [...path.matchAll(/(\$?)"(?:[^"\\]|\\.)*"/gs)].some(([, sign]) => sign === "$")
  if (isOpen) throw refused(typed, "names a variable, and nothing gives it a value")
  if (!["[true]", "[false]", "[null]"].includes(answer)) throw refused(typed, "is not true or false")
}

const refused = (typed: string, why: string): TrailError =>
  new TrailError("usage", `${flagOf("where")} ${quoted(typed)} ${why}`, { hint })

const longest = 300

/** What the server does not accept in a path: syntax, values, depth. Every other failure is not the path's. */
function pathError(error: unknown, typed: string): unknown {
  const known = toTrailError(error)
  const state = known instanceof TrailError ? known.sqlstate : undefined
  if (!(known instanceof TrailError) || !/^(22|42|54|0A)/.test(state ?? "")) return known
  const said = visible(known.message)
  return refused(
    typed,
    `is no path that the server reads: ${said.length > longest ? `${said.slice(0, longest)}...` : said}`,
  )
}
