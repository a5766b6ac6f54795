// What the view of a profile costs: inserts through it, and a filtered page of it, against the same on pgtrail.event.
import { performance } from "node:perf_hooks"
import type pg from "pg"
import { open } from "../src/data/index.js"
import { firstMonth } from "./events.js"
import { compare, type Figure, microseconds, series, takeTurns } from "./measure.js"
import { query, type Server, settle, withClient } from "./server.js"

const rowsAtOnce = 1000
const users = 50
/** Pages of a turn: each of another user and time. */
const pages = 25
/** Short turns, and many: what is compared differs by less than one minute of a machine from the next. */
const leastTurns = 15
const longestTurn = 0.5

/** The event of an application of seed 001; $1 is a number that differs from event to event. */
const values = {
  event_type: "'memory.retrieved'",
  user_id: `'user-' || $1::int % ${users}`,
  username: "'alice'",
  session_id: "'session-' || $1::int % 1000",
  ip_address: "'192.168.1.100'",
  user_agent: "'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'",
  resource_type: "'memory'",
  resource_id: "'memory-' || $1::int % 10007",
  namespace: "'notes'",
  action: "'read'",
  request_method: "'GET'",
  request_path: "'/memories'",
  success: "true",
  status_code: "200",
  metadata: `'{"region": "eu-central-1", "version": 12}'::jsonb`,
  timestamp: `'${firstMonth}'::timestamptz + $1::int * interval '17 minutes'`,
} as const

/** The same event, as the view appends it. */
const direct = {
  organization_id: "'default'",
  source: "'memoric'",
  external_number: "nextval('public.audit_logs_id_seq')",
  event_type: values.event_type,
  category: "'memory'",
  severity: "'info'",
  actor_id: values.user_id,
  actor_name: values.username,
  session_id: values.session_id,
  ip_address: "'192.168.1.100'::inet",
  user_agent: values.user_agent,
  resource_type: values.resource_type,
  resource_id: values.resource_id,
  namespace: values.namespace,
  action: values.action,
  request_method: values.request_method,
  request_path: values.request_path,
  outcome: "'success'",
  status_code: values.status_code,
  details: values.metadata,
  retention_policy: "'memoric'",
  occurred_at: values.timestamp,
} as const

const insert = (table: string, row: Readonly<Record<string, string>>): string =>
  `insert into ${table} (${Object.keys(row).join(", ")}) select ${Object.values(row).join(", ")}`
const throughView = insert("public.audit_logs", values)
const intoEvent = insert("pgtrail.event", direct)
/** A statement of many rows: the number comes from a series. */
const many = (sql: string): string =>
  `${sql.replaceAll("$1::int", "i")} from generate_series($1::int, $1::int + ${rowsAtOnce - 1}) i`

const time = "between $2::timestamptz and $2::timestamptz + interval '6 months'"
const pageOfView = `select * from public.audit_logs where user_id = $1 and timestamp ${time} order by timestamp desc limit 100`
const pageOfEvent = `select external_number, event_type, severity, description, actor_id, actor_name, session_id, ip_address,
    user_agent, resource_type, resource_id, namespace, action, before_state, after_state, request_method, request_path,
    request_params, outcome, error_message, status_code, details, tags, compliance_tags, retention_policy, occurred_at
  from pgtrail.event
  where organization_id = 'default' and source = 'memoric' and left(actor_id, 300) = $1 and occurred_at ${time}
  order by occurred_at desc limit 100`

/** Of an application with organizations: its newest events before a time, as its first page and its cursor ask for them. */
const organizations = 5
const intoOrganizations = `insert into pgtrail.event (source, organization_id, external_id, event_type, category, severity, actor_type, actor_id,
    resource_type, resource_id, action, request_id, occurred_at)
  select 'agenttrace', 'o' || i % ${organizations}, 'e' || i, 'agent.run', 'data', 'info', 'user', 'user-' || i % ${users},
    'agent', i % 1000, 'read', 'r' || i, '${firstMonth}'::timestamptz + i % 40_000 * interval '17 minutes'
  from generate_series($1::int, $1::int + ${rowsAtOnce - 1}) i`
const newest = (time: string): string =>
  `where organization_id = $1 and ${time} < $2::timestamptz order by ${time} desc limit 50`
const organizationOfView = `select * from public.audit_events ${newest('"timestamp"')}`
const organizationOfEvent = `select external_id, occurred_at, organization_id, project_id, actor_type, actor_id, actor_email, ip_address, user_agent,
    category, event_type, severity, resource_type, resource_id, resource_name, action, before_state, after_state, request_id, session_id, hash,
    previous_hash
  from (select * from pgtrail.event where source = 'agenttrace') e ${newest("occurred_at")}`

interface Options {
  readonly events: number
  readonly rounds: number
  readonly seconds: number
}

export async function measureProfile(
  server: Server,
  { events, rounds, seconds }: Options,
  say: (text: string) => void,
): Promise<Figure[]> {
  const url = await server.logDatabase("profile")
  const trail = await open({ connectionString: url, applicationName: "pgtrail bench" })
  try {
    await trail.installProfile("memoric")
    await trail.installProfile("agenttrace")
  } finally {
    await trail.close()
  }
  const figures = await withClient(url, async (client) => {
    // What waits for the disk would make both alike; and memoric takes times of UTC alone.
    await client.query("set synchronous_commit = off; set timezone = 'UTC'")
    return [
      ...(await measureInserts(client, { rounds, seconds }, url, say)),
      ...(await measurePages(client, { rounds, events }, url, say)),
    ]
  })
  await server.drop("profile")
  return figures
}

async function measureInserts(
  client: pg.Client,
  { rounds, seconds }: Pick<Options, "rounds" | "seconds">,
  url: string,
  say: (text: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [what, rows, form] of [
    ["insert through a profile's view, one event a commit", 1, (sql: string) => sql],
    [`insert through a profile's view, ${rowsAtOnce} events a statement`, rowsAtOnce, many],
  ] as const) {
    say(what)
    let next = 1
    /** Microseconds an event. */
    const cost = (name: string, sql: string) =>
      series(async () => {
        const begun = performance.now()
        let done = 0
        for (; performance.now() - begun < Math.min(seconds, longestTurn) * 1000; done += rows) {
          await client.query({ name: `${name} ${rows}`, text: form(sql), values: [next % 40_000] })
          next += rows
        }
        return ((performance.now() - begun) * 1000) / done
      })
    const [ours, plain] = [cost("view", throughView), cost("event", intoEvent)]
    // The first reading is for the caches.
    for (const one of [ours, plain]) await one.measure(0)
    await settle(url)
    await takeTurns(Math.max(rounds, leastTurns), [ours, plain])
    figures.push(compare(what, ours, plain, microseconds, { must: 1.6 }))
  }
  return figures
}

interface Pages {
  readonly what: string
  readonly fill: string
  readonly ofView: string
  readonly ofEvent: string
  readonly values: (page: number) => readonly string[]
}

const dayOf = (page: number): string =>
  new Date(Date.parse(firstMonth) + (page % 200) * 86_400_000).toISOString()

const kindsOfPages: readonly Pages[] = [
  {
    what: "page of 100 by user and time of a profile's view",
    fill: many(intoEvent),
    ...{ ofView: pageOfView, ofEvent: pageOfEvent },
    values: (page) => [`user-${page % users}`, dayOf(page)],
  },
  {
    what: "page of 50 of one organization among five of a profile's view",
    fill: intoOrganizations,
    ...{ ofView: organizationOfView, ofEvent: organizationOfEvent },
    values: (page) => [`o${page % organizations}`, dayOf(page + 30)],
  },
]

async function measurePages(
  client: pg.Client,
  { rounds, events }: Pick<Options, "rounds" | "events">,
  url: string,
  say: (text: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { what, fill, ofView, ofEvent, values: valuesOf } of kindsOfPages) {
    say(what)
    for (let first = 0; first < events; first += rowsAtOnce) await client.query(fill, [first % 40_000])
    await query(url, "vacuum (analyze)")
    /** Microseconds a page. */
    const cost = (name: string, text: string) =>
      series(async (round) => {
        const begun = performance.now()
        for (let page = round * pages; page < (round + 1) * pages; page += 1)
          await client.query({ name, text, values: [...valuesOf(page)] })
        return ((performance.now() - begun) * 1000) / pages
      })
    const [ours, plain] = [cost(`ours ${figures.length}`, ofView), cost(`plain ${figures.length}`, ofEvent)]
    // After that the server has chosen the plan that it keeps.
    for (const one of [ours, plain, ours, plain]) await one.measure(0)
    await takeTurns(Math.max(rounds, leastTurns), [ours, plain])
    figures.push(compare(what, ours, plain, microseconds, { must: 1.2 }))
  }
  return figures
}
