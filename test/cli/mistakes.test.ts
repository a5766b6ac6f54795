// The most likely mistakes of a new user, and the exact words of each answer (mistakes.txt). Over 250 lines because each mistake is a line.
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { Writable } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { toTrailError } from "../../src/data/server-errors.js"
import { readSql } from "../../src/data/sql-files.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { urlOfDatabase } from "../url.js"
import { runInProcess } from "./io.js"
import { normalise, words } from "./transcript.js"

let db: TestDatabase
let other: TestDatabase
let empty: TestDatabase
let folder: string
/** What stands for the URLs in a line: no test server's own name is part of an answer. */
const urls: Record<string, string> = {}
const names: Record<string, string> = {}

interface Mistake {
  readonly what: string
  /** As it is typed; URL of the installed log unless it says @OTHER, @EMPTY, @READER, @WRITER, @NOBODY, @READONLY or @none. */
  readonly line: string
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** Run before; what it returns is run after. */
  readonly during?: () => Promise<(() => Promise<unknown>) | undefined>
}

const sql = (statement: string) => () => db.query(statement)
const config = (content: string) => async () => {
  await put("pgtrail.json", content, 0o644)
  return () => rm(join(folder, "pgtrail.json"))
}
const put = async (name: string, content: string | Uint8Array, mode = 0o600) => {
  await writeFile(join(folder, name), content)
  await chmod(join(folder, name), mode)
}

const mistakes: readonly Mistake[] = [
  // The database.
  { what: "the wrong port", line: "query --url postgresql://app@127.0.0.1:1/app" },
  { what: "no server at this socket", line: "query --url 'postgresql://app@/app?host=/nowhere'" },
  { what: "no such database", line: "query @ABSENT" },
  {
    what: "an unknown service",
    line: "query --url service=production",
    env: { PGSERVICEFILE: "FOLDER/services.conf" },
  },
  { what: "a URL without its scheme", line: "query --url db.example:5432/app" },
  { what: "a URL of another database", line: "query --url mysql://app@db.example/app" },
  {
    what: "a password with an @ that is not escaped",
    line: "query --url postgresql://app:pa/ss@db.example/app",
  },
  { what: "a misspelt connection setting", line: "query --url 'host=db.example dbnam=app'" },
  { what: "a port that is none", line: "query @none", env: { PGPORT: "543x2" } },
  { what: "the schema is missing", line: "query @EMPTY" },
  { what: "to migrate what is not there", line: "migrate up @EMPTY" },
  {
    what: "a log of a newer pgtrail",
    line: "status",
    during: async () => {
      await db.query("insert into pgtrail.migration values (9999, 'later', 'x', now(), 'me', 1, '99.0.0')")
      return sql("delete from pgtrail.migration where number = 9999")
    },
  },
  {
    what: "a log of an older pgtrail",
    line: "migrate status --fields number,name,state",
    during: async () => {
      const [row] = await db.query("select value from pgtrail.setting where name = 'code-checksum'")
      await db.query("update pgtrail.setting set value = 'old' where name = 'code-checksum'")
      return sql(`update pgtrail.setting set value = '${row?.value}' where name = 'code-checksum'`)
    },
  },
  { what: "a database that is not UTF8", line: "install @LATIN1" },
  { what: "a server that takes no writes", line: "append --type a.b @READONLY" },
  {
    what: "somebody else is migrating",
    line: "install --lock-timeout 50ms @EMPTY",
    during: async () => {
      const client = await empty.client()
      await client.query("select pg_advisory_lock(1885828210, -2)")
      return () => client.end()
    },
  },

  // Rights.
  { what: "no grant at all", line: "query @NOBODY" },
  { what: "no grant at all, and the work of an operator", line: "retention run @NOBODY" },
  { what: "no grant at all, and the work of two roles", line: "archive create --due --to . @NOBODY" },
  { what: "a reader appends", line: "append --type a.b @READER" },
  { what: "a writer reads", line: "query @WRITER" },
  { what: "a reader verifies", line: "verify @READER" },
  { what: "a reader looks at acts", line: "act list @READER" },
  { what: "a reader changes a setting", line: "setting set event-size-limit 100000 @READER" },
  { what: "a reader looks at holds", line: "hold list @READER" },
  { what: "a reader holds events", line: "hold add --case C-1 --reason inquiry --org acme @READER" },
  { what: "a writer looks at policies", line: "retention policy list @WRITER" },
  { what: "a reader sets a policy", line: "retention policy set short --keep 30d @READER" },
  { what: "a writer looks at organizations", line: "organization list @WRITER" },
  { what: "a grant to a role that is not there", line: "grant reader no_such_role" },
  { what: "a grant of a right that is not there", line: "grant admin app" },

  // What is typed.
  { what: "a misspelt command", line: "qeury" },
  { what: "a misspelt command of a topic", line: "migrate stauts" },
  { what: "a misspelt option", line: "query --sinse yesterday" },
  { what: "an option of another command", line: "query --jobs 4" },
  { what: "a value that is none of the list", line: "query --severity fatal" },
  { what: "a missing argument", line: "show" },
  { what: "a missing value", line: "query --limit" },
  { what: "a missing option", line: "checkpoint create --key env:KEY" },
  { what: "too many arguments", line: "show acme/0/1 acme/0/2" },
  { what: "a limit that is none", line: "query --limit ten" },
  { what: "a form that is none", line: "query --format yaml" },
  { what: "a field that is none", line: "query --fields occured_at" },
  { what: "a day that is not in the calendar", line: "query --since 2026-02-30" },
  { what: "a date that could mean two days", line: "query --since 01/02/2026" },
  { what: "a time that could mean several hours", line: "query --since 2026-07-10T12:00" },
  { what: "an age in no unit that is known", line: "query --since 5x" },
  { what: "a range that ends before it begins", line: "query --since 2026-07-10 --until 2026-07-09" },
  { what: "a period in years", line: "retention policy set short --keep 7y" },
  { what: "a hold that names nothing", line: "hold add --case C-1 --reason inquiry" },
  {
    what: "a hold that expires after a while",
    line: "hold add --case C-1 --reason r --org acme --expires 90d",
  },
  { what: "a duration without a unit", line: "install --lock-timeout 10" },
  { what: "jobs that are none", line: "verify --jobs 0" },

  // What is not there.
  { what: "an event that is not there", line: "show acme/0/99" },
  { what: "an id that is not there", line: "show 0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11" },
  { what: "a name that is no event", line: "show acme" },
  { what: "an organization that is not there", line: "organization show amce" },
  { what: "an organization without events", line: "query --org amce" },
  { what: "an act that is not there", line: "act show 99" },
  { what: "a verification that is not there", line: "verification show" },
  { what: "a finding that is not there", line: "verification accept 0123456789abcdef --reason 'was me'" },
  { what: "a case that is not there", line: "hold release --case C-1 --reason settled" },
  { what: "a policy that is not there", line: "retention policy remove short" },
  { what: "a setting that is not there", line: "setting set event-limit 5" },
  { what: "a value that a setting does not take", line: "setting set event-size-limit 4MiB" },

  // Events.
  { what: "nothing on standard input", line: "append -" },
  { what: "bad JSON", line: "append -", input: '{"event_type": }' },
  { what: "a key that is no column", line: "append -", input: '{"event_typ": "a.b"}' },
  { what: "an event without a type", line: "append -", input: '{"actor_id": "alice"}' },
  {
    what: "a value of another type",
    line: "append -",
    input: '{"event_type": "a.b", "status_code": "many"}',
  },
  {
    what: "a time that is none",
    line: "append -",
    input: '{"event_type": "a.b", "occurred_at": "soon"}',
  },
  { what: "the character NUL", line: "append -", input: '{"event_type": "a.b", "description": "a\\u0000b"}' },
  { what: "a chain column", line: "append -", input: '{"event_type": "a.b", "seq": 1}' },
  {
    what: "an event that is too large",
    line: "append -",
    input: `{"event_type": "a.b", "description": "${"x".repeat(1_100_000)}"}`,
  },
  { what: "text that is not UTF-8", line: "import file latin1.ndjson" },

  // Files.
  { what: "a file that is not there", line: "import file absent.ndjson" },
  { what: "a folder instead of a file", line: "import file ." },
  { what: "a file that is no text", line: "import file binary" },
  { what: "a file that is already there", line: "checkpoint create --key file:audit.key --out there" },
  { what: "a folder that is not there", line: "checkpoint create --key file:audit.key --out absent/one" },

  // Keys and checkpoints.
  { what: "the key itself instead of its place", line: "checkpoint create --key PRIVATE+KEY+x --out new" },
  { what: "a key that is not there", line: "checkpoint create --key file:absent.key --out new" },
  { what: "a key that others can read", line: "checkpoint create --key file:open.key --out new" },
  { what: "a variable that is not set", line: "checkpoint create --key env:NO_KEY --out new" },
  { what: "a command that fails", line: "checkpoint create --key 'cmd:exit 3' --out new" },
  {
    what: "the public key instead of the private one",
    line: "checkpoint create --key file:public.key --out new",
  },
  { what: "a checkpoint without a key to believe", line: "verify --checkpoint there" },
  { what: "a checkpoint of another log", line: "verify --checkpoint one --public-key audit.key.pub @OTHER" },
  { what: "an incremental verification before a whole one", line: "verify --incremental" },

  // What would be lost.
  { what: "uninstalling without a confirmation", line: "uninstall" },
  {
    what: "uninstalling another database than the one that is confirmed",
    line: "uninstall --confirm prodution",
  },
  { what: "purging without a reason", line: "organization purge acme" },
  { what: "purging without a confirmation", line: "organization purge acme --reason 'contract ended'" },
  {
    what: "purging an organization that is not there",
    line: "organization purge amce --reason 'contract ended' --confirm amce",
  },

  // The configuration.
  { what: "a configuration that is not there", line: "query --config absent.json" },
  { what: "a configuration that is no JSON", line: "query", during: config('{\n  "jobs": 4,\n}') },
  {
    what: "several errors in the configuration",
    line: "query",
    during: config('{"verfy": {}, "jobs": "x", "verify": {"org": "acme"}}'),
  },
  {
    what: "a password in the configuration",
    line: "query",
    during: config('{"url": "postgresql://app:tops3cret@db.example/app"}'),
  },
  { what: "a misspelt variable", line: "query --org none", env: { PGTRAIL_FORMT: "csv" } },
]

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "pgtrail-mistakes-")))
  db = await testDatabase()
  other = await testDatabase({ empty: true })
  // A copy of the template would be the same log.
  await (await other.trail()).install()
  empty = await testDatabase({ empty: true })
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) values ('acme', 'a.b'), ('globex', 'c.d')",
  )
  for (const name of ["reader", "writer", "nobody"]) {
    const role = await db.role(name === "nobody" ? {} : { memberOf: [`pgtrail_${name}`] })
    urls[name.toUpperCase()] = role.url
    names[role.name] = name
  }
  const readonly = await db.role({ memberOf: ["pgtrail_writer"] })
  await db.query(`alter role "${readonly.name}" set default_transaction_read_only = on`)
  const latin1 = `${db.name}_l`
  await db.query(
    `create database "${latin1}" template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
  )
  names[latin1] = "latin1"
  Object.assign(urls, {
    READONLY: readonly.url,
    LOG: db.url,
    OTHER: other.url,
    EMPTY: empty.url,
    ABSENT: urlOfDatabase(db.url, "no_such_database"),
    LATIN1: urlOfDatabase(db.url, latin1),
  })
  await put("binary", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]))
  await put("latin1.ndjson", Buffer.from('{"event_type": "a.b", "description": "caf\xe9"}\n', "latin1"))
  await put("services.conf", "[production-eu]\nhost=db.example\n")
  await put("there", "")
  await mkdir(join(folder, "home"))
  const key = ["checkpoint", "keygen", "--name", "test.example/log", "--out", "audit.key"]
  expect((await runInProcess(key, { cwd: folder })).exit).toBe(0)
  await put("public.key", "test.example/log+00000000+AAAA")
  await put("open.key", "PRIVATE+KEY+x", 0o644)
  const made = ["checkpoint", "create", "--key", "file:audit.key", "--out", "one"]
  expect((await runInProcess(made, { cwd: folder, env: { PGTRAIL_URL: db.url } })).exit).toBe(0)
})
afterAll(async () => {
  await db.query(`drop database if exists "${db.name}_l"`)
  await db.drop()
  await other.drop()
  await empty.drop()
  await rm(folder, { recursive: true, force: true })
})

/** Names of this run as a person would read them. */
function masked(text: string): string {
  let clean = text
  for (const [name, shown] of [...Object.entries(names), [folder, "/home/me"] as const]) {
    clean = clean.replaceAll(name, shown)
  }
  // An example in a message is no time of this run, whatever day it is.
  clean = clean.replaceAll("2026-11-21T09:30:00Z", "2026-11-21, 09:30")
  return normalise(clean)
}

const placed = (env: Mistake["env"] = {}) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace("FOLDER", folder)]))

async function answer({ what, line, input, env, during }: Mistake): Promise<string> {
  const after = await during?.()
  const typed = words(line)
  const place = typed.find((word) => word.startsWith("@"))
  const url = place === "@none" ? {} : { PGTRAIL_URL: urls[place?.slice(1) ?? "LOG"] ?? "" }
  try {
    const { exit, both } = await runInProcess(
      typed.filter((word) => word !== place),
      {
        cwd: folder,
        env: { HOME: join(folder, "home"), ...url, ...placed(env) },
        ...(input === undefined ? {} : { input }),
      },
    )
    const shown = line.length > 200 ? `${line.slice(0, 200)}...` : line
    const stdin = input === undefined || input.length > 100 ? [] : [`stdin> ${input}`]
    return [`# ${what}`, ...stdin, `$ pgtrail ${shown}`, masked(both).trimEnd(), `? ${exit}`, ""].join("\n")
  } finally {
    await after?.()
  }
}

describe("a mistake", () => {
  it("is answered in the words of mistakes.txt, and is never called a bug", async () => {
    const said: string[] = []
    for (const mistake of mistakes) said.push(await answer(mistake))
    const text = said.join("\n")
    expect(mistakes.length).toBeGreaterThan(40)
    expect(new Set(mistakes.map(({ line, input }) => `${line} ${input}`)).size).toBeGreaterThan(
      mistakes.length - 4,
    )
    expect(text).not.toMatch(/bug in pgtrail|tops3cret|undefined|\[object/)
    // Every error has a form: lowercase, no full stop.
    for (const [, message = ""] of text.matchAll(/^pgtrail: (?:error|hint|warning): (.*)$/gm)) {
      expect(message).not.toMatch(/\.$|^[A-Z][a-z]/)
    }
    await expect(text).toMatchFileSnapshot(join(import.meta.dirname, "mistakes.txt"))
  })

  it("with the host's name says that the name is unknown, or that nobody could look it up", async () => {
    const { exit, stderr } = await runInProcess(["query", "--url", "postgresql://app@db.invalid/app"])
    expect(exit).toBe(3)
    expect(stderr).toMatch(
      /^pgtrail: error: the database cannot be reached: the host name (is unknown|cannot be looked up): db\.invalid/,
    )
  })

  it.runIf(process.getuid?.() !== 0)("with a file that may not be read names it", async () => {
    await put("closed.ndjson", "{}\n", 0)
    const { exit, stderr } = await runInProcess(["import", "file", "closed.ndjson"], {
      cwd: folder,
      env: { PGTRAIL_URL: db.url },
    })
    expect(exit).toBe(3)
    expect(stderr).toContain("closed.ndjson: permission denied")
  })

  it("a full disk under the answer is told, with exit code 3", async () => {
    const full = new Writable({
      write: (_, __, done) =>
        done(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })),
    })
    const ran = await runInProcess(["query"], { stdout: full, env: { PGTRAIL_URL: db.url } })
    expect(ran).toMatchObject({
      exit: 3,
      stderr: "pgtrail: error: cannot write the answer: no space left\n",
    })
  })

  it.each([
    [
      "28P01",
      'password authentication failed for user "app"',
      'authentication: password authentication failed for user "app"; check the user name and the password of the connection URL, or ~/.pgpass',
    ],
    [
      "53300",
      "sorry, too many clients already",
      "unreachable: the server has no free connection; nothing was changed; try again, or raise max_connections on the server",
    ],
    [
      "57P03",
      "the database system is starting up",
      "unreachable: the database system is starting up; the server is starting or stopping; try again",
    ],
    [
      "57P01",
      "terminating connection due to administrator command",
      "connection-lost: terminating connection due to administrator command; the unfinished transaction was rolled back; run it again",
    ],
    [
      "53100",
      'could not extend file "base/5/1": No space left on device',
      "disk-full: the server's disk is full; nothing was half written; free space and run it again",
    ],
    [
      "53200",
      "out of shared memory",
      "server: out of shared memory; nothing was changed; many partitions need many locks: raise max_locks_per_transaction, or free memory",
    ],
    [
      "57014",
      "canceling statement due to statement timeout",
      "cancelled: the server cancelled the statement; nothing was changed; look at statement_timeout and pg_cancel_backend",
    ],
    ["40P01", "deadlock detected", "retry: deadlock detected; nothing was changed; run it again"],
    [
      "25006",
      "cannot execute INSERT in a read-only transaction",
      "read-only: the server takes no writes in this session: it is a standby, or set to read-only; nothing was changed; connect to the primary",
    ],
    [
      "XX001",
      'invalid page in block 7 of relation "base/5/1"',
      'server: invalid page in block 7 of relation "base/5/1"; the server itself failed: look at its log, and keep the latest backup',
    ],
    [
      "42883",
      "function pgtrail.append(jsonb, uuid) does not exist",
      "not-installed: the log in this database is older than this pgtrail: it has no function append; pgtrail migrate up",
    ],
    [
      "42P01",
      'relation "pgtrail.event" does not exist',
      "not-installed: pgtrail is not installed in this database; pgtrail install",
    ],
    [
      "42501",
      "permission denied for database app",
      "privilege: permission denied for database app; connect as the owner of the database, or grant this role CREATE on it",
    ],
    [
      "42501",
      'permission denied to set role "pgtrail_owner"',
      'privilege: permission denied to set role "pgtrail_owner"; connect as the role that installed the log, or as a member of pgtrail_owner; a superuser can grant pgtrail_owner with admin option, and pgtrail install --no-roles needs no roles',
    ],
    ["0A000", "Something is not supported.", "server: something is not supported; try another"],
  ])("of the server, SQLSTATE %s, is put into words", (code, message, says) => {
    const error = toTrailError(
      Object.assign(new Error(message), { code, hint: code === "0A000" ? "Try another." : undefined }),
    )
    const { code: kind, message: words, hint } = error as { code: string; message: string; hint: string }
    expect(`${kind}: ${words}; ${hint}`).toBe(says)
  })

  it("a server that is too old is refused before anything is changed", async () => {
    const [{ message, hint, code } = { message: "", hint: "", code: "" }] = await db
      .query(readSql("preflight.sql").replaceAll("140000", "990000"))
      .then(
        () => [],
        (error: unknown) => [toTrailError(error) as { message: string; hint: string; code: string }],
      )
    expect(code).toBe("old-server")
    expect(normalise(message)).toBe("PostgreSQL N is too old: pgtrail needs 14 or later")
    expect(hint).toBe("nothing was changed; upgrade the server, or install into a newer one")
  })
})
