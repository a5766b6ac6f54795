// Compares the live catalog with what the last migration stored, and with what this pgtrail ships: object by object, partition by partition.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { code, readSql, sha256Hex } from "../sql-files.js"
import { version } from "../version.js"
import { catalogDigest } from "./acts.js"
import { Findings } from "./finding.js"
import { checkShipped } from "./shipped.js"

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
  const changed = (message: string) => findings.add({ kind: "catalog_changed", group: "object", message })
  const stored = await client.query<Described>(
    'select object, definition from pgtrail.catalog_object order by object collate "C"',
  )
  if (act !== undefined && (act.code_checksum === null || act.catalog_checksum === null)) {
    changed("the newest act of a migration does not say which pgtrail migrated: no pgtrail wrote it")
  }
  if (catalogDigest(stored.rows) !== digest) {
    changed(
      "pgtrail.catalog_object is not what the last migration recorded: its digest differs from the act's",
    )
  }
  const live = await client.query<Described>(readSql("catalog.sql").trim())
  const expected = new Map(stored.rows.map((row) => [row.object, row.definition]))
  const template = expected.get("partition")
  const reported = new Set<string>()
  for (const { object, definition } of live.rows) {
    const wanted = object.startsWith("partition ") ? template : expected.get(object)
    const before = findings.total
    if (wanted === undefined) changed(`${object} does not belong to pgtrail`)
    else compare(object, wanted, definition, findings)
    if (findings.total > before) reported.add(object)
    expected.delete(object)
  }
  expected.delete("partition")
  for (const object of expected.keys()) {
    const kind = object.startsWith("function ") ? "guard_missing" : "catalog_changed"
    findings.add({ kind, group: "object", message: `${object} is missing` })
    reported.add(object)
  }
  await checkShipped(client, act?.code_checksum === code().checksum, reported, findings)
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
    findings.add({
      kind: trigger ? "guard_missing" : "catalog_changed",
      group: "object",
      message:
        now === undefined ? `${object}: missing: ${line}` : `${object}: expected: ${line}; actual: ${now}`,
    })
  }
  for (const line of added) {
    if (gone.some((other) => sameThing(line, other))) continue
    findings.add({ kind: "catalog_changed", group: "object", message: `${object}: unexpected: ${line}` })
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
