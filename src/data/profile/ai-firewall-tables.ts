// The tables that AI Usage Firewall has beside its log. Their times have no zone, as in the system: the application sends UTC.
import { literal } from "../migrate/script.js"
import { quoteBody } from "./quote.js"
import type { Companion, Place } from "./shape.js"

const utcNow = "(now() at time zone 'utc')"
const all = ["insert", "update", "delete"] as const

const neverNull = ["id", "username", "email", "hashed_password", "is_active", "is_admin", "created_at"]

/** NOT NULL and CHECK tell the whole row when they refuse one, and server logs would keep the password or its hash: this refuses before them, and tells nothing. */
const checkUsers: Companion = {
  name: "pgtrail_users_check",
  kind: "function",
  signature: "()",
  isPrivate: true,
  sql: ({ schema }) => `create or replace function ${schema}.pgtrail_users_check() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $check$
declare
    missing constant text := case ${neverNull.map((column) => `when new.${column} is null then '${column}'`).join(" ")} end;
begin
    if missing is not null then
        raise exception using errcode = '23502', column = missing, table = tg_table_name, schema = tg_table_schema,
            message = format('null value in column %I of relation %I violates not-null constraint', missing, tg_table_name);
    end if;
    if new.hashed_password !~ '^\\$2[aby]\\$' then
        raise exception using errcode = '23514', constraint = 'users_hashed_password_check', column = 'hashed_password',
            table = tg_table_name, schema = tg_table_schema,
            message = format('column hashed_password of new row for relation %I violates check constraint users_hashed_password_check', tg_table_name),
            hint = 'It is hashed with bcrypt, and begins with $2a$, $2b$ or $2y$.';
    end if;
    return new;
end
$check$;
revoke all on function ${schema}.pgtrail_users_check() from public;`,
}

const users: Companion = {
  name: "users",
  kind: "table",
  // Password hashes: whoever reads the log has no business with them.
  isPrivate: true,
  rights: ["select", ...all],
  sql: ({ schema }) => `create table if not exists ${schema}.users (
    id uuid primary key default gen_random_uuid(),
    username varchar not null,
    email varchar not null,
    hashed_password varchar not null,
    full_name varchar,
    is_active boolean not null default true,
    is_admin boolean not null default false,
    created_at timestamp not null default ${utcNow},
    last_login timestamp
);
create unique index if not exists ix_users_username on ${schema}.users (username);
create unique index if not exists ix_users_email on ${schema}.users (email);
create or replace trigger pgtrail_check before insert or update on ${schema}.users
    for each row execute function ${schema}.pgtrail_users_check();`,
}

const devices: Companion = {
  name: "devices",
  kind: "table",
  rights: all,
  sql: ({ schema }) => `create table if not exists ${schema}.devices (
    id uuid primary key default gen_random_uuid(),
    device_id varchar not null,
    user_id varchar not null,
    device_type varchar not null,
    registered_at timestamp not null default ${utcNow},
    last_seen timestamp not null default ${utcNow},
    is_active boolean not null default true,
    constraint devices_device_type_check check (device_type::text in ('browser', 'desktop', 'cli'))
);
create unique index if not exists ix_devices_device_id on ${schema}.devices (device_id);
create index if not exists ix_devices_user_id on ${schema}.devices (user_id);`,
}

/**
 * Sets the policy of the profile's organization, by an act; where nothing changes, there is none. Of these events alone: whoever may write
 * firewall_configs decides about no others. `default` is what the application calls it where it was told no other name; a row with the name
 * itself goes before. A shorter period waits for the grace, as every one does.
 */
const retention: Companion = {
  name: "pgtrail_firewall_configs_retention",
  kind: "function",
  signature: "()",
  isPrivate: true,
  sql: ({
    schema,
    organization,
  }) => `create or replace function ${schema}.pgtrail_firewall_configs_retention() returns trigger
language plpgsql volatile security definer parallel unsafe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $retention$
declare
    organization text := ${organization};
    policy text := 'ai-firewall ' || organization;
begin
    if new.organization_id not in (organization, 'default') then
        raise exception using errcode = '23514', constraint = 'pgtrail_organization', column = 'organization_id',
            table = tg_table_name, schema = tg_table_schema,
            message = format('the log entries beside %I.%I are those of another organization', tg_table_schema, tg_table_name),
            hint = 'Nothing was changed. Each organization has a profile of its own: pgtrail profile install ai-firewall --org NAME --schema SCHEMA';
    end if;
    if new.organization_id <> organization
        and exists (select from ${schema}.firewall_configs c where c.organization_id = organization) then
        return null;
    end if;
    -- What no policy can be called.
    if length(policy) > 100 or policy ~ '[[:cntrl:]]|\\s$' then
        policy := 'ai-firewall ' || md5(organization);
    end if;
    perform pgtrail.set_retention('policy', policy, new.log_retention_days, organization, event_type => 'ai_firewall');
    return null;
end
$retention$;
revoke all on function ${schema}.pgtrail_firewall_configs_retention() from public;`,
}

const firewallConfigs: Companion = {
  name: "firewall_configs",
  kind: "table",
  rights: all,
  sql: ({ schema, organization }) => `create table if not exists ${schema}.firewall_configs (
    id uuid primary key default gen_random_uuid(),
    organization_id varchar not null,
    monitored_tools json not null default '{}',
    sensitivity_thresholds json not null default '{}',
    custom_patterns json not null default '{}',
    log_retention_days int not null default 90,
    updated_at timestamp not null default ${utcNow},
    updated_by varchar not null,
    constraint firewall_configs_log_retention_days_check check (log_retention_days between 30 and 365)
);
create unique index if not exists ix_firewall_configs_organization_id on ${schema}.firewall_configs (organization_id);
${watched({ schema, organization })}`,
}

/** A table that stayed when the profile was removed, and its policy, may have been changed since: what the table says counts again. */
function watched({ schema, organization }: Place): string {
  const table = `${schema}.firewall_configs`
  const body = `declare
    was_watched constant boolean := exists (
        select from pg_trigger t where t.tgrelid = ${literal(table)}::regclass and t.tgname = 'pgtrail_retention');
begin
    create or replace trigger pgtrail_retention after insert or update of organization_id, log_retention_days on ${table}
        for each row execute function ${schema}.pgtrail_firewall_configs_retention();
    if not was_watched then
        update ${table} c set log_retention_days = c.log_retention_days where c.organization_id in (${organization}, 'default');
    end if;
end`
  return quoteBody(body, (quoted) => `do ${quoted};`)
}

export const tables: readonly Companion[] = [checkUsers, users, devices, retention, firewallConfigs]
