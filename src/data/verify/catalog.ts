// Compares the live catalog with what the last migration stored, and with what this pgtrail ships: object by object, partition by partition.
import type { ClientBase } from "pg"
import { type ConnectionTarget, withClient, withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { findVersion, presentVersion, type Version } from "../sql-files.js"
import { version } from "../version.js"
import { catalogDigest } from "./acts.js"
import { compareBounds } from "./bounds.js"
import { compareDefinitions, type Difference } from "./catalog-difference.js"
import { compareAct, compareLedger, type MigrateAct } from "./catalog-stored.js"
import { beginHeld } from "./detached.js"
import { Findings } from "./finding.js"
import { compareForeign, compareShipped } from "./shipped.js"

interface Described {
  readonly object: string
  readonly definition: string
}

export interface Comparison {
  readonly differences: readonly Difference[]
  /** Whose functions the log has; undefined where this pgtrail does not know them. */
  readonly shipped: Version | undefined
}

/**
 * `digest`: of the stored description, from the act of the last migration; hex. A snapshot does not hold the catalog still: the server fails,
 * or tells too little, of an index whose partition was dropped since. So what seems to differ is looked at again while no partition goes.
 */
export async function checkCatalog(
  client: ClientBase,
  digest: string | undefined,
  findings: Findings,
  target?: ConnectionTarget,
): Promise<void> {
  if (target === undefined) {
    report((await compare(client, digest)).differences, findings)
    return
  }
  await client.query("savepoint catalog")
  const first = await compare(client, digest).catch(async (error: unknown) => {
    if (error instanceof TrailError) throw error
    await client.query("rollback to savepoint catalog")
    return undefined
  })
  if (first?.differences.length === 0) return
  const again = await withClient(target, (fresh) =>
    withTransaction(fresh, beginHeld, () => compare(fresh, digest)),
  )
  report(again.differences, findings)
}

/**
 * The live catalog against the description that the last migration stored and against the functions of the version that it installed.
 * `digest`: of the stored description, where the caller has checked the act that tells it. Changes nothing. Throws `pending-migration`
 * where a pgtrail of which this one knows nothing described the catalog.
 */
export async function compare(client: ClientBase, digest?: string | undefined): Promise<Comparison> {
  const act = await newestMigration(client)
  const text = descriptionOf(act)
  if (text === undefined) {
    throw new TrailError(
      "pending-migration",
      `the catalog was described by pgtrail ${act?.tool_version}, and this is ${version}: the two cannot be compared`,
      { hint: "pgtrail migrate up" },
    )
  }
  return compareWith(client, act, text, digest ?? act?.digest ?? undefined)
}

/**
 * Throws where an installed log is not what its last migration left: to migrate it would store the tampering as what must be.
 * Of a log that an unknown pgtrail described, which only that one could compare, it is what no pgtrail makes. Tells
 * whose functions the log has; undefined where this pgtrail does not know them.
 */
export async function refuseTampered(client: ClientBase): Promise<Version | undefined> {
  const act = await newestMigration(client)
  const text = descriptionOf(act)
  const findings = new Findings(3)
  const { differences, shipped } =
    text === undefined
      ? { differences: await compareForeign(client), shipped: undefined }
      : await compareWith(client, act, text, act?.digest ?? undefined)
  report(differences, findings)
  if (findings.total === 0) return shipped
  const more = findings.total - findings.list.length
  const named = findings.list.map((finding) => finding.message).join("\n  ")
  throw new TrailError(
    "config",
    `the log is not what its last migration left:\n  ${named}${more > 0 ? `\n  and ${more} more` : ""}`,
    { hint: "nothing was changed; find out who did it: pgtrail migrate validate, pgtrail verify" },
  )
}

function report(differences: readonly Difference[], findings: Findings): void {
  for (const { kind, message, evidence } of differences) {
    findings.add({ kind, group: "object", message, evidence })
  }
}

async function newestMigration(client: ClientBase): Promise<MigrateAct | undefined> {
  const { rows } = await client.query<MigrateAct>(
    `select encode(digest, 'hex') as digest, parameters->>'tool_version' as tool_version,
       parameters->>'code_checksum' as code_checksum, parameters->>'catalog_checksum' as catalog_checksum
     from pgtrail.act where kind = 'migrate' order by seq desc limit 1`,
  )
  return rows[0]
}

/** The query that made the stored description; undefined where it is none of ours. An act that names none is no pgtrail's: it is compared, and found. */
function descriptionOf(act: MigrateAct | undefined): string | undefined {
  const checksum = act?.catalog_checksum
  const maker = checksum == null ? presentVersion() : findVersion((one) => one.catalogChecksum === checksum)
  return maker?.catalog
}

async function compareWith(
  client: ClientBase,
  act: MigrateAct | undefined,
  text: string,
  digest: string | undefined,
): Promise<Comparison> {
  const stored = await client.query<Described>(
    'select object, definition from pgtrail.catalog_object order by object collate "C"',
  )
  const live = await client.query<Described>(text.trim())
  const objects = compareObjects(stored.rows, live.rows)
  const shipped = findVersion((one) => one.codeChecksum === act?.code_checksum)
  const reported = new Set(objects.map((difference) => difference.object))
  const differences = [
    ...compareAct(act, catalogDigest(stored.rows), digest),
    ...objects,
    ...compareLedger(await appliedMigrations(client), shipped),
    ...(await compareShipped(client, shipped, reported)),
    ...(await compareBounds(client)),
  ]
  return { differences, shipped }
}

async function appliedMigrations(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ number: string }>(
    "select number from pgtrail.migration order by number",
  )
  return rows.map(({ number }) => number)
}

function compareObjects(stored: readonly Described[], live: readonly Described[]): Difference[] {
  const expected = new Map(stored.map((row) => [row.object, row.definition]))
  const templates = ["partition", "detached"].map((kind) => [`${kind} `, expected.get(kind)] as const)
  const found: Difference[] = []
  for (const { object, definition } of live) {
    const template = templates.find(([start]) => object.startsWith(start))
    const wanted = template === undefined ? expected.get(object) : template[1]
    expected.delete(object)
    if (wanted !== undefined) {
      found.push(...compareDefinitions(object, wanted, definition))
      continue
    }
    const message = `${object} does not belong to pgtrail`
    const evidence = `${message} ${definition}`
    found.push({
      kind: "catalog_changed",
      object,
      what: object,
      expected: null,
      actual: definition,
      message,
      evidence,
    })
  }
  expected.delete("partition")
  expected.delete("detached")
  for (const [object, definition] of expected) {
    const kind = object.startsWith("function ") ? "guard_missing" : "catalog_changed"
    const message = `${object} is missing`
    found.push({ kind, object, what: object, expected: definition, actual: null, message, evidence: message })
  }
  return found
}
