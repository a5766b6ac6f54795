// What a restore is asked for, and what it tells.
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import type { StoreContext } from "../store/store.js"
import type { PrivacyKeys } from "../subject/keys.js"
import type { Reapplied } from "../subject/reapply.js"
import type { VerifyReport } from "../verify/report.js"

export interface RestoreBackupOptions {
  /** Private keys of age. */
  readonly identities?: readonly string[] | undefined
  /** Files that are loaded at once. Default 2. */
  readonly jobs?: number | undefined
  /** The name of the database: needed where a log is there, which is lost. */
  readonly confirm?: string | undefined
  /** File of the last checkpoint: what the backup lacks of it is recorded as lost. With `publicKeys`. */
  readonly checkpoint?: string | undefined
  readonly publicKeys?: readonly string[] | undefined
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
  /** File of the register of erasures: what it lists is redacted again. */
  readonly register?: string | undefined
  /** Keys of pseudonyms, which are given again with them alone. */
  readonly privacyKeys?: PrivacyKeys | undefined
  /** False makes the connected role own everything. Default: as the log had it. */
  readonly roles?: boolean | undefined
  /** A copy has a log id of its own from then on. Default: restore. */
  readonly reason?: "restore" | "copy" | undefined
  readonly requestedBy?: string | undefined
  /**
   * Of a restore to be thrown away: the comment by which its schema is known to be that. No incarnation is opened, for which some logs want
   * a signature.
   */
  readonly trial?: string | undefined
  /** Default true. */
  readonly verify?: boolean | undefined
  /** Looks at all and says what would happen. */
  readonly dryRun?: boolean | undefined
  /** Into tables of a new schema of this name, beside whatever log there is. */
  readonly schema?: string | undefined
  /** Only with `schema`: this partition alone, this organization, and what occurred from `since` until before `until`. */
  readonly partition?: string | undefined
  readonly organization?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** How long to wait for locks. Default 10 seconds. */
  readonly lockTimeoutMs?: number | undefined
  /** After how long without a word the server is asked whether it is at work. Default 30 seconds. */
  readonly silenceMs?: number | undefined
  readonly stores?: StoreContext | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

/** What stands in the place of the backup, told before it goes. Counts are by the heads: also what was purged. */
export interface ReplacedLog {
  readonly log_id: string
  /** Whether it is the log that was backed up. */
  readonly same_log: boolean
  readonly events: string
  readonly organizations: string
  readonly acts: string
  /** Of the same log: events that came after the backup, and events that the backup has and this log has not. */
  readonly newer: string
  readonly missing: string
  /** Of the same log: acts that came after the backup, by kind, most first. */
  readonly newer_acts: readonly { readonly kind: string; readonly acts: string }[]
  /** Those of them by which something was erased, or given a pseudonym: a register lists them by number and hash. */
  readonly newer_redactions: readonly {
    readonly act: string
    readonly hash: string
    readonly strategy: string
  }[]
  /** Lanes that have other events at places that both have: the two went on apart from each other. */
  readonly lanes_apart: string
  /** Lanes that end so long before the backup that only its events tell whether they went apart. */
  readonly lanes_unknown: string
  /** Whether it has other acts at the same numbers. */
  readonly acts_apart: boolean
  /** Whatever outside of the schema depends on it: it goes with it. */
  readonly dependents: readonly string[]
  /** The schema in which it still stands, because the restored log was not found intact, or not verified; null where it is gone, or not gone yet. */
  readonly kept_as: string | null
}

/** A right that an act had granted; memberships are the server's, and in no backup. */
export interface GrantedRole {
  readonly role: string
  readonly right: string
  readonly organization: string | null
  /** Whether this server has such a role, and whether it is a member already. */
  readonly exists: boolean
  readonly member: boolean
  /** Null where nothing is to be done. */
  readonly command: string | null
}

export interface RestoredBackup {
  readonly name: string
  readonly location: string
  readonly database: string
  readonly dry_run: boolean
  readonly log_id: string
  /** When the backup's snapshot was taken. */
  readonly backup_of: string
  readonly level: number
  readonly roles: boolean
  /** Null: the log itself. */
  readonly schema_name: string | null
  readonly tables: string
  readonly partitions: string
  readonly events: string
  /** Bytes of text that were loaded. */
  readonly bytes: string
  /** Seconds to load the files, and for everything. */
  readonly load_seconds: string
  readonly seconds: string
  /** Null: the database had none. */
  readonly replaced: ReplacedLog | null
  readonly incarnation: { readonly number: string; readonly act: string; readonly lanes_lost: string } | null
  readonly grants: readonly GrantedRole[]
  /** What the log had besides, as statements that make it again: the manifest has them, and a restore runs none. Null: its pgtrail did not look. */
  readonly beside: readonly string[] | null
  readonly reapplied: Reapplied | null
  readonly verification: VerifyReport | null
  readonly warnings: readonly string[]
  /** Commands to run, the first first. */
  readonly next: readonly string[]
}

export const silenceOf = ({ silenceMs = 30_000 }: Pick<RestoreBackupOptions, "silenceMs">): number =>
  silenceMs

export const nothingRestored = "nothing was restored"

export const told = (error: TrailError): TrailError =>
  new TrailError(error.code, error.message, {
    hint: `${nothingRestored}${error.hint === undefined ? "" : `; ${error.hint}`}`,
    sqlstate: error.sqlstate,
    cause: error,
  })

/** Whoever stopped it is told that nothing came of it. `anyway`: a connection that was lost then was cut for that reason. */
export function stoppedOr(error: unknown, signal: AbortSignal | undefined, anyway = false): unknown {
  const isOfStop =
    !(error instanceof TrailError) ||
    error.code === "cancelled" ||
    (anyway && ["connection-lost", "closed"].includes(error.code))
  if (signal?.aborted !== true || !isOfStop) return error
  return new TrailError("cancelled", "stopped before the end", { hint: nothingRestored, cause: error })
}

/** Throws it again, with what became of the restore; of a commit that was lost with its connection nobody knows that yet. */
export function saying(error: unknown): never {
  const known = toTrailError(error)
  if (!(known instanceof TrailError) || ["connection-lost", "cancelled", "closed"].includes(known.code))
    throw known
  if (`${known.message} ${known.hint ?? ""}`.includes(nothingRestored)) throw known
  const rest = isDown(known)
    ? "the server went down with it, for it could not write its WAL: free space there, start it, and run it again"
    : known.hint
        ?.replace(/^nothing was [a-z ]+?(; |$)/i, "")
        .replace("or install with --no-roles", "or restore with --no-roles")
  throw told(
    new TrailError(known.code, known.message, {
      hint: rest === "" ? undefined : rest,
      sqlstate: known.sqlstate,
      cause: error,
    }),
  )
}

const isDown = ({ code, cause }: TrailError): boolean =>
  code === "disk-full" &&
  cause instanceof Error &&
  ("severity" in cause ? cause.severity === "PANIC" : cause instanceof TrailError && isDown(cause))

/** Of a restore that failed, and could not take away what it had made, for `why`. Where the connection is gone nobody knows whether it is there. */
export function leaving(error: unknown, schema: string, why: unknown): unknown {
  const [known, then] = [toTrailError(error), toTrailError(why)]
  if (!(known instanceof TrailError) || known.code === "connection-lost" || isDown(known)) return error
  if (known.code === "disk-full" && then instanceof TrailError) {
    // Whichever of its sessions needs the next piece of WAL ends the server; the others hear of it, or of nothing.
    if (isDown(then)) return then
    if (["connection-lost", "unreachable"].includes(then.code)) {
      return new TrailError(known.code, known.message, {
        hint: `${nothingRestored}; the server does not answer any more: free space there, start it where it went down, and run it again`,
        sqlstate: known.sqlstate,
        cause: error,
      })
    }
  }
  const left = `what was loaded still stands in schema ${schema}, which the next restore drops first`
  return new TrailError(known.code, known.message, {
    hint: [known.hint ?? [], left].flat().join("; "),
    sqlstate: known.sqlstate,
    cause: error,
  })
}
