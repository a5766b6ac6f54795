// A small tree of commands that need no database, for the tests of the kernel.
import {
  arg,
  type Command,
  choice,
  command,
  count,
  file,
  flag,
  list,
  RawJson,
  type Report,
  type Row,
  required,
  text,
} from "../../src/cli/command.js"
import type { Entry } from "../../src/cli/commands.js"
import { type ErrorCode, TrailError } from "../../src/data/errors.js"

const echo = command({
  summary: "print what was given",
  description: "Says what the kernel made of the line.\n\nSecond paragraph.",
  args: { event: arg("id or place"), more: arg("further ones", "any") },
  options: {
    org: text("--org <name>", "organization"),
    limit: count("-n, --limit <n>", "at most this many", 100),
    outcome: choice("--outcome <outcome>", "how it ended", ["success", "failure"]),
    tag: list("--tag <tag>", "a tag"),
    rejects: file("--rejects <file>", "where bad lines go"),
    dryRun: flag("--dry-run", "change nothing"),
    roles: flag("--no-roles", "without roles"),
  },
  examples: [{ run: "pgtrail echo acme/0/1 --org acme", shows: "one event" }],
  run({ args, options, session }) {
    const { event, more } = args
    const given = { event, more, ...options, fields: session.fields ?? null, quiet: session.quiet }
    return { schema: "test.echo/1", columns: [{ name: "event" }], rows: [{ event }], document: given }
  },
})

const columns = [
  { name: "id" },
  { name: "seq", kind: "number" },
  { name: "details", kind: "json" },
  { name: "isLast", title: "last", kind: "boolean" },
  { name: "extra", onRequest: true },
] as const

export const evidence: readonly Row[] = [
  {
    id: "plain",
    seq: "9007199254740993",
    details: '{"n": 1.10, "big": 9007199254740993}',
    isLast: false,
    extra: "x",
  },
  { id: 'quote " comma , end\n\rof line', seq: "2", details: null, isLast: true, extra: null },
  { id: "\u001b[2Jévil \u202e日本", seq: "-3", details: '"\\u001b"', isLast: null, extra: "" },
  { id: "", seq: null, details: "[1,\n2]", isLast: null, extra: "a\rb" },
]

const rows = command({
  summary: "list evidence",
  options: { many: count("--many <n>", "rows", 0), found: flag("--found", "exit 1") },
  examples: [{ run: "pgtrail list rows", shows: "four rows" }],
  run({ options, session }): Report {
    const source = async function* (): AsyncGenerator<Row> {
      if (options.many === 0) yield* evidence
      for (let seq = 0; seq < options.many; seq += 1) yield { id: "row", seq: String(seq), details: null }
    }
    session.progress("reading")
    return {
      schema: "test.rows/1",
      columns,
      rows: source(),
      next: () => "cursor",
      note: () => "4 rows",
      exit: () => (options.found ? 1 : 0),
    }
  },
})

const shown = command({
  summary: "print a document",
  examples: [{ run: "pgtrail list document", shows: "an object" }],
  run: () => ({
    schema: "test.document/1",
    columns: [],
    rows: [],
    document: {
      verdict: "intact",
      count: 12n,
      raw: new RawJson('{"n": 1.10}'),
      none: null,
      gone: undefined,
      list: [],
    },
    text: "intact\u001b[2J",
    exit: 4 as const,
  }),
})

const fail = command({
  summary: "fail in a way",
  options: {
    code: required(text("--code <code>", "how")),
    message: text("--message <text>", "why", "it is so"),
  },
  examples: [{ run: "pgtrail fail --code usage", shows: "an error" }],
  async run({ options, session }): Promise<Report> {
    const { code, message } = options
    if (code === "bug") throw new RangeError(message)
    if (code === "file") await (await import("node:fs/promises")).readFile(session.path("absent"))
    if (code === "warning") session.warn(message)
    if (code === "connection") session.connection()
    if (code === "late") {
      const broken = (async function* (): AsyncGenerator<Row> {
        yield { id: "1" }
        throw new TrailError("connection-lost", message)
      })()
      return { schema: "s/1", columns: [{ name: "id" }], rows: broken }
    }
    if (code === "wait") {
      await new Promise((_, reject) => {
        const stop = (): void =>
          reject(new TrailError("cancelled", "stopped after 2 files", { hint: "pgtrail import file b.json" }))
        if (session.signal.aborted) stop()
        session.signal.addEventListener("abort", stop)
      })
    }
    if (code !== "warning" && code !== "connection") {
      const hint = code === "not-installed" ? "pgtrail install" : undefined
      throw new TrailError(code as ErrorCode, message, { hint, sqlstate: "42P01" })
    }
    return { schema: "s/1", columns: [], rows: [] }
  },
})

const load = (value: Command) => () => Promise.resolve({ default: value })
export const tree: readonly Entry[] = [
  { name: "echo", topic: "set up", summary: "print what was given", aliases: ["say"], load: load(echo) },
  { name: "list rows", topic: "read", summary: "list evidence", load: load(rows) },
  { name: "list document", topic: "read", summary: "print a document", load: load(shown) },
  { name: "fail", topic: "prove", summary: "fail in a way", load: load(fail) },
]
