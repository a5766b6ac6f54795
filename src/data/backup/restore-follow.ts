// What comes after the log has appeared: erasures that are made again, its verification, and what is left for people to do.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"
import { shellWord } from "../shell-word.js"
import { presentVersion } from "../sql-files.js"
import { type Reapplied, reapply } from "../subject/reapply.js"
import type { VerifyReport } from "../verify/report.js"
import { verify } from "../verify/verify.js"
import { plural } from "../words.js"
import { erasedAndBack, warningsOfErased } from "./restore-erased.js"
import type { BackupToRestore } from "./restore-files.js"
import type { GrantedRole, RestoreBackupOptions, RestoredBackup } from "./restore-options.js"

const verifiable = 2

export interface Followed {
  readonly reapplied: Reapplied | null
  readonly verification: VerifyReport | null
}

/** A log of an older level has no functions for erasures: it is migrated first, by hand. */
export async function follow(
  target: ConnectionTarget,
  level: number,
  options: RestoreBackupOptions,
): Promise<Followed> {
  const { register } = options
  const isAble = register !== undefined && level === presentVersion().number
  const reapplied = isAble ? await erase(target, register, options) : null
  // A log of level 1 is verified when it is migrated.
  if (options.verify === false || level < verifiable) return { reapplied, verification: null }
  options.progress?.("verifying the restored log")
  const verification = await verify(target, {
    ...(options.checkpoint === undefined ? {} : { checkpoints: [options.checkpoint] }),
    ...(options.publicKeys === undefined ? {} : { publicKeys: options.publicKeys }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    progress: (events) => options.progress?.(`verified ${plural(events, "event")}`),
  }).catch(afterRestore(options.signal, "pgtrail verify"))
  return { reapplied, verification }
}

async function erase(
  target: ConnectionTarget,
  register: string,
  options: RestoreBackupOptions,
): Promise<Reapplied> {
  options.progress?.("erasing again what the register lists")
  return await reapply(target, register, {
    reason: "restore of a backup",
    requestedBy: options.requestedBy,
    key: options.key,
    keys: options.privacyKeys,
    signal: options.signal,
    progress: options.progress,
  }).catch(
    afterRestore(options.signal, `pgtrail gdpr reapply --register ${shellWord(register)}`, "pgtrail verify"),
  )
}

/** The log is there, whatever fails now. */
const afterRestore =
  (signal: AbortSignal | undefined, command: string, then?: string) =>
  (error: unknown): never => {
    if (signal?.aborted === true) {
      const next = then === undefined ? command : `${command}, and then ${then}`
      const message = "the log is restored; then: stopped before the end"
      throw new TrailError("cancelled", message, { hint: `run it by itself: ${next}`, cause: error })
    }
    if (!(error instanceof TrailError)) throw error
    throw new TrailError("incomplete", `the log is restored; then: ${error.message}`, {
      hint: `run it by itself: ${command}${error.hint === undefined ? "" : ` (${error.hint})`}${then === undefined ? "" : `, and then ${then}`}`,
      sqlstate: error.sqlstate,
      cause: error,
    })
  }

/** Rights that acts gave and none took back: memberships are the server's, and in no backup. */
export async function grantedRoles(client: Client): Promise<GrantedRole[]> {
  const { rows } = await client.query<
    Record<"kind" | "role" | "right" | "oid" | "member", string> & { organization: string | null }
  >(
    `select a.kind, a.parameters->>'role' as role, a.parameters->>'right' as right, a.parameters->>'organization' as organization,
       coalesce(r.oid::text, '') as oid, coalesce(pg_has_role(r.oid, g.oid, 'member'), false) as member
     from pgtrail.act a
     left join pg_roles r on r.rolname = a.parameters->>'role'
     left join pg_roles g on g.rolname = case when a.parameters->>'organization' is null then 'pgtrail_' || (a.parameters->>'right')
       else 'pgtrail_organization_reader' end
     where a.kind in ('grant', 'revoke') order by a.seq`,
  )
  const granted = new Map<string, GrantedRole>()
  for (const { kind, role, right, organization, oid, member } of rows) {
    const key = JSON.stringify([role, right, organization])
    if (kind === "revoke") granted.delete(key)
    else {
      const isMember = oid !== "" && member === "t"
      const org = organization === null ? "" : ` --org ${shellWord(organization)}`
      const command = isMember ? null : `pgtrail grant ${right} ${shellWord(role)}${org}`
      granted.set(key, { role, right, organization, exists: oid !== "", member: isMember, command })
    }
  }
  return [...granted.values()]
}

/** What a query of `event` in a side schema does not find. */
export function detachedBeside({ tables }: BackupToRestore, schema: string): string[] {
  const names = tables.filter(({ kind }) => kind === "detached").map(({ name }) => name)
  if (names.length === 0) return []
  const [are, their] = names.length === 1 ? ["was detached", "its"] : ["were detached", "their"]
  return [
    `${names.join(", ")} ${are}: ${their} events stand in tables of that name in schema ${schema}, and not in its table event`,
  ]
}

type Report = Omit<RestoredBackup, "warnings" | "next">

/** What nobody may overlook, and what to run next. */
export function nextSteps(
  report: Report,
  known: readonly string[],
  options: RestoreBackupOptions,
): Pick<RestoredBackup, "warnings" | "next"> {
  const warnings = [...known]
  const next: string[] = []
  const { level, grants, incarnation, reapplied, verification, backup_of } = report
  if (report.schema_name !== null) {
    warnings.push(
      `values that were erased after ${backup_of} stand in it again: drop it when it was looked at`,
    )
    if (!report.dry_run && report.events === "0") warnings.push("the backup has no event of what was chosen")
    return { warnings, next }
  }
  if (level < presentVersion().number) next.push("pgtrail migrate up")
  const register = options.register === undefined ? "FILE" : shellWord(options.register)
  const isLeft = reapplied === null && (options.register === undefined || level < presentVersion().number)
  if (isLeft) {
    warnings.push(`values that were erased after ${backup_of} ${report.dry_run ? "would be" : "are"} back`)
    next.push(`pgtrail gdpr reapply --register ${register}`)
  }
  // No register has these.
  warnings.push(`holds, purges, retention rules and grants made after ${backup_of} are not in the backup`)
  warnings.push(...warningsOfErased(report, options.register))
  if (!isLeft && erasedAndBack(report).length > 0) next.push("pgtrail gdpr reapply --register FILE")
  if (reapplied !== null && !reapplied.complete) {
    warnings.push("not all that the register lists could be erased again")
    next.push(`pgtrail gdpr reapply --register ${register} --dry-run`)
  }
  const missing = grants.filter(({ exists }) => !exists)
  if (missing.length > 0) {
    const names = [...new Set(missing.map(({ role }) => role))].slice(0, 10)
    warnings.push(`roles that had rights are not on this server: ${names.join(", ")}`)
  }
  next.push(...grants.flatMap(({ command }) => command ?? []))
  if (!report.dry_run && incarnation === null) {
    warnings.push(`a log at migration ${level} knows no incarnations: that it was restored is not recorded`)
  }
  if (options.checkpoint === undefined) {
    const reason = options.reason ?? "restore"
    next.push(`pgtrail incarnation open --reason ${reason} --checkpoint LAST --public-key FILE`)
  }
  if (!report.dry_run && verification === null) next.push("pgtrail verify")
  return { warnings, next }
}
