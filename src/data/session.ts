// What is fixed for a session, the test whether it is one (a pooler would pass it on to other programs), and how to do without.
import type { Client, QueryResult } from "pg"

const settings = [
  ["datestyle", "'ISO, YMD'"],
  ["timezone", "'UTC'"],
  ["intervalstyle", "'iso_8601'"],
  ["bytea_output", "'hex'"],
  ["extra_float_digits", "1"],
  ["client_encoding", "'UTF8'"],
  ["standard_conforming_strings", "on"],
  // It would change how the catalog describes itself.
  ["quote_all_identifiers", "off"],
  ["search_path", "pg_catalog, pg_temp"],
  // A policy then raises an error instead of hiding rows.
  ["row_security", "off"],
  ["statement_timeout", "0"],
  // What could hide an event has a price in every plan, though nothing asks for it where there is no restriction: PostgreSQL would compile for a minute.
  ["jit", "off"],
  // A verification holds its snapshot while the workers read.
  ["idle_in_transaction_session_timeout", "0"],
] as const

/**
 * A backend whose client was killed would keep its locks until its statement ends: it looks every two seconds instead. Servers on systems
 * that cannot tell refuse the setting, and no setting says which they are; Linux can, and is named in the version.
 */
const lookForClient = (reach: "session" | "local"): string =>
  `select pg_catalog.set_config('client_connection_check_interval', '2s', ${reach === "local"})
    where pg_catalog.version() operator(pg_catalog.~) 'linux'`

/** SET statements, for the session or for the transaction that has begun. */
export function sessionSettings(reach: "session" | "local"): string {
  return [...settings.map(([name, value]) => `set ${reach} ${name} = ${value}`), lookForClient(reach)].join(
    ";",
  )
}

/** In the server's log where a pooler is found, so that its reader need not wonder. */
const remark = "pgtrail found a pooler before this backend: "

/**
 * Fails, and with it the rest of its simple query, unless this is the backend that said hello: a pooler tells a number of its own.
 * A cast that fails costs a direct connection nothing; a statement of its own would cost a round trip.
 */
export function mustBe(backend: number | string | null | undefined): string {
  return `select case when pg_catalog.pg_backend_pid() operator(pg_catalog.=) ${Number(backend ?? 0)} then 0
    else pg_catalog.concat('${remark}', pg_catalog.pg_backend_pid())::pg_catalog.int4 end`
}

/**
 * Text, whatever types the client reads. `suspect` is asked of a superuser alone: whether anything in this database could be another's
 * code that runs when the log is read (a function, operator or type that an index, a constraint, statistics or a column depends on, or a
 * relation that is no table). It never misses one, and costs two catalogs; verify/foreign.ts then looks which.
 */
export const whoSql = `select rolsuper::text as superuser, case when rolsuper then (exists (
    select from pg_catalog.pg_depend d
    where d.objid operator(pg_catalog.>=) 16384
      and d.refclassid operator(pg_catalog.=) any ('{pg_catalog.pg_proc,pg_catalog.pg_operator,pg_catalog.pg_type}'::regclass[]::oid[])
      and d.classid operator(pg_catalog.=)
        any ('{pg_catalog.pg_class,pg_catalog.pg_constraint,pg_catalog.pg_statistic_ext}'::regclass[]::oid[]))
  or exists (
    select from pg_catalog.pg_class c
    where c.relnamespace operator(pg_catalog.=) (select pg_catalog.to_regnamespace('pgtrail'))
      and c.relkind operator(pg_catalog.=) any ('{f,m,v}')
      and c.relname operator(pg_catalog.<>) all ('{open_event,organization_event,organization_head}')
      or c.relkind operator(pg_catalog.=) 'f'))::text end as suspect
  from pg_catalog.pg_roles where rolname operator(pg_catalog.=) session_user`

export function saysPooler(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "22P02" && error.message.includes(remark)
}

const lent = new WeakMap<Client, { before: Promise<unknown> }>()

/** From now on each statement of `client` is a transaction of its own, which brings its settings along. */
export function lendSessions(client: Client): void {
  lent.set(client, { before: Promise.resolve() })
}

export type Asking = Pick<Client, "query">

/** The client itself, or what asks through a pooler in its name. */
export function asking(client: Client): Asking {
  const queue = lent.get(client)
  if (queue === undefined) return client
  const query = (text: string, values?: unknown[]): Promise<QueryResult> => {
    const answer = queue.before.then(() => inTransaction(client, text, values))
    queue.before = answer.catch(() => undefined)
    return answer
  }
  return { query } as unknown as Asking
}

async function inTransaction(
  client: Client,
  text: string,
  values: unknown[] | undefined,
): Promise<QueryResult> {
  try {
    await client.query(`begin; ${sessionSettings("local")}`)
    const result = await client.query(text, values)
    await client.query("commit")
    return result
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}
