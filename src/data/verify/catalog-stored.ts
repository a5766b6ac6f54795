// What a log itself says of its catalog: the description, the act of the migration that stored it, the ledger of migrations.
import { fullName } from "../migrate/state.js"
import { migrations, type Version } from "../sql-files.js"
import type { Difference } from "./catalog-difference.js"

/** What the newest act of a migration says. */
export interface MigrateAct {
  readonly digest: string | null
  readonly tool_version: string | null
  readonly code_checksum: string | null
  readonly catalog_checksum: string | null
}

/** What the act says of the description, and what is stored of it. */
export function compareAct(
  act: MigrateAct | undefined,
  storedDigest: string,
  digest: string | undefined,
): Difference[] {
  const found: Difference[] = []
  const add = (object: string, what: string, expected: string | null, actual: string, message: string) =>
    found.push({
      kind: "catalog_changed",
      object,
      what,
      expected,
      actual,
      message,
      evidence: `${message} ${expected === null ? "" : `${actual} ${expected}`}`,
    })
  if (act !== undefined && (act.code_checksum === null || act.catalog_checksum === null)) {
    const message = "the newest act of a migration does not say which pgtrail migrated: no pgtrail wrote it"
    add("table act", "migration", null, "no checksums", message)
  }
  if (storedDigest !== digest) {
    const message =
      "pgtrail.catalog_object is not what the last migration recorded: its digest differs from the act's"
    add("table catalog_object", "digest", String(digest), storedDigest, message)
  }
  return found
}

/**
 * `numbers`: of the migrations that are applied, in their order. Each version of the functions goes with one migration: a row that was taken out of the ledger would hide a level, and in the middle it would
 * keep the log from ever being migrated again.
 */
export function compareLedger(numbers: readonly string[], shipped: Version | undefined): Difference[] {
  const newest = numbers.at(-1) ?? "0"
  const found: Difference[] = []
  const add = (what: string, expected: string | null, actual: string | null, message: string) =>
    found.push({
      kind: "catalog_changed",
      object: "table migration",
      what,
      expected,
      actual,
      message,
      evidence: message,
    })
  if (shipped !== undefined && newest !== String(shipped.number)) {
    const message = `table migration: the newest migration is ${newest}, and the functions are those of ${shipped.number}`
    add("number", String(shipped.number), newest, message)
  }
  const applied = new Set(numbers)
  for (const { number, name } of migrations()) {
    if (applied.delete(String(number)) || number >= Number(newest)) continue
    const full = fullName({ number, name })
    add(full, full, null, `table migration: ${full} is missing, and ${newest} is there`)
  }
  // What a later pgtrail has applied, this one refuses before.
  for (const number of applied) {
    add(number, null, number, `table migration: ${number} is no migration of pgtrail`)
  }
  return found
}
