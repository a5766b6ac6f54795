// What acts may have changed since in the tables beside the events: what else differs there, nothing explains.
import type { Client } from "pg"

export interface Rule {
  /** Kinds of acts that add rows; none: rows come without. */
  readonly acts: readonly string[]
  /** Columns that they change, or all of them. Numbers of acts among these are then newer than the backup. */
  readonly changes?: readonly string[] | "all"
  /** They also take rows away. */
  readonly removals?: true
}

const wholly = { changes: "all", removals: true } as const

/** Tables that are evidence, or follow from acts. The others change as the log is used, and verify compares what matters of them. */
export const rules: Readonly<Record<string, Rule>> = {
  act: { acts: ["*"] },
  act_signature: { acts: [] },
  log: { acts: ["incarnation", "migrate"], changes: ["incarnation", "log_id"] },
  incarnation: { acts: ["incarnation"] },
  loss: { acts: ["incarnation"] },
  setting: { acts: ["setting", "migrate"], changes: ["value"] },
  migration: { acts: ["migrate"], ...wholly },
  catalog_object: { acts: ["migrate"], ...wholly },
  organization_reader: { acts: ["grant", "revoke"], removals: true },
  verified_head: { acts: ["verify"], ...wholly },
  purge: { acts: ["purge", "restore"], changes: ["restored_seq"] },
  archive: {
    acts: ["purge", "restore", "remove_archive", "redact"],
    changes: ["name", "location", "bytes", "manifest", "restored_seq", "removed_seq"],
  },
  archive_kind: { acts: ["purge", "redact"] },
  retention_rule: { acts: ["retention"], changes: ["counts_until", "ended_seq"] },
  hold: {
    acts: ["hold", "release", "redact"],
    changes: ["released_seq", "actor_id", "resource_id", "correlation_id", "salt", "cleared_seq"],
  },
  detached_partition: { acts: ["detach", "attach", "purge"], removals: true },
  redaction_entry: { acts: ["redact"] },
  redaction: { acts: ["redact"], changes: ["entries", "digest"] },
  subject_rule: { acts: ["subject_rule"], changes: ["ended_seq"] },
  subject_restriction: { acts: ["restrict", "unrestrict"], removals: true },
  privacy_key: { acts: ["privacy_key"], changes: ["state", "check_value"] },
  pseudonym: { acts: ["redact", "reveal", "privacy_key"], ...wholly },
  subject_request: { acts: ["*"], changes: "all" },
}

/** Acts that are newer than the backup. */
export interface ActsSince {
  /** seq of the newest act that is in the backup. */
  readonly since: string
  /** Newest of each kind. */
  readonly newest: ReadonlyMap<string, string>
  /** By their numbers; without those that change no table beside the acts. */
  readonly kinds: ReadonlyMap<string, string>
  /** Names of settings that were set. */
  readonly settings: ReadonlySet<string>
}

export async function readActsSince(client: Client, since: string): Promise<ActsSince> {
  const { rows } = await client.query<{ kind: string; seq: string }>(
    "select a.kind, max(a.seq) as seq from pgtrail.act a where a.seq > $1 group by a.kind",
    [since],
  )
  const settings = await client.query<{ name: string | null }>(
    "select distinct a.parameters ->> 'name' as name from pgtrail.act a where a.seq > $1 and a.kind = 'setting'",
    [since],
  )
  const each = await client.query<{ kind: string; seq: string }>(
    `select a.kind, a.seq from pgtrail.act a where a.seq > $1
       and a.kind not in ('backup', 'checkpoint', 'export', 'verify')`,
    [since],
  )
  return {
    since,
    kinds: new Map(each.rows.map(({ kind, seq }) => [seq, kind])),
    newest: new Map(rows.map(({ kind, seq }) => [kind, seq])),
    settings: new Set(settings.rows.map(({ name }) => name ?? "")),
  }
}
