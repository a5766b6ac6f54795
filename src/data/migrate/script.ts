// The SQL of installing and of each step up or down: no placeholders, no backslash commands, one transaction to be put around it.
import { readSql, type Version } from "../sql-files.js"
import { version as tool } from "../version.js"
import { fullName } from "./state.js"
import type { StepDown, StepUp } from "./steps.js"
import { storeCatalogSql } from "./store-catalog.js"

/** First key of every advisory lock of pgtrail: the bytes "pgtr". sql/functions use the same number. */
export const LOCK_SPACE = 1885828210
export const INSTALL_LOCK = -2
const ACT_LOCK = -1

export interface ScriptOptions {
  readonly roles: boolean
  /** For each lock. */
  readonly lockTimeoutMs: number
  /** Of a new log; undefined: month, which needs no setting. */
  readonly partitionInterval?: string | undefined
}

/** Steps as one script that people run; empty where there are none. A step ends as the owner: the next begins as who runs it. */
export function joinScripts(scripts: readonly string[]): string {
  if (scripts.length === 0) return ""
  const head = `-- pgtrail ${tool}: run in one transaction, as psql -X -1 -v ON_ERROR_STOP=1 does\n\n`
  return head + scripts.join("\nreset role;\n\n")
}

const begin = ({ lockTimeoutMs }: ScriptOptions): string[] => [
  "set local search_path = pg_catalog, pg_temp;",
  "set local check_function_bodies = off;",
  "set local client_min_messages = warning;",
  `set local lock_timeout = ${Math.max(1, Math.trunc(lockTimeoutMs))};`,
  readSql("preflight.sql"),
  `select pg_advisory_xact_lock(${LOCK_SPACE}, ${INSTALL_LOCK});`,
]

/** What a trigger has put off until the commit would keep its table from being changed. */
const settle = "set constraints all immediate;\nset constraints all deferred;"

/** Whatever could wait waits here, with nothing held that others wait for: first the acts, then the events. */
const takeLocks = [
  settle,
  `select pg_advisory_xact_lock(${LOCK_SPACE}, ${ACT_LOCK});`,
  "lock table pgtrail.event in share row exclusive mode;",
]

/** `installed`: whether there is a log before this step. Running it twice fails at once and changes nothing. */
export function upScript(
  step: StepUp,
  installed: boolean,
  isNewest: boolean,
  options: ScriptOptions,
): string {
  const { roles } = options
  const interval = installed || options.partitionInterval === "month" ? undefined : options.partitionInterval
  const names = step.migrations.map(fullName)
  return join([
    ...begin(options),
    // An earlier version's roles are there already.
    roles && (isNewest || !installed) ? readSql("roles.sql") : "",
    installed ? "" : roles ? "create schema pgtrail authorization pgtrail_owner;" : "create schema pgtrail;",
    roles ? "set local role pgtrail_owner;" : "",
    ...(installed ? takeLocks : ["comment on schema pgtrail is 'Tamper-evident audit trail';"]),
    ...step.migrations.flatMap((m) => [
      START,
      m.sql,
      `insert into pgtrail.migration (number, name, checksum, duration_ms, tool_version)
values (${m.number}, ${literal(m.name)}, ${literal(m.checksum)},
    ((extract(epoch from clock_timestamp()) - current_setting('pgtrail.started')::numeric) * 1000)::bigint,
    ${literal(tool)});`,
      settle,
    ]),
    ...settings(step.version, roles),
    step.version.code,
    roles ? step.version.grants : "",
    interval === undefined
      ? ""
      : `insert into pgtrail.setting values ('partition-interval', ${literal(interval)});`,
    installed ? "" : readSql("partitions.sql"),
    storeCatalogSql(step.version.catalog),
    recordMigrate(step.version, roles, { migrations: names, interval }),
  ])
}

/** `confirmed`: the name of the database whose records may be lost. */
export function downScript(
  { migration, version }: StepDown,
  confirmed: string | undefined,
  options: ScriptOptions,
): string {
  const { roles } = options
  const name = fullName(migration)
  return join([
    ...begin(options),
    roles ? "set local role pgtrail_owner;" : "",
    ...takeLocks,
    `do $$
begin
    if (select max(number) from pgtrail.migration) is distinct from ${migration.number} then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = ${literal(`the newest migration of this log is not ${name}`)}, hint = 'Nothing was changed.';
    end if;
end
$$;`,
    confirmed === undefined ? "" : `select set_config('pgtrail.confirmed', ${literal(confirmed)}, true);`,
    migration.down,
    settle,
    roles ? readSql("down/revoke.sql") : "",
    readSql("down/before.sql"),
    ...settings(version, roles),
    version.code,
    readSql("down/after.sql"),
    roles ? version.grants : "",
    storeCatalogSql(version.catalog),
    `delete from pgtrail.migration where number = ${migration.number};`,
    recordMigrate(version, roles, { migrations: [], down: [name] }),
  ])
}

const join = (parts: readonly string[]): string => `${parts.filter((part) => part !== "").join("\n\n")}\n`

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** psql runs each statement by itself and node-postgres the whole script at once: only a clock read here measures both. */
const START =
  "do $$ begin perform set_config('pgtrail.started', extract(epoch from clock_timestamp())::text, true); end $$;"

export function settings(version: Version, roles: boolean): string[] {
  const rows = [
    ["roles", roles ? "on" : "off"],
    ["code-checksum", version.codeChecksum],
    ["catalog-checksum", version.catalogChecksum],
  ] as const
  return rows.map(
    ([name, value]) => `insert into pgtrail.setting values (${literal(name)}, ${literal(value)})
on conflict (name) do update set value = excluded.value;`,
  )
}

export function recordMigrate(
  version: Version,
  roles: boolean,
  done: {
    readonly migrations: readonly string[]
    readonly down?: readonly string[]
    readonly interval?: string | undefined
  },
): string {
  const array = (names: readonly string[]) => `jsonb_build_array(${names.map(literal).join(", ")})`
  const down = done.down === undefined ? "" : `, 'down', ${array(done.down)}`
  const interval = done.interval === undefined ? "" : `, 'partition_interval', ${literal(done.interval)}`
  return `select pgtrail.record_act('migrate',
    jsonb_build_object('tool_version', ${literal(tool)}, 'roles', ${literal(roles ? "on" : "off")}, 'code_checksum', ${literal(version.codeChecksum)},
        'catalog_checksum', ${literal(version.catalogChecksum)}, 'migrations', ${array(done.migrations)}${down}${interval}),
    (select sha256(convert_to(string_agg(object || E'\\n' || definition || E'\\n', '' order by object), 'UTF8'))
        from pgtrail.catalog_object));`
}
