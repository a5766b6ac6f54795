// The tree of commands: its order is the help's order. No command's file is loaded before it is called, so the summary stands here too.
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
    name: "migrate status",
    topic: "set up",
    summary: "list migrations, applied and pending",
    load: () => import("../commands/migrate/status.js"),
  },
  {
    name: "status",
    topic: "set up",
    summary: "show the state of the log and of its database",
    load: () => import("../commands/status.js"),
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
    name: "show",
    topic: "read",
    summary: "show one event, its place in the chain, and whether it verifies",
    load: () => import("../commands/show.js"),
  },
  {
    name: "verify",
    topic: "prove",
    summary: "check that no event was altered, removed, inserted or moved",
    load: () => import("../commands/verify.js"),
  },
]
