// Compares the live catalog with what the last migration stored, and with what this pgtrail ships: object by object, partition by partition.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { code, readSql, sha256Hex } from "../sql-files.js"
import { version } from "../version.js"
import { catalogDigest } from "./acts.js"
import { Findings } from "./finding.js"

interface Described {
  readonly object: string
  readonly definition: string
}

interface MigrateAct {
  readonly digest: string | null
  readonly tool_version: string | null
  readonly code_checksum: string | null
  readonly catalog_checksum: string | null
}

/** Of sql/catalog.sql: descriptions by another text cannot be compared. */
export function catalogChecksum(): string {
  return sha256Hex(readSql("catalog.sql"))
}

/** `digest`: of the stored description, from the act of the last migration; hex. */
export async function checkCatalog(
  client: ClientBase,
  digest: string | undefined,
  findings: Findings,
): Promise<void> {
  const act = await newestMigration(client)
  if (isDescribedOtherwise(act)) {
    throw new TrailError(
      "pending-migration",
      `the catalog was described by pgtrail ${act?.tool_version}, and this is ${version}: the two cannot be compared`,
      { hint: "pgtrail migrate up" },
    )
  }
  await compareCatalog(client, act, digest, findings)
}

/**
 * Throws where an installed log is not what its last migration left: to migrate it would store the tampering as what must be.
 * A log that another pgtrail described otherwise is let through: only that one could have compared it.
 */
export async function refuseTampered(client: ClientBase): Promise<void> {
  const act = await newestMigration(client)
  if (isDescribedOtherwise(act)) return
  const findings = new Findings(3)
  await compareCatalog(client, act, act?.digest ?? undefined, findings)
  if (findings.total === 0) return
  const more = findings.total - findings.list.length
  const named = findings.list.map((finding) => finding.message).join("\n  ")
  throw new TrailError(
    "config",
    `the log is not what its last migration left:\n  ${named}${more > 0 ? `\n  and ${more} more` : ""}`,
    { hint: "nothing was changed; find out who did it: pgtrail verify" },
  )
}

/**
 * SQL that stores what the catalog is now as what it must be. All partitions are described by one row, so they must be alike: else
 * whichever was taken would decide what is tampering.
 */
export function storeCatalogSql(): string {
  return `do $store$
declare
    odd text;
begin
    delete from pgtrail.catalog_object;
    insert into pgtrail.catalog_object (object, definition)
${readSql("catalog.sql").trimEnd()};
    select string_agg(p.object, ', ' order by p.object) into odd from pgtrail.catalog_object p
    where p.object like 'partition %' and p.definition <> (
        select mode() within group (order by q.definition) from pgtrail.catalog_object q where q.object like 'partition %');
    if odd is not null then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('the partitions are not alike: not like the others: %s', odd),
            hint = 'Nothing was changed. Give them the owner, grants, triggers and indexes of the others.';
    end if;
    delete from pgtrail.catalog_object p
    where p.object like 'partition %' and p.object > (
        select min(q.object) from pgtrail.catalog_object q where q.object like 'partition %');
    update pgtrail.catalog_object set object = 'partition' where object like 'partition %';
end
$store$;`
}

async function newestMigration(client: ClientBase): Promise<MigrateAct | undefined> {
  const { rows } = await client.query<MigrateAct>(
    `select encode(digest, 'hex') as digest, parameters->>'tool_version' as tool_version,
       parameters->>'code_checksum' as code_checksum, parameters->>'catalog_checksum' as catalog_checksum
     from pgtrail.act where kind = 'migrate' order by seq desc limit 1`,
  )
  return rows[0]
}

/** An act that names no text is no act of any pgtrail, so it is compared, and found. */
function isDescribedOtherwise(act: MigrateAct | undefined): boolean {
  return act?.catalog_checksum != null && act.catalog_checksum !== catalogChecksum()
}

async function compareCatalog(
  client: ClientBase,
  act: MigrateAct | undefined,
  digest: string | undefined,
  findings: Findings,
): Promise<void> {
  const changed = (message: string, evidence = "") =>
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: `${message} ${evidence}` })
  const stored = await client.query<Described>(
    'select object, definition from pgtrail.catalog_object order by object collate "C"',
  )
  if (act !== undefined && (act.code_checksum === null || act.catalog_checksum === null)) {
    changed("the newest act of a migration does not say which pgtrail migrated: no pgtrail wrote it")
  }
  const storedDigest = catalogDigest(stored.rows)
  if (storedDigest !== digest) {
    changed(
      "pgtrail.catalog_object is not what the last migration recorded: its digest differs from the act's",
      `${storedDigest} ${digest}`,
    )
  }
  const live = await client.query<Described>(readSql("catalog.sql").trim())
  const expected = new Map(stored.rows.map((row) => [row.object, row.definition]))
  const template = expected.get("partition")
  const reported = new Set<string>()
  for (const { object, definition } of live.rows) {
    const wanted = object.startsWith("partition ") ? template : expected.get(object)
    const before = findings.count
    if (wanted === undefined) changed(`${object} does not belong to pgtrail`, definition)
    else compare(object, wanted, definition, findings)
    if (findings.count > before) reported.add(object)
    expected.delete(object)
  }
  expected.delete("partition")
  for (const object of expected.keys()) {
    const kind = object.startsWith("function ") ? "guard_missing" : "catalog_changed"
    const message = `${object} is missing`
    findings.add({ kind, group: "object", message, evidence: message })
    reported.add(object)
  }
  await checkShipped(client, act?.code_checksum === code().checksum, reported, findings)
}

/** Needs no stored description: the guards must be there, and the functions be those that this pgtrail ships, where it migrated. */
async function checkShipped(
  client: ClientBase,
  current: boolean,
  reported: ReadonlySet<string>,
  findings: Findings,
): Promise<void> {
  const guards = await client.query<{ object: string; trigger: string; live: string | null }>(
    `select case when c.oid = e.oid or i.inhrelid is null then 'table ' else 'partition ' end
         || case when n.nspname = 'pgtrail' then '' else n.nspname || '.' end || c.relname as object, w.name as trigger,
       (select string_agg(format('%s %s %s %s', g.tgfoid, g.tgtype, g.tgenabled, md5(g.tgqual::text)), '; ' order by g.oid)
        from pg_trigger g where g.tgrelid = c.oid and g.tgname = w.name) as live
     from (values ('pgtrail_guard', 'guard', 58), ('pgtrail_seal', 'seal_event', 7), ('pgtrail_signature', 'check_signature', 5))
       w (name, function, type)
     cross join (select to_regclass('pgtrail.event') as oid) e
     join pg_class c on true
     join pg_namespace n on n.oid = c.relnamespace
     left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = e.oid
     where case w.name
         -- A log of version 0.1 that is yet to be migrated has no signatures.
         when 'pgtrail_signature' then c.oid = to_regclass('pgtrail.act') and to_regclass('pgtrail.act_signature') is not null
         else i.inhrelid is not null or c.oid = e.oid or w.name = 'pgtrail_guard' and c.oid in (to_regclass('pgtrail.act'),
           to_regclass('pgtrail.log'), to_regclass('pgtrail.incarnation'), to_regclass('pgtrail.loss'),
           to_regclass('pgtrail.act_signature'))
         end
       and not exists (
         select from pg_trigger g join pg_proc p on p.oid = g.tgfoid join pg_namespace m on m.oid = p.pronamespace
         where g.tgrelid = c.oid and g.tgname = w.name and g.tgenabled = 'O' and g.tgtype = w.type and g.tgqual is null
           and g.tgdeferrable = (w.name = 'pgtrail_signature') and g.tginitdeferred = g.tgdeferrable
           and m.nspname = 'pgtrail' and p.proname = w.function)
     order by 1, 2`,
  )
  for (const { object, trigger, live } of guards.rows) {
    if (reported.has(object)) continue
    const message = `${object}: trigger ${trigger} is missing, disabled or not the one that pgtrail makes`
    findings.add({ kind: "guard_missing", group: "object", message, evidence: `${message} ${live}` })
  }
  // Another version's functions are its own; only this version's are known here.
  if (!current) return
  const shipped = shippedBodies()
  const live = await client.query<{ name: string; object: string; body: string }>(
    `select p.proname as name, format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as object,
       encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') as body
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = 'pgtrail'
     where p.prokind <> 'a' order by 2`,
  )
  for (const { name, object, body } of live.rows) {
    if (shipped.get(name) === body || reported.has(object)) continue
    const message = `${object} is not the one that this pgtrail ships`
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: `${message} ${body}` })
  }
}

/** sha256 of what stands between the $$ of each function, which is what the server stores; by name. */
function shippedBodies(): Map<string, string> {
  const functions = code().sql.matchAll(
    /^create or replace function pgtrail\.(\w+)\([\s\S]*?\nas \$\$([\s\S]*?)\$\$;$/gm,
  )
  return new Map([...functions].map(([, name = "", body = ""]) => [name, sha256Hex(body)]))
}

function compare(object: string, wanted: string, found: string, findings: Findings): void {
  if (wanted === found) return
  const wantedLines = new Set(wanted.split("\n"))
  const foundLines = new Set(found.split("\n"))
  const gone = [...wantedLines].filter((line) => !foundLines.has(line))
  // An index that is not unique is the DBA's own business.
  const added = [...foundLines].filter(
    (line) => !wantedLines.has(line) && !(line.startsWith("index ") && line.includes(", unique f,")),
  )
  for (const line of gone) {
    const now = added.find((other) => sameThing(line, other))
    const trigger = line.startsWith("trigger ")
    const message =
      now === undefined ? `${object}: missing: ${line}` : `${object}: expected: ${line}; actual: ${now}`
    findings.add({
      kind: trigger ? "guard_missing" : "catalog_changed",
      group: "object",
      message,
      evidence: message,
    })
  }
  for (const line of added) {
    if (gone.some((other) => sameThing(line, other))) continue
    const message = `${object}: unexpected: ${line}`
    findings.add({ kind: "catalog_changed", group: "object", message, evidence: message })
  }
}

/** Two lines about the same thing: the same column, trigger or rule, or the same fact of a function or table. */
function sameThing(a: string, b: string): boolean {
  const subject = (line: string) => {
    const [fact = "", name = ""] = line.split(" ", 2)
    return ["settings", "body", "kind", "table", "owner", "attributes", "type"].includes(fact)
      ? fact
      : `${fact} ${name}`
  }
  return subject(a) === subject(b)
}
