// Which database a run talks to, and what is refused instead of guessed.
import pg from "pg"
import { describe, expect, it } from "vitest"
import { type Connection, resolveConnection } from "../../src/cli/connect.js"
import { TrailError } from "../../src/data/errors.js"

type Env = Record<string, string>
const resolve = (url: string | undefined, env: Env = {}, files: string[] = []): Connection =>
  resolveConnection(url, { env, exists: (path) => files.includes(path), userName: () => "me" })

/** As node-postgres understands it: the only reading that counts. */
function understood(connection: Connection) {
  if (!("target" in connection)) return expect.fail("embedded")
  const { applicationName: _, connectTimeoutMs: __, ...target } = connection.target
  const { host, port, user, database, password } = new pg.Client(target)
  return { host, port, user, database, password }
}
const full = { host: "h", port: 5433, user: "u", database: "d", password: "p" }

function refused(url: string | undefined, env: Env = {}): string {
  try {
    resolve(url, env)
  } catch (error) {
    if (error instanceof TrailError && error.code === "config") return error.message
    throw error
  }
  return expect.fail("not refused")
}

describe("the database", () => {
  it("is named by --url, PGTRAIL_URL, DATABASE_URL, then PG*", () => {
    const env = {
      PGTRAIL_URL: "postgres://x/b",
      DATABASE_URL: "postgres://x/c",
      PGDATABASE: "d",
      PGHOST: "x",
    }
    const seen: string[] = []
    for (const [url, without] of [
      ["postgres://x/a", ""],
      [undefined, ""],
      [undefined, "PGTRAIL_URL"],
    ] as const) {
      const { source, shown } = resolve(url, { ...env, ...(without === "" ? {} : { [without]: "" }) })
      seen.push(`${source} ${shown}`)
    }
    const variables = resolve(undefined, { PGDATABASE: "d", PGHOST: "x" })
    expect([...seen, `${variables.source} ${variables.shown}`]).toEqual([
      "--url postgres://x/a",
      "PGTRAIL_URL postgres://x/b",
      "DATABASE_URL postgres://x/c",
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
  ])("of %s is what node-postgres connects to", (url) => {
    expect(understood(resolve(url))).toEqual(full)
  })

  it("takes what a URL leaves out from the variables, then from libpq's defaults", () => {
    const env = { PGHOST: "h", PGPORT: "5433", PGUSER: "u", PGDATABASE: "d", PGPASSWORD: "p" }
    for (const url of ["postgresql://", "postgresql:///", "postgresql:///d", "postgresql://h", undefined]) {
      expect(understood(resolve(url, env))).toEqual(full)
    }
    expect(understood(resolve("postgresql://u@h:5433/d", { PGPASSWORD: "p" }))).toEqual(full)
    expect(understood(resolve("postgresql://u:p@h:5433/d", { PGPASSWORD: "other", PGPORT: "1" }))).toEqual(
      full,
    )
    expect(understood(resolve("postgresql://h"))).toMatchObject({ user: "me", database: "me", port: 5432 })
    expect(understood(resolve(undefined))).toMatchObject({ host: "localhost", user: "me", database: "me" })
  })

  it("without a host is behind the socket, where there is one", () => {
    const host = (files: string[], env: Env = {}) => understood(resolve(undefined, env, files)).host
    expect(host(["/var/run/postgresql"])).toBe("/var/run/postgresql")
    expect(host(["/var/run/postgresql", "/tmp/.s.PGSQL.5432"])).toBe("/tmp")
    expect(host(["/var/run/postgresql", "/tmp/.s.PGSQL.5432"], { PGPORT: "5433" })).toBe(
      "/var/run/postgresql",
    )
    expect(host(["/tmp"])).toBe("localhost")
    expect(understood(resolve("postgres:///d?port=5433", {}, ["/tmp/.s.PGSQL.5433"])).host).toBe("/tmp")
  })

  it("survives odd letters and an escaped socket folder", () => {
    const odd = resolve("postgresql://u%40x:p%2F%40%3A%25@%2Ftmp%2Fpg/na%20me")
    expect(understood(odd)).toMatchObject({
      host: "/tmp/pg",
      user: "u@x",
      password: "p/@:%",
      database: "na me",
    })
    expect(odd.shown).toBe("postgresql://u%40x:***@%2Ftmp%2Fpg/na%20me")
    expect(resolve("postgresql://u:my secret@h/d").shown).toBe("postgresql://u:***@h/d")
    expect(understood(resolve("postgres://[::1]:5433/d")).host).toBe("::1")
  })

  it("may be embedded, in a folder or the user's own", () => {
    expect(resolve("embedded:")).toMatchObject({ embedded: {}, shown: "embedded:" })
    expect(resolve(undefined, { DATABASE_URL: "embedded:./trial" })).toMatchObject({
      embedded: { dataDir: "./trial" },
    })
  })

  it("has a time limit for connecting where one is given, in seconds", () => {
    const limit = (url?: string, env: Env = {}) => {
      const connection = resolve(url, env)
      return "target" in connection ? connection.target.connectTimeoutMs : undefined
    }
    expect(limit("postgres://h/d?connect_timeout=3")).toBe(3_000)
    expect(limit(undefined, { PGCONNECT_TIMEOUT: "2" })).toBe(2_000)
    expect(limit(undefined)).toBeUndefined()
  })
})

describe("refused, instead of a silent default:", () => {
  it.each([
    ["host=h dbname=d", {}, "a list of settings is not a URL in --url"],
    ["", {}, "cannot read the URL in --url"],
    ["mysql://h/d", {}, "cannot read the URL in --url"],
    ["acme", {}, "cannot read the URL in --url"],
    ["postgres://u:pa/ss@h/d", {}, "the port is not a number in --url"],
    ["postgres://u:%zz@h/d", {}, "an escape (%) cannot be read in --url"],
    ["postgres://h1,h2/d", {}, "several hosts are not supported yet (--url)"],
    ["postgres:///d?service=x", {}, "connection services are not supported yet (service in --url)"],
    [undefined, { PGTRAIL_URL: "nonsense" }, "cannot read the URL in PGTRAIL_URL"],
    [undefined, { PGSERVICE: "x" }, "connection services are not supported yet (PGSERVICE)"],
    ["postgres:///d", { PGSERVICE: "x" }, "connection services are not supported yet (PGSERVICE)"],
    [undefined, { PGHOST: "a,b" }, "several hosts are not supported yet (PGHOST)"],
    [undefined, { PGPORT: "54x2" }, 'PGPORT is not a port number: "54x2"'],
  ])("%j with %j", (url, env, message) => {
    expect(refused(url, env as Env)).toBe(message)
  })
})
