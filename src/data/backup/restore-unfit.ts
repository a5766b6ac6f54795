// What a restore is asked for that the backup, or the register, does not bear out: refused before the database is touched.
import { TrailError } from "../errors.js"
import { presentVersion } from "../sql-files.js"
import { readRegister } from "../subject/register-read.js"
import type { BackupToRestore } from "./restore-files.js"
import { nothingRestored, type RestoreBackupOptions } from "./restore-options.js"
import type { Heads } from "./restore-replaced.js"

/** Throws TrailError `usage`, `not-found`, and what a register does that cannot be read. */
export async function refuseUnfit(
  backup: BackupToRestore,
  { newest }: Heads,
  options: RestoreBackupOptions,
): Promise<void> {
  const { schema, organization, register } = options
  refuseOlder(backup, options)
  if (schema === undefined) {
    // When the log is there already it would be too late.
    if (register !== undefined) await readRegister(register)
    return
  }
  const [given] = ofLogs(options)
  if (given !== undefined) {
    const stands =
      register === undefined ? "" : `: what was erased after the backup would stand in ${schema} again`
    throw new TrailError("usage", `${given} is of a log that is restored, and --schema makes none`, {
      hint: `${nothingRestored}; leave out ${given}, or --schema${given === "--register" ? stands : ""}`,
    })
  }
  const isThere = [...newest.keys()].some((key) => key.slice(key.indexOf("\n") + 1) === organization)
  if (organization === undefined || isThere) return
  throw new TrailError("not-found", `${backup.name} has no organization ${JSON.stringify(organization)}`, {
    hint: `${nothingRestored}; its name is written as in the log: pgtrail organization list`,
  })
}

/** Options that mean nothing where an ordinary copy is made. */
function ofLogs(options: RestoreBackupOptions): string[] {
  const { confirm, checkpoint, register, key, roles, reason, requestedBy } = options
  const given: readonly (readonly [string, boolean])[] = [
    ["--confirm", confirm !== undefined],
    ["--checkpoint", checkpoint !== undefined],
    ["--register", register !== undefined],
    ["--key", key !== undefined],
    ["--no-roles", roles === false],
    ["--reason", reason !== undefined],
    ["--requested-by", requestedBy !== undefined],
  ]
  return given.flatMap(([name, isGiven]) => (isGiven ? [name] : []))
}

/** What needs functions that an older level has not is said before. */
function refuseOlder({ name, version }: BackupToRestore, { checkpoint }: RestoreBackupOptions): void {
  if (checkpoint === undefined || version.number === presentVersion().number) return
  throw new TrailError(
    "usage",
    `${name} is of a log at migration ${version.number}, which has no functions for --checkpoint`,
    {
      hint: `${nothingRestored}; restore it without, then pgtrail migrate up, then pgtrail incarnation open --checkpoint FILE`,
    },
  )
}
