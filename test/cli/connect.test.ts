// Which database a run talks to, and what is refused instead of guessed.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Connection, resolveConnection, type Surroundings } from "../../src/cli/connect.js"
import { TrailError } from "../../src/data/errors.js"
import type { ConnectionTarget } from "../../src/data/index.js"

type Env = Record<string, string>
let home: string
beforeAll(() => {
  home = mkdtempSync("/tmp/pgtrail-home-")
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const resolve = (
  url: string | undefined,
  env: Env = {},
  files: string[] = [],
  more: Partial<Surroundings> = {},
) =>
  resolveConnection(url, {
    env: { HOME: home, ...env },
    exists: (path) => files.includes(path),
    userName: () => "me",
    ...more,
  })

function targetOf(connection: Connection): ConnectionTarget {
  return "target" in connection ? connection.target : expect.fail("embedded")
}

/** As one line: what is connected to. */
function understood(connection: Connection): string {
  const { servers = [], user, database, password } = targetOf(connection)
  const list = servers.map(({ host, hostaddr, port, password: own }) =>
    [
      host,
      hostaddr === undefined ? "" : `=${hostaddr}`,
      `:${port}`,
      own === undefined ? "" : ` (${own})`,
    ].join(""),
  )
  return `${user}${password === undefined ? "" : ` ${password}`} at ${list.join(" ")} ${database}`
}
const full = "u p at h:5433 d"

function refused(url: string | undefined, env: Env = {}): string {
  try {
    resolve(url, env)
  } catch (error) {
    if (error instanceof TrailError && error.code === "config") return error.message.replaceAll(home, "~")
    throw error
  }
  return expect.fail("not refused")
}

describe("the database", () => {
  it("is named by --url, PGTRAIL_URL, DATABASE_URL, the configuration, then PG*", () => {
    const env = {
      PGTRAIL_URL: "postgres://x/b",
      DATABASE_URL: "postgres://x/c",
      PGDATABASE: "d",
      PGHOST: "x",
    }
    const configured = { text: "postgres://x/f", source: "pgtrail.json" }
    const seen: string[] = []
    for (const [url, without] of [
      ["postgres://x/a", ""],
      [undefined, ""],
      [undefined, "PGTRAIL_URL"],
    ] as const) {
      const given = { ...env, ...(without === "" ? {} : { [without]: "" }) }
      const { source, shown } = resolve(url, given, [], { configured })
      seen.push(`${source} ${shown}`)
    }
    const pg = { PGDATABASE: "d", PGHOST: "x" }
    for (const more of [{ configured }, {}]) {
      const { source, shown } = resolve(undefined, pg, [], more)
      seen.push(`${source} ${shown}`)
    }
    expect(seen).toEqual([
      "--url postgres://x/a",
      "PGTRAIL_URL postgres://x/b",
      "DATABASE_URL postgres://x/c",
      "pgtrail.json postgres://x/f",
      "PG* variables postgresql://me@x:5432/d",
    ])
  })

  it.each([
    "postgresql://u:p@h:5433/d",
    "postgres://u:p@h:5433/d",
    "postgresql+asyncpg://u:p@h:5433/d",
    "postgresql+psycopg2://u:p@h:5433/d?connect_timeout=3",
    "postgresql:///d?host=h&port=5433&user=u&password=p",
    "postgresql://u:p@/d?host=h&port=5433",
    "postgresql://u:p@h:5433/d?ssl=true&uselibpqcompat=true",
    "postgresql://u:p@h:5433/d?schema=public&connection_limit=5&pgbouncer=true",
    "host=h port=5433 user=u password=p dbname=d",
    " host = h port= '5433' user =u password='p' dbname=d ",
    "dbname=x dbname=d host=h\tport=5433\nuser=u password=p",
  ])("of %s is the same", (url) => {
    expect(understood(resolve(url))).toBe(full)
  })

  it("takes what a connection string leaves out from the variables, then from libpq's defaults", () => {
    const env = { PGHOST: "h", PGPORT: "5433", PGUSER: "u", PGDATABASE: "d", PGPASSWORD: "p" }
    for (const url of [
      "postgresql://",
      "postgresql:///",
      "postgresql:///d",
      "postgresql://h",
      "dbname=d",
      undefined,
    ]) {
      expect(understood(resolve(url, env))).toBe(full)
    }
    expect(understood(resolve("postgresql://u@h:5433/d", { PGPASSWORD: "p" }))).toBe(full)
    expect(understood(resolve("postgresql://u:p@h:5433/d", { PGPASSWORD: "other", PGPORT: "1" }))).toBe(full)
    expect(understood(resolve("postgresql://h"))).toBe("me at h:5432 me")
    expect(understood(resolve("postgresql://u@h"))).toBe("u at h:5432 u")
    expect(understood(resolve(undefined))).toBe("me at localhost:5432 me")
    expect(understood(resolve(undefined, { PGHOSTADDR: "10.0.0.7" }))).toBe("me at =10.0.0.7:5432 me")
  })

  it("without a host is behind the socket, where there is one", () => {
    const host = (files: string[], env: Env = {}, url?: string) =>
      targetOf(resolve(url, env, files)).servers?.[0]?.host
    expect(host(["/var/run/postgresql"])).toBe("/var/run/postgresql")
    expect(host(["/var/run/postgresql", "/tmp/.s.PGSQL.5432"])).toBe("/tmp")
    expect(host(["/var/run/postgresql", "/tmp/.s.PGSQL.5432"], { PGPORT: "5433" })).toBe(
      "/var/run/postgresql",
    )
    expect(host(["/tmp"])).toBe("localhost")
    expect(host(["/tmp/.s.PGSQL.5433"], {}, "postgres:///d?port=5433")).toBe("/tmp")
    expect(resolve(undefined, { PGHOST: "@pg", PGDATABASE: "d" }).shown).toBe(
      "postgresql://me@/d?host=@pg&port=5432",
    )
  })

  it("may be one of several servers, each with its port", () => {
    expect(understood(resolve("postgres://u@h1,h2:5433,[::1]:5434/d"))).toBe(
      "u at h1:5432 h2:5433 ::1:5434 d",
    )
    expect(understood(resolve("host=h1,h2,/tmp port=5433 dbname=d"))).toBe(
      "me at h1:5433 h2:5433 /tmp:5433 d",
    )
    expect(understood(resolve("host=a,b hostaddr=10.0.0.1,10.0.0.2 dbname=d"))).toBe(
      "me at a=10.0.0.1:5432 b=10.0.0.2:5432 d",
    )
    const shuffled = targetOf(resolve("host=a,b,c load_balance_hosts=random")).servers ?? []
    expect(shuffled.map(({ host }) => host).sort()).toEqual(["a", "b", "c"])
    expect(targetOf(resolve("host=a,b target_session_attrs=read-write")).sessionAttributes).toBe("read-write")
    expect(resolve(undefined, { PGHOST: "a,b", PGDATABASE: "d" }).shown).toBe(
      "postgresql://me@a:5432,b:5432/d",
    )
  })

  it("survives odd letters, quotes and an escaped socket folder", () => {
    const odd = resolve("postgresql://u%40x:p%2F%40%3A%25@%2Ftmp%2Fpg/na%20me")
    expect(understood(odd)).toBe("u@x p/@:% at /tmp/pg:5432 na me")
    expect(odd.shown).toBe("postgresql://u%40x:***@%2Ftmp%2Fpg/na%20me")
    expect(resolve("postgresql://u:my secret@h/d").shown).toBe("postgresql://u:***@h/d")
    // A plus is a plus: the + of a form is not of this world.
    expect(understood(resolve("postgres://h/d?password=a+b&user=u"))).toBe("u a+b at h:5432 d")
    const conninfo = resolve("host=h user=u password='it\\'s a \\\\ \"p\"' dbname=a\\ b")
    expect(understood(conninfo)).toBe('u it\'s a \\ "p" at h:5432 a b')
    expect(conninfo.shown).toBe("host=h user=u password=*** dbname=a\\ b")
    expect(understood(resolve("dbname='' host=h user=u"))).toBe("u at h:5432 u")
  })

  it("may be embedded, in a folder or the user's own", () => {
    expect(resolve("embedded:")).toMatchObject({ embedded: {}, shown: "embedded:" })
    expect(resolve(undefined, { DATABASE_URL: "embedded:./trial" })).toMatchObject({
      embedded: { dataDir: "./trial" },
    })
  })

  it("gets the further settings that libpq knows", () => {
    const url =
      "postgres://h/d?connect_timeout=3&application_name=cron&options=-c%20work_mem%3D5MB&keepalives_idle=30"
    expect(targetOf(resolve(url))).toMatchObject({
      connectTimeoutMs: 3_000,
      applicationName: "cron",
      options: "-c work_mem=5MB",
      keepAliveDelayMs: 30_000,
      ssl: { mode: "prefer", home: `${home}/.postgresql` },
    })
    const env = { PGCONNECT_TIMEOUT: "0", PGAPPNAME: "nightly", PGHOST: "h", PGREQUIRESSL: "1" }
    expect(targetOf(resolve(undefined, env))).toMatchObject({
      connectTimeoutMs: 0,
      applicationName: "nightly",
      ssl: { mode: "require" },
    })
    const bare = targetOf(resolve("host=/tmp fallback_application_name=tool keepalives=0"))
    expect(bare).toMatchObject({ applicationName: "tool", keepAlive: false })
    expect(bare.connectTimeoutMs ?? bare.ssl).toBeUndefined()
  })

  it("takes harmless settings that it does not need, and none that it would break", () => {
    const harmless =
      "gssencmode=prefer channel_binding=prefer krbsrvname=postgres keepalives_count=3 client_encoding=latin1 sslcompression=1 replication=false"
    expect(understood(resolve(`host=h dbname=d ${harmless}`))).toBe("me at h:5432 d")
  })
})

describe("a service", () => {
  const write = (text: string, name = ".pg_service.conf") => {
    const file = join(home, name)
    writeFileSync(file, text)
    return file
  }

  it("stands between the connection string and the variables, and the user's file before the system's", () => {
    write(
      "# mine\n\n[other]\nthis is nobody's business\n[trail]\nhost=h\nport=5433 \nuser=u\npassword=p\nuser=late\n[trail]\ndbname=wrong\n",
    )
    const system = join(home, "pg_service.conf")
    writeFileSync(system, "[trail]\nhost=wrong\n[archive]\nhost=a\nhost=b\ndbname=d\n")
    const env = { PGSYSCONFDIR: home, PGHOST: "wrong", PGUSER: "wrong", PGDATABASE: "d" }
    expect(understood(resolve(undefined, { ...env, PGSERVICE: "trail" }))).toBe(full)
    expect(understood(resolve("postgres:///d?service=trail", env))).toBe(full)
    expect(understood(resolve("service=trail host=x user=y", env))).toBe("y p at x:5433 d")
    expect(understood(resolve("postgres://u@/?service=archive", { PGSYSCONFDIR: home }))).toBe(
      "u at a:5432 d",
    )
    const file = write("[trail]\nhost=elsewhere\n", "services")
    expect(understood(resolve("service=trail dbname=d", { PGSERVICEFILE: file }))).toBe(
      "me at elsewhere:5432 d",
    )
    // One that names a database wins over what a connection string leaves out, even a URL's.
    expect(understood(resolve("postgres:///d", { ...env, PGSERVICE: "trail" }))).toBe(full)
  })

  it("that is unknown or cannot be read is an error with file and line, and shows no value", () => {
    write(
      "[trail]\nhost=h\npasword=secret\n[blanks]\nhost = h\n[noise]\nsecret\n[nested]\nservice=trail\n[modes]\nhost=h\nsslmode=strict\n",
    )
    const at = (service: string, env: Env = {}) =>
      refused(`service=${service}`, { PGSYSCONFDIR: "/nowhere", ...env })
    expect([
      at("trial"),
      at("unheard"),
      at("trail"),
      at("blanks"),
      at("noise"),
      at("nested"),
      at("modes"),
      at("trail", { PGSERVICEFILE: "/nowhere/services" }),
      at("trail", { PGSERVICEFILE: home }),
      at("trail", { HOME: "/nowhere" }),
    ]).toEqual([
      'unknown service "trial" (--url): not in ~/.pg_service.conf, did you mean trail?',
      'unknown service "unheard" (--url): not in ~/.pg_service.conf',
      "unknown connection setting in ~/.pg_service.conf line 3: pasword, did you mean password?",
      "~/.pg_service.conf line 5 has blanks around =",
      "~/.pg_service.conf line 7 is not KEY=VALUE",
      "~/.pg_service.conf line 9 names another service",
      'sslmode takes disable, allow, prefer, require, verify-ca or verify-full, not "strict" (~/.pg_service.conf line 12)',
      "cannot read the service file /nowhere/services: no such file",
      "cannot read the service file ~: it is a folder",
      'unknown service "trail" (--url): there is no service file',
    ])
  })
})

describe("the password file", () => {
  it("gives each server its own password, as libpq reads it", () => {
    const file = join(home, ".pgpass")
    const lines = [
      "",
      "#h1:*:*:*:no",
      "h1:5432:d:u:one",
      "h\\:2:*:*:*:t\\:w\\\\o",
      "localhost:*:d:*:socket:with:colons",
      "h3:*:*:u:",
      "*:*:*:u:any\r",
    ]
    writeFileSync(file, lines.join("\n"), { mode: 0o600 })
    const found = (url: string) => understood(resolve(url))
    expect(found("host=h1,h:2,h3 user=u dbname=d")).toBe(
      "u at h1:5432 (one) h:2:5432 (t:w\\o) h3:5432 (any) d",
    )
    expect(found("host=/tmp user=x dbname=d")).toBe("x at /tmp:5432 (socket:with:colons) d")
    expect(found("host=/run/other user=x dbname=d")).toBe("x at /run/other:5432 d")
    expect(found("hostaddr=10.0.0.7 user=u dbname=d")).toBe("u at =10.0.0.7:5432 (any) d")
    expect(found("host=h1 user=u dbname=d password=mine")).toBe("u mine at h1:5432 d")
    expect(found("host=h1 user=u dbname=d passfile=/nowhere")).toBe("u at h1:5432 d")
  })

  it("is ignored with a warning when others can read it, once", () => {
    const file = join(home, "shared")
    writeFileSync(file, "*:*:*:*:p")
    chmodSync(file, 0o640)
    const warnings: string[] = []
    const at = (PGPASSFILE: string) =>
      understood(resolve("host=h dbname=d", { PGPASSFILE }, [], { warn: (text) => warnings.push(text) }))
    expect([at(file), at(home)]).toEqual(["me at h:5432 d", "me at h:5432 d"])
    expect(warnings).toEqual([
      `the password file ${file} is ignored: others can read it; chmod 600 ${file}`,
      `the password file ${home} is ignored: it is not a plain file`,
    ])
  })
})

it("a connection in clear over the network is warned about once a server", () => {
  const warnings: string[] = []
  const { onPlain } = targetOf(resolve("host=db.example", {}, [], { warn: (text) => warnings.push(text) }))
  for (const server of ["db.example:5432", "db.example:5432", "10.0.0.7:5432"]) onPlain?.(server, undefined)
  onPlain?.("db.example:5432", "the server has none")
  const danger = "passwords and events can be read on the way; add sslmode=require"
  expect(warnings).toEqual([
    `connection to db.example:5432 without TLS: ${danger}`,
    `connection to 10.0.0.7:5432 without TLS: ${danger}`,
    `connection to db.example:5432 without TLS (the server has none): ${danger}`,
  ])
})

describe("refused, instead of a silent default:", () => {
  it.each([
    ["", {}, "cannot read the URL in --url"],
    ["mysql://h/d", {}, "cannot read the URL in --url"],
    ["acme", {}, "cannot read the URL in --url"],
    ["postgres://u:pa/ss@h/d", {}, "the port is not a number in --url"],
    ["postgres://u:%zz@h/d", {}, "an escape (%) cannot be read in --url"],
    ["postgres://u@h/d%00", {}, "an escape (%) cannot be read in --url"],
    [
      "postgres://h/d?sslmod=require",
      {},
      "unknown connection setting in --url: sslmod, did you mean sslmode?",
    ],
    ["postgres://h/d?schemata=public", {}, "unknown connection setting in --url: schemata"],
    ["postgres://h/d?database=x", {}, "unknown connection setting in --url: database, did you mean dbname?"],
    ["postgres://h/d?sslmode", {}, "sslmode has no value in --url"],
    ["postgres://h/d?password=tops&3cret=x", {}, "what follows the password is no setting in --url"],
    ["postgres://h/d?password=tops&3cret", {}, "what follows the password is no setting in --url"],
    ["host=h password=tops 3cret=x", {}, "what follows the password is no setting in --url"],
    ["host=h password=tops 3cret", {}, "a setting has no = in --url"],
    ["host=h databse=x", {}, "unknown connection setting in --url: databse, did you mean dbname?"],
    ["host=h dbname", {}, "a setting has no = in --url"],
    ["host=h password='secret", {}, "the quote of password is not closed in --url"],
    ["postgres://h:99999/d", {}, 'the port in --url is not a port number: "99999"'],
    ["host=a,b port=1,2,3", {}, "3 values of port for 2 hosts"],
    ["host=a,b hostaddr=10.0.0.1", {}, "1 values of hostaddr for 2 hosts"],
    ["postgres://h/d?connect_timeout=soon", {}, 'connect_timeout takes whole seconds, not "soon" (--url)'],
    [undefined, { PGTRAIL_URL: "nonsense" }, "cannot read the URL in PGTRAIL_URL"],
    [undefined, { PGPORT: "54x2" }, 'PGPORT is not a port number: "54x2"'],
    [
      undefined,
      { PGHOST: "h", PGSSLMODE: "no-verify" },
      'sslmode takes disable, allow, prefer, require, verify-ca or verify-full, not "no-verify" (PGSSLMODE)',
    ],
    [
      "host=h sslrootcert=system sslmode=require",
      {},
      "sslrootcert=system needs sslmode=verify-full, not require: anybody can have a certificate of a public CA",
    ],
    ["host=h sslnegotiation=direct", {}, "sslnegotiation=direct needs sslmode=require at least, not prefer"],
    [
      "host=h target_session_attrs=master",
      {},
      'target_session_attrs takes any, read-write, read-only, primary, standby or prefer-standby, not "master" (--url)',
    ],
    [
      undefined,
      { PGREQUIREAUTH: "scram-sha-256" },
      "pgtrail cannot do what PGREQUIREAUTH asks for: require_auth=scram-sha-256",
    ],
    [
      "host=h gssencmode=require",
      {},
      "pgtrail cannot do what gssencmode in --url asks for: gssencmode=require",
    ],
    [
      "host=h channel_binding=require",
      {},
      "pgtrail cannot do what channel_binding in --url asks for: channel_binding=require",
    ],
    [
      "host=h replication=database",
      {},
      "pgtrail cannot do what replication in --url asks for: replication=database",
    ],
    [
      "host=h scram_client_key=c2VjcmV0",
      {},
      "pgtrail cannot do what scram_client_key in --url asks for: scram_client_key=...",
    ],
  ])("%j with %j", (url, env, message) => {
    expect(refused(url, env as Env)).toBe(message)
  })
})
