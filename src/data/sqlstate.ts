// The one table from PostgreSQL's SQLSTATEs, and from pgtrail's own (sql/README.md), to a code, a message and the next step.
import type { ErrorCode } from "./errors.js"

export interface Words {
  readonly code: ErrorCode
  /** In the place of the server's own message, which is kept where this is missing. */
  readonly message?: string | ((said: string) => string)
  /** What to do next. Of pgtrail's own codes the SQL says it. */
  readonly hint?: string | ((said: string) => string | undefined)
}

const rolledBack = "the unfinished transaction was rolled back; run it again"
const again = "nothing was changed; run it again"
const times = "nothing was appended; write times as 2026-11-21T09:30:00Z"
const correct = "nothing was appended; correct the value"

const isNamed = (said: string): boolean =>
  said.includes(", held by: ") || said.startsWith("another run restores or removes ")

/** The whole code counts before its class, the first two characters. */
const words: Readonly<Record<string, Words>> = {
  // Getting in.
  "28P01": {
    code: "authentication",
    hint: "check the user name and the password of the connection URL, or ~/.pgpass",
  },
  "28000": {
    code: "authentication",
    hint: "check the user name of the connection URL, and pg_hba.conf on the server",
  },
  "3D000": { code: "no-database", hint: "create it, or name another in the connection URL" },
  "53300": {
    code: "unreachable",
    message: "the server has no free connection",
    hint: "nothing was changed; try again, or raise max_connections on the server",
  },
  "57P03": { code: "unreachable", hint: "the server is starting or stopping; try again" },
  "08": { code: "connection-lost", hint: rolledBack },
  "57P01": { code: "connection-lost", hint: rolledBack },

  // The log.
  "3F000": {
    code: "not-installed",
    message: "pgtrail is not installed in this database",
    hint: "pgtrail install",
  },
  "42P01": { code: "not-installed", message: noTable, hint: noTableHint },
  "42883": { code: "not-installed", message: noFunction, hint: "pgtrail migrate up" },

  // What the server does not let happen, or not now.
  "42501": { code: "privilege", message: privilegeMessage, hint: privilegeHint },
  "25006": {
    code: "read-only",
    message: "the server takes no writes in this session: it is a standby, or set to read-only",
    hint: "nothing was changed; connect to the primary",
  },
  "55P03": {
    code: "lock-timeout",
    // Of partitions the SQL says who holds them.
    message: (said) => (isNamed(said) ? said : "another session holds the lock that this needs"),
    hint: (said) =>
      isNamed(said) ? undefined : "nothing was changed; try again, or wait longer with --lock-timeout 60s",
  },
  "40001": { code: "retry", hint: again },
  "40P01": { code: "retry", hint: again },
  "57014": {
    code: "cancelled",
    message: "the server cancelled the statement",
    hint: "nothing was changed; look at statement_timeout and pg_cancel_backend",
  },

  // What the server lacks.
  "53100": {
    code: "disk-full",
    message: "the server's disk is full",
    hint: "nothing was half written; free space and run it again",
  },
  "53200": {
    code: "server",
    hint: "nothing was changed; many partitions need many locks: raise max_locks_per_transaction, or free memory",
  },
  "53": {
    code: "disk-full",
    hint: "nothing was half written; free resources on the server and run it again",
  },
  XX: { code: "server", hint: "the server itself failed: look at its log, and keep the latest backup" },

  // Events that cannot be stored.
  "22P02": { code: "bad-event", hint: correct },
  "22003": { code: "bad-event", hint: correct },
  "22007": { code: "bad-event", hint: times },
  "22008": { code: "bad-event", hint: times },
  "22P05": {
    code: "bad-event",
    message: "the text has the character NUL (\\u0000), which PostgreSQL cannot store",
    hint: "nothing was appended; remove the character",
  },
  "22021": {
    code: "bad-event",
    message: "the text is not valid UTF-8 or has the character NUL",
    hint: "nothing was appended; remove the character",
  },
  "54000": { code: "bad-event", hint: "nothing was appended; make the value smaller" },
  "54001": {
    code: "bad-event",
    message: "the JSON is nested too deeply for the server",
    hint: "nothing was appended; nest it less deeply",
  },

  // pgtrail's own.
  TR001: { code: "bad-event" },
  TR002: { code: "privilege" },
  TR003: { code: "bad-event" },
  TR004: { code: "bad-event" },
  TR005: { code: "busy" },
  TR006: { code: "old-server" },
  TR007: { code: "bad-encoding" },
  TR008: { code: "privilege" },
  TR009: { code: "usage" },
  TR010: { code: "not-found" },
  TR011: { code: "usage" },
  TR012: { code: "config" },
  TR013: { code: "retry" },
  TR014: { code: "privilege" },
  TR015: { code: "busy" },
  TR016: { code: "held" },
  TR017: { code: "broken" },
  TR018: { code: "usage" },
  TR019: { code: "read-only" },
}

/** What stands in the table for `sqlstate`, said of the server's `message`. */
export function wordsFor(
  sqlstate: string,
  message: string,
): { code: ErrorCode; message: string | undefined; hint: string | undefined } {
  const entry = words[sqlstate] ?? words[sqlstate.slice(0, 2)] ?? { code: "server" }
  const said = (part: Words["hint"]): string | undefined =>
    typeof part === "function" ? part(message) : part
  return { code: entry.code, message: said(entry.message), hint: said(entry.hint) }
}

const granted = (right: string): string =>
  `grant pgtrail_${right} to the role of this connection: pgtrail grant ${right} ROLE`
const owner = "connect as the role that installed the log, or as a member of pgtrail_owner"

/** What a database administrator types; the server does not say which right it missed. */
const grants: readonly (readonly [message: RegExp, hint: string])[] = [
  [/to create role/, "pgtrail install --no-roles, or connect as a role with CREATEROLE"],
  [
    /(grant|set|admin option on|member of) role "?pgtrail_/,
    `${owner}; a superuser can grant pgtrail_owner with admin option, and pgtrail install --no-roles needs no roles`,
  ],
  [/for database/, "connect as the owner of the database, or grant this role CREATE on it"],
  [/must be owner of|function record_access$/, owner],
  [/function (append|check_events|import_\w+)$/, granted("writer")],
  [/table (subject_rule|redaction_entry)$/, `nothing was changed; ${granted("reader")}`],
  [/table (subject_request|redaction)$/, `nothing was changed; ${granted("auditor")}`],
  [
    /function (subject_stage|find_(subject|listed|pseudonym)|redact(ed)?_\w+|record_redaction|rewrite_\w+|(un)?restrict_subject|\w+_request(_act)?|rectify_event|reveal(ed)?|\w*privacy_keys?|(add|forget)_pseudonym)$|table (subject_\w+|privacy_key|pseudonym)$/,
    granted("privacy"),
  ],
  [/function (add|remove)_subject_rule$/, granted("operator")],
  [
    /function (record_checkpoint|accept_finding|set_setting|open_incarnation|sign_act|purge_events|\w+_summary|add_hold|release_hold|set_retention|\w+_partition|split_default|default_times|restore_\w+|record_restore|remove_archive|archive_places|store_\w+|remove_stored|\w+_archive_failure)$|table retention_run$/,
    granted("operator"),
  ],
  [
    /function (record_verification|held_events|holds_on|retention_plan|stored_\w+|read_stored|note_retrieved)$|table (hold|archive_kind|archive_failure|job_run|job_run|act|act_signature|verified_head|catalog_object|incarnation|loss|purge|organization_reader|import_source)$/,
    granted("auditor"),
  ],
  [/table (event|summary)(_\w+)?$/, `${granted("reader")}; for appending pgtrail grant writer ROLE`],
  [
    /table (chain_head|retention_rule|detached_partition|archive)$|function (archive_until|retention_of|partitions|partition_range)$/,
    granted("reader"),
  ],
  [
    /(view|table) organization_(event|head)$/,
    `${granted("reader")}, or --org ORG for one organization alone`,
  ],
  [
    /schema pgtrail$/,
    "grant the role of this connection what its work needs: pgtrail grant writer, reader, auditor or operator ROLE",
  ],
]

/** What the role wanted to do, and who may; of what is not here the server's own words are said. */
const denied: readonly (readonly [message: RegExp, work: string, who: string])[] = [
  [/function add_hold$/, "place holds", "an operator"],
  [/function release_hold$/, "release holds", "an operator"],
  [/function set_retention$/, "change the rules of retention", "an operator"],
  [/function set_setting$/, "change settings", "an operator"],
  [
    /function (redact_\w+|record_redaction|rewrite_\w+|find_(subject|listed)|subject_stage)$/,
    "search for people and erase them",
    "the role pgtrail_privacy",
  ],
  [
    /function (reveal(ed)?|\w*privacy_keys?|(add|find|forget)_pseudonym)$/,
    "make pseudonyms or reveal them",
    "the role pgtrail_privacy",
  ],
  [/function (\w+_partition|split_default|default_times)$/, "change partitions", "an operator"],
  [/table subject_rule$/, "read the rules of what is personal", "a reader, an auditor or an operator"],
  [/table subject_request$/, "read the register of requests", "an auditor or an operator"],
  [/table subject_restriction$/, "know who is under a restriction", "the role pgtrail_privacy"],
  [/table retention_run$/, "read the runs of retention", "an auditor or an operator"],
  [/table job_run$/, "read or record the runs of jobs", "an auditor or an operator"],
  [/function retention_plan$/, "plan retention", "an auditor or an operator"],
  [/(table hold|function (held_events|holds_on))$/, "read holds", "an auditor or an operator"],
  [
    /(table retention_rule|function retention_of)$/,
    "read the rules of retention",
    "a reader, an auditor or an operator",
  ],
  [
    /(table detached_partition|function (partitions|partition_range))$/,
    "read the partitions",
    "a reader, an auditor or an operator",
  ],
]

function privilegeMessage(said: string): string {
  const [, work, who] = denied.find(([pattern]) => pattern.test(said)) ?? []
  return work === undefined ? said : `this role may not ${work}: that takes ${who}`
}

function privilegeHint(message: string): string | undefined {
  return grants.find(([pattern]) => pattern.test(message))?.[1]
}

/** What the first migration did not make: a log without it may be older than this pgtrail. */
const later =
  /pgtrail\.(incarnation|loss|act_signature|purge|summary\w*|hold|retention_\w+|detached_partition|archive\w*|job_run|redact\w+|subject_\w+|privacy_key|pseudonym)\b/

function noTable(message: string): string {
  if (later.test(message)) return "pgtrail is not installed in this database, or an older version of it"
  return /pgtrail\./.test(message) ? "pgtrail is not installed in this database" : message
}

function noTableHint(message: string): string {
  return later.test(message) ? "pgtrail migrate status tells which" : "pgtrail install"
}

function noFunction(message: string): string {
  const [, name] = /function pgtrail\.(\w+)/.exec(message) ?? []
  return name === undefined
    ? message
    : `the log in this database is older than this pgtrail: it has no function ${name}`
}
