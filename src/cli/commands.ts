// The tree of commands: its order is the help's order. No command's file is loaded before it is called, so the summary stands here too; over 250 lines because it is a list.
import type { Command } from "./command.js"

export type Topic = "set up" | "write" | "read" | "prove" | "keep"

export interface Entry {
  /** As it is typed: "migrate up". */
  readonly name: string
  readonly topic: Topic
  readonly summary: string
  /** What else people type for it; not shown. */
  readonly aliases?: readonly string[]
  readonly load: () => Promise<{ readonly default: Command }>
}

export const commands: readonly Entry[] = [
  {
    name: "install",
    topic: "set up",
    summary: "create the log in a database",
    load: () => import("../commands/install.js"),
  },
  {
    name: "migrate up",
    topic: "set up",
    summary: "bring an installed log to this version",
    load: () => import("../commands/migrate/up.js"),
  },
  {
    name: "migrate down",
    topic: "set up",
    summary: "take migrations back, so that an older pgtrail can work on the log",
    load: () => import("../commands/migrate/down.js"),
  },
  {
    name: "migrate validate",
    topic: "set up",
    summary: "compare the installed schema with what the last migration left",
    load: () => import("../commands/migrate/validate.js"),
  },
  {
    name: "migrate status",
    topic: "set up",
    summary: "list migrations, applied and pending",
    load: () => import("../commands/migrate/status.js"),
  },
  {
    name: "uninstall",
    topic: "set up",
    summary: "take the log away, and the roles that nothing else uses",
    load: () => import("../commands/uninstall.js"),
  },
  {
    name: "status",
    topic: "set up",
    summary: "show the state of the log and of its database",
    load: () => import("../commands/status.js"),
  },
  {
    name: "grant",
    topic: "set up",
    summary: "give a role a right on the log, by an act",
    load: () => import("../commands/grant.js"),
  },
  {
    name: "revoke",
    topic: "set up",
    summary: "take a right on the log back from a role, by an act",
    load: () => import("../commands/revoke.js"),
  },
  {
    name: "setting list",
    topic: "set up",
    summary: "list the settings of the log",
    load: () => import("../commands/setting/list.js"),
  },
  {
    name: "setting set",
    topic: "set up",
    summary: "change a setting of the log, by an act",
    load: () => import("../commands/setting/set.js"),
  },
  {
    name: "organization list",
    topic: "set up",
    summary: "list the organizations of the log, those with the most events first",
    load: () => import("../commands/organization/list.js"),
  },
  {
    name: "organization show",
    topic: "set up",
    summary: "show one organization: lanes and heads, recent event types, bound readers, purges",
    load: () => import("../commands/organization/show.js"),
  },
  {
    name: "organization purge",
    topic: "set up",
    summary: "remove all events of an organization, with a record",
    load: () => import("../commands/organization/purge.js"),
  },
  {
    name: "embedded start",
    topic: "set up",
    summary: "start the embedded PostgreSQL, for trials and tests",
    load: () => import("../commands/embedded/start.js"),
  },
  {
    name: "embedded stop",
    topic: "set up",
    summary: "stop the embedded PostgreSQL",
    load: () => import("../commands/embedded/stop.js"),
  },
  {
    name: "embedded status",
    topic: "set up",
    summary: "show whether the embedded PostgreSQL runs, and where",
    load: () => import("../commands/embedded/status.js"),
  },
  {
    name: "completion",
    topic: "set up",
    summary: "print the script with which a shell completes commands and options",
    load: () => import("../commands/completion.js"),
  },
  {
    name: "append",
    topic: "write",
    summary: "append one event, or many from standard input",
    load: () => import("../commands/append.js"),
  },
  {
    name: "import file",
    topic: "write",
    summary: "import events from files, resumable",
    load: () => import("../commands/import/file.js"),
  },
  {
    name: "query",
    topic: "read",
    summary: "list events, newest first",
    aliases: ["log"],
    load: () => import("../commands/query.js"),
  },
  {
    name: "tail",
    topic: "read",
    summary: "print the newest events, and follow the log",
    load: () => import("../commands/tail.js"),
  },
  {
    name: "show",
    topic: "read",
    summary: "show one event, its place in the chain, and whether it verifies",
    load: () => import("../commands/show.js"),
  },
  {
    name: "index list",
    topic: "read",
    summary: "list the further indexes: which partitions have them, and how large they are",
    load: () => import("../commands/index/list.js"),
  },
  {
    name: "index add",
    topic: "read",
    summary: "make an index on every partition that lacks it, while the application writes",
    load: () => import("../commands/index/add.js"),
  },
  {
    name: "index drop",
    topic: "read",
    summary: "take an index from every partition",
    load: () => import("../commands/index/drop.js"),
  },
  {
    name: "stats",
    topic: "read",
    summary: "count events: in all, failed, by type, and by whatever is asked",
    load: () => import("../commands/stats.js"),
  },
  {
    name: "summary show",
    topic: "read",
    summary: "show the daily summaries, newest day first, and how far they reach",
    load: () => import("../commands/summary/show.js"),
  },
  {
    name: "summary refresh",
    topic: "read",
    summary: "count the events that the daily summaries lack",
    load: () => import("../commands/summary/refresh.js"),
  },
  {
    name: "summary rebuild",
    topic: "read",
    summary: "count all daily summaries anew, and say which were wrong",
    load: () => import("../commands/summary/rebuild.js"),
  },
  {
    name: "security",
    topic: "read",
    summary: "report what failed, was denied or is critical, and who guesses passwords",
    load: () => import("../commands/security.js"),
  },
  {
    name: "actor show",
    topic: "read",
    summary: "show what an actor did: by day and type, from which addresses and sessions",
    aliases: ["activity"],
    load: () => import("../commands/actor/show.js"),
  },
  {
    name: "actor list",
    topic: "read",
    summary: "list actors, those with the most events first",
    load: () => import("../commands/actor/list.js"),
  },
  {
    name: "resource show",
    topic: "read",
    summary: "show what happened to a resource: who changed it and how, and who read it",
    aliases: ["history"],
    load: () => import("../commands/resource/show.js"),
  },
  {
    name: "resource list",
    topic: "read",
    summary: "list resources, those with the most events first",
    load: () => import("../commands/resource/list.js"),
  },
  {
    name: "trace show",
    topic: "read",
    summary: "show the events of a request, a correlation or a session, oldest first",
    load: () => import("../commands/trace/show.js"),
  },
  {
    name: "type list",
    topic: "read",
    summary: "list the event types that are known, or those in the log that are not",
    load: () => import("../commands/type/list.js"),
  },
  {
    name: "type add",
    topic: "read",
    summary: "add an event type to those that are known, by an act",
    load: () => import("../commands/type/add.js"),
  },
  {
    name: "severity list",
    topic: "read",
    summary: "list the severities of events, and what each is for",
    load: () => import("../commands/severity/list.js"),
  },
  {
    name: "field list",
    topic: "read",
    summary: "list the columns of an event, and the filter that asks for each",
    load: () => import("../commands/field/list.js"),
  },
  {
    name: "field values",
    topic: "read",
    summary: "list the values of a column, the most frequent first",
    load: () => import("../commands/field/values.js"),
  },
  {
    name: "export create",
    topic: "read",
    summary: "write events into a folder, with a manifest that proves what they are",
    load: () => import("../commands/export/create.js"),
  },
  {
    name: "export show",
    topic: "read",
    summary: "show what an export says of itself, without a database",
    load: () => import("../commands/export/show.js"),
  },
  {
    name: "export verify",
    topic: "read",
    summary: "check an export, event by event, without a database",
    load: () => import("../commands/export/verify.js"),
  },
  {
    name: "verify",
    topic: "prove",
    summary: "check that no event was altered, removed, inserted or moved",
    load: () => import("../commands/verify.js"),
  },
  {
    name: "verification list",
    topic: "prove",
    summary: "list the verifications that were recorded, newest first",
    load: () => import("../commands/verification/list.js"),
  },
  {
    name: "verification show",
    topic: "prove",
    summary: "show a verification, and explain what it found from the log as it is now",
    load: () => import("../commands/verification/show.js"),
  },
  {
    name: "verification accept",
    topic: "prove",
    summary: "accept a finding, with the reason, so that it no longer makes the log fail",
    load: () => import("../commands/verification/accept.js"),
  },
  {
    name: "checkpoint keygen",
    topic: "prove",
    summary: "make the pair of keys that signs checkpoints",
    load: () => import("../commands/checkpoint/keygen.js"),
  },
  {
    name: "checkpoint create",
    topic: "prove",
    summary: "sign what the log is now, into files outside the database",
    load: () => import("../commands/checkpoint/create.js"),
  },
  {
    name: "checkpoint list",
    topic: "prove",
    summary: "list the checkpoints that were made of the log, newest first",
    load: () => import("../commands/checkpoint/list.js"),
  },
  {
    name: "checkpoint verify",
    topic: "prove",
    summary: "check a checkpoint's signature and its list of heads, without a database",
    load: () => import("../commands/checkpoint/verify.js"),
  },
  {
    name: "incarnation list",
    topic: "prove",
    summary: "list the incarnations of the log, and what each of them lost",
    load: () => import("../commands/incarnation/list.js"),
  },
  {
    name: "incarnation open",
    topic: "prove",
    summary: "record a restore, recovery, failover or copy, and what it lost",
    load: () => import("../commands/incarnation/open.js"),
  },
  {
    name: "act list",
    topic: "prove",
    summary: "list what pgtrail itself did, newest first",
    load: () => import("../commands/act/list.js"),
  },
  {
    name: "act show",
    topic: "prove",
    summary: "show one act whole, and whether it verifies",
    load: () => import("../commands/act/show.js"),
  },
]
