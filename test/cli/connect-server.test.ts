// What the settings of a connection do to a real server: TLS by sslmode, certificates, and every way to log in.
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { userInfo } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { resolveConnection } from "../../src/cli/connect.js"
import { withClient } from "../../src/data/connection.js"
import { TrailError } from "../../src/data/errors.js"
import { canStart } from "../data/cluster.js"
import { fixture, outside, privateCopy, startTcpServer, type TcpServer } from "../data/tcp-server.js"
import { runInProcess } from "./io.js"

type Env = Record<string, string>
let server: TcpServer
let home: string
let base: Env

describe.runIf(canStart)("a connection", () => {
  beforeAll(async () => {
    server = await startTcpServer(
      [
        "local all peered,stranger peer map=tests",
        "local all all scram-sha-256",
        "hostssl all secured 127.0.0.1/32 scram-sha-256",
        "hostnossl all plain 127.0.0.1/32 scram-sha-256",
        "hostssl all certified 127.0.0.1/32 cert",
        "host all cleartext 127.0.0.1/32 password",
        "host all hashed 127.0.0.1/32 md5",
        "host all scrammed 127.0.0.1/32 scram-sha-256",
        "host all trusted samehost trust",
      ],
      [`tests "${userInfo().username}" peered`],
    )
    const roles = ["peered", "stranger", "secured", "plain", "certified", "cleartext", "scrammed", "trusted"]
    await server.query(
      [
        ...roles.map((role) => `create role ${role} login password 'right'`),
        "set password_encryption = md5",
        "create role hashed login password 'right'",
      ].join(";"),
    )
    await server.set({ ssl: "on", ssl_ca_file: "ca.crt" })
  })
  afterAll(() => server?.remove())

  beforeEach(async () => {
    home = await mkdtemp("/tmp/pgtrail-home-")
    base = {
      HOME: home,
      PGHOST: "localhost",
      PGHOSTADDR: "127.0.0.1",
      PGPORT: String(server.port),
      PGDATABASE: "pgtrail",
    }
    return () => rm(home, { recursive: true, force: true })
  })

  describe("with TLS", () => {
    it("takes what each sslmode promises, and no more", async () => {
      const modes = ["", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
      const seen = async (env: Env = {}) => {
        const list: string[] = []
        for (const PGSSLMODE of modes) list.push(await enter({ ...env, PGUSER: "trusted", PGSSLMODE }))
        return list
      }
      const root = fixture("ca.crt")
      const needsRoot = `needs the certificate of the CA: there is no ${home}/.postgresql/root.crt`
      expect(await seen()).toEqual([
        "trusted by TLS",
        "trusted in clear",
        "trusted in clear",
        "trusted by TLS",
        "trusted by TLS",
        `config: sslmode=verify-ca ${needsRoot}`,
        `config: sslmode=verify-full ${needsRoot}`,
      ])
      expect(await seen({ PGSSLROOTCERT: root })).toEqual([
        "trusted by TLS",
        "trusted in clear",
        "trusted in clear",
        ...Array(4).fill("trusted by TLS"),
      ])
      const strange = `unreachable: the certificate of localhost:${server.port} is from a CA that is not in ${fixture("other-ca.crt")}`
      expect(await seen({ PGSSLROOTCERT: fixture("other-ca.crt") })).toEqual([
        "trusted in clear",
        "trusted in clear",
        "trusted in clear",
        "trusted in clear",
        strange,
        strange,
        strange,
      ])
      await server.set({ ssl: "off" })
      const none = `unreachable: the server localhost:${server.port} does not support TLS, and the connection asks for it`
      expect(await seen({ PGSSLROOTCERT: root })).toEqual([
        ...Array(4).fill("trusted in clear"),
        none,
        none,
        none,
      ])
      await server.set({ ssl: "on" })
    })

    it("changes to the other kind where pg_hba.conf refuses the first, in the modes that allow it", async () => {
      const seen = async (PGUSER: string) => {
        const list: string[] = []
        for (const PGSSLMODE of ["disable", "allow", "prefer", "require"]) {
          list.push(
            (await enter({ PGUSER, PGPASSWORD: "right", PGSSLMODE })).replace(
              /no pg_hba.conf entry.*/,
              "refused",
            ),
          )
        }
        return list
      }
      const refused = "authentication: refused"
      expect(await seen("secured")).toEqual([refused, "secured by TLS", "secured by TLS", "secured by TLS"])
      expect(await seen("plain")).toEqual(["plain in clear", "plain in clear", "plain in clear", refused])
    })

    it("verifies the name only with verify-full, and says which names the certificate has", async () => {
      const strict = { PGUSER: "trusted", PGSSLROOTCERT: fixture("ca.crt") }
      const at = (url: string, mode: string) =>
        enter({ ...strict, PGSSLMODE: mode, PGHOST: "", PGHOSTADDR: "" }, url)
      const other = `postgresql://127.0.0.1:${server.port}`
      expect(await at(other, "verify-ca")).toBe("trusted by TLS")
      expect(await at(other, "verify-full")).toBe(
        `unreachable: the certificate of 127.0.0.1:${server.port} is not for 127.0.0.1: it is for localhost, db.example`,
      )
      expect(await at(`${other}?host=db.example&hostaddr=127.0.0.1`, "verify-full")).toBe("trusted by TLS")
      expect(await at(`host=evil.example hostaddr=127.0.0.1 port=${server.port}`, "verify-full")).toMatch(
        /is not for evil.example/,
      )
    })

    it("names what is wrong with a certificate", async () => {
      const strict = { PGUSER: "trusted", PGSSLROOTCERT: fixture("ca.crt"), PGSSLMODE: "verify-ca" }
      const place = `the certificate of localhost:${server.port}`
      expect(await enter({ ...strict, PGSSLCRL: fixture("revoked.crl") })).toBe(
        `unreachable: ${place} was revoked`,
      )
      await server.set({ ssl_cert_file: "expired.crt" })
      expect(await enter(strict)).toBe(`unreachable: ${place} has expired (Jan  1 00:00:00 2021 GMT)`)
      expect(await enter({ ...strict, PGSSLMODE: "require", PGSSLROOTCERT: "" })).toBe("trusted by TLS")
      await server.set({ ssl_cert_file: "self-signed.crt" })
      expect(await enter(strict)).toBe(
        `unreachable: ${place} is self-signed, and not in ${fixture("ca.crt")}`,
      )
      expect(
        await enter({ ...strict, PGSSLROOTCERT: fixture("self-signed.crt"), PGSSLMODE: "verify-full" }),
      ).toBe("trusted by TLS")
      expect(await enter({ ...strict, PGSSLROOTCERT: "system", PGSSLMODE: "" })).toMatch(
        /not in the system's certificates$|usually are$/,
      )
      await server.set({ ssl_cert_file: "server.crt" })
      expect(
        await enter({ ...strict, PGSSLROOTCERT: "system", PGSSLMODE: "", SSL_CERT_FILE: fixture("ca.crt") }),
      ).toBe("trusted by TLS")
    })

    it("takes the certificates of ~/.postgresql where nothing else is named", async () => {
      await mkdir(join(home, ".postgresql"))
      const dir = join(home, ".postgresql")
      await privateCopy("ca.crt", dir, "root.crt")
      expect(await enter({ PGUSER: "trusted", PGSSLMODE: "verify-full" })).toBe("trusted by TLS")
      expect(await enter({ PGUSER: "certified" })).toBe(
        "authentication: connection requires a valid client certificate",
      )
      await privateCopy("client.crt", dir, "postgresql.crt")
      expect(await enter({ PGUSER: "certified" })).toBe(
        `config: cannot read the client key ${dir}/postgresql.key: no such file`,
      )
      const key = await privateCopy("client.key", dir, "postgresql.key")
      expect(await enter({ PGUSER: "certified" })).toBe("certified by TLS")
      expect(await enter({ PGUSER: "certified" }, "postgresql://?sslcertmode=disable")).toMatch(
        /requires a valid client certificate/,
      )
      await chmod(key, 0o644)
      expect(await enter({ PGUSER: "certified" })).toBe(`config: the client key ${key} can be read by others`)
      // A revoked server is found by a list in the same folder.
      await privateCopy("revoked.crl", dir, "root.crl")
      expect(
        await enter({ PGUSER: "trusted", PGSSLMODE: "verify-ca", PGSSLCERT: fixture("none.crt") }),
      ).toMatch(/none.crt: no such file/)
      await rm(join(dir, "postgresql.crt"))
      expect(await enter({ PGUSER: "trusted", PGSSLMODE: "verify-ca" })).toMatch(/was revoked/)
    })

    it("takes a client certificate by name, also one with a password", async () => {
      const PGSSLCERT = fixture("client.crt")
      const key = await privateCopy("client.key", home)
      const locked = await privateCopy("client-encrypted.key", home)
      const env = { PGUSER: "certified", PGSSLMODE: "require", PGSSLCERT }
      expect(await enter({ ...env, PGSSLKEY: key })).toBe("certified by TLS")
      expect(await enter({ ...env, PGSSLKEY: locked }, "postgresql://?sslpassword=opensesame")).toBe(
        "certified by TLS",
      )
      expect(await enter({ ...env, PGSSLKEY: locked }, "postgresql://?sslpassword=wrong")).toMatch(
        /^unreachable: no TLS with localhost:\d+: /,
      )
      expect(await enter({ ...env, PGSSLKEY: await privateCopy("server.key", home) })).toMatch(
        /^unreachable: no TLS with localhost:\d+: /,
      )
      await chmod(key, 0o640)
      const owned = userInfo().uid === 0
      expect(await enter({ ...env, PGSSLKEY: key })).toBe(
        owned ? "certified by TLS" : `config: the client key ${key} can be read by others`,
      )
      // The server does not know the CA of this one.
      const foreign = {
        ...env,
        PGSSLCERT: fixture("self-signed.crt"),
        PGSSLKEY: await privateCopy("server.key", home),
      }
      expect(await enter(foreign)).toMatch(/^unreachable: the server ended the TLS connection: .*ca/)
    })

    it("has TLS 1.2 at least, and begins with TLS at once where that is asked for", async () => {
      const env = { PGUSER: "trusted", PGSSLMODE: "require" }
      await server.set({ ssl_min_protocol_version: "TLSv1", ssl_max_protocol_version: "TLSv1.1" })
      expect(await enter({ ...env, PGSSLMINPROTOCOLVERSION: "TLSv1" })).toMatch(
        /^unreachable: no TLS with localhost:\d+: .*(version|protocol)/,
      )
      await server.set({ ssl_max_protocol_version: "" })
      expect(await enter({ ...env, PGSSLMAXPROTOCOLVERSION: "TLSv1.2" })).toBe("trusted by TLS")
      const [{ major = "" } = {}] = await server.query(
        "select current_setting('server_version_num')::int / 10000 as major",
      )
      const direct = await enter({ ...env, PGSSLNEGOTIATION: "direct" })
      if (Number(major) >= 17) expect(direct).toBe("trusted by TLS")
      else expect(direct).toMatch(/^unreachable|^connection-lost/)
    })
  })

  describe("logs in", () => {
    it.each(["scrammed", "hashed", "cleartext"])(
      "as %s with the right password, and says what is wrong with another",
      async (PGUSER) => {
        expect(await enter({ PGUSER, PGPASSWORD: "right" })).toBe(`${PGUSER} by TLS`)
        expect(await enter({ PGUSER, PGPASSWORD: "wrong" })).toBe(
          `authentication: password authentication failed for user "${PGUSER}" (check the user name and the password of the connection URL, or ~/.pgpass)`,
        )
        expect(await enter({ PGUSER })).toBe(
          "authentication: the server asks for a password and none was given (put it into ~/.pgpass, or into PGPASSWORD)",
        )
      },
    )

    it("with the line of the password file that fits, and names it when it is wrong", async () => {
      const file = join(home, ".pgpass")
      const write = (text: string) => writeFile(file, text, { mode: 0o600 })
      await write(
        `# tests\nlocalhost:1:*:*:wrong\nlocalhost:${server.port}:pgtrail:scrammed:right\n*:*:*:*:wrong\n`,
      )
      expect(await enter({ PGUSER: "scrammed" })).toBe("scrammed by TLS")
      expect(await enter({ PGUSER: "hashed" })).toBe(
        `authentication: password authentication failed for user "hashed" (the password came from ${file} line 4)`,
      )
      await chmod(file, 0o644)
      expect(await enter({ PGUSER: "scrammed" })).toMatch(/none was given/)
      const other = join(home, "passwords")
      await writeFile(other, "localhost:*:*:scrammed:right", { mode: 0o600 })
      expect(await enter({ PGUSER: "scrammed", PGPASSFILE: other })).toBe("scrammed by TLS")
    })

    it("as the operating system's user over a socket, where there is never TLS", async () => {
      const socket = { PGHOST: server.socket, PGHOSTADDR: "", PGSSLMODE: "require" }
      expect(await enter({ ...socket, PGUSER: "peered" })).toBe("peered in clear")
      expect(await enter({ ...socket, PGUSER: "stranger" })).toMatch(
        /^authentication: .*peer authentication failed for user "stranger"/i,
      )
      expect(await enter({ ...socket, PGUSER: "scrammed", PGPASSWORD: "right" })).toBe("scrammed in clear")
    })

    it("with a service, which the variables do not override and the connection string does", async () => {
      const file = join(home, ".pg_service.conf")
      await writeFile(
        file,
        `[trail]\nhost=localhost\nport=${server.port}\ndbname=pgtrail\nuser=scrammed\npassword=right\nsslmode=require\n`,
      )
      const bare = { PGHOST: "", PGPORT: "1", PGDATABASE: "other", PGUSER: "other" }
      expect(await enter({ ...bare, PGSERVICE: "trail" })).toBe("scrammed by TLS")
      expect(await enter(bare, "service=trail")).toBe("scrammed by TLS")
      expect(await enter(bare, "postgresql://hashed@?service=trail")).toBe("hashed by TLS")
      expect(await enter(bare, "service=trial")).toBe(
        `config: unknown service "trial" (--url): not in ${file}, did you mean trail?`,
      )
    })
  })

  it("takes the password of the configuration, for the database that is configured with it and for no other", async () => {
    const url = `postgresql://scrammed@127.0.0.1:${server.port}/pgtrail`
    const write = (content: object) =>
      writeFile(join(home, "pgtrail.json"), JSON.stringify(content), { mode: 0o644 })
    await writeFile(join(home, "secret"), "right\n", { mode: 0o600 })
    const say = async (env: Env = {}, ...argv: string[]) =>
      (await runInProcess(["query", "--quiet", ...argv], { cwd: home, env: { HOME: home, ...env } })).stderr
    const entered =
      "pgtrail: error: pgtrail is not installed in this database\npgtrail: hint: pgtrail install\n"
    const missing = /the server asks for a password and none was given/
    await write({ url, password: "file:secret" })
    expect(await say()).toBe(entered)
    expect(await say({}, "--url", url)).toMatch(missing)
    expect(await say({ PGTRAIL_URL: url })).toMatch(missing)
    expect(await say({ PGTRAIL_URL: url, PGTRAIL_PASSWORD: "cmd:echo right" })).toBe(entered)
    expect(await say({ DATABASE_URL: url, PGTRAIL_PASSWORD: "cmd:echo right" })).toMatch(missing)
    expect(await say({ PGTRAIL_PASSWORD: "env:NONE" })).toMatch(
      /^pgtrail: error: the variable NONE is not set\npgtrail: hint: nothing was done; set and export it/,
    )
    expect(await say({ PGTRAIL_PASSWORD: "env:SAID", SAID: "tops3cret" })).toMatch(
      /password authentication failed/,
    )
    await write({ url })
    expect(await say({ PGTRAIL_PASSWORD: "file:secret" })).toBe(entered)
  })

  it.runIf(outside)("over the network is warned about once, when it has no TLS", async () => {
    const HOME = home
    const warned = async (url: string) => {
      const words = ["status", "--url", url]
      const { stderr } = await runInProcess(words, { env: { HOME }, cwd: home })
      return stderr.split("\n").filter((line) => /warning/.test(line))
    }
    const url = `postgresql://trusted@${outside}:${server.port}/pgtrail`
    const danger = "passwords and events can be read on the way; add sslmode=require"
    expect(await warned(url)).toEqual([])
    expect(await warned(`${url}?sslmode=disable`)).toEqual([
      `pgtrail: warning: connection to ${outside}:${server.port} without TLS: ${danger}`,
    ])
    await server.set({ ssl: "off" })
    expect(await warned(url)).toEqual([
      `pgtrail: warning: connection to ${outside}:${server.port} without TLS (the server has none): ${danger}`,
    ])
    await server.set({ ssl: "on" })
  })

  it("has its own session settings, whatever PGOPTIONS says", async () => {
    const env = {
      PGUSER: "trusted",
      PGOPTIONS: "-c search_path=public -c datestyle=german -c work_mem=5MB",
      PGAPPNAME: "",
    }
    const shown = await ask(
      { ...base, ...env },
      undefined,
      "select concat_ws('|', current_setting('search_path'), current_setting('datestyle'), current_setting('work_mem'), current_setting('application_name')) as shown",
    )
    expect(shown).toBe("pg_catalog, pg_temp|ISO, YMD|5MB|pgtrail")
  })
})

async function enter(env: Env, url?: string): Promise<string> {
  const sql =
    "select session_user || case when ssl then ' by TLS' else ' in clear' end as shown from pg_stat_ssl where pid = pg_backend_pid()"
  try {
    return await ask({ ...base, ...env }, url, sql)
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    const isLogin = error.code === "authentication" && error.sqlstate !== "28000"
    return `${error.code}: ${error.message}${isLogin ? ` (${error.hint})` : ""}`
  }
}

async function ask(env: Env, url: string | undefined, sql: string): Promise<string> {
  const connection = resolveConnection(url, { env })
  if (!("target" in connection)) return expect.fail("embedded")
  return withClient(
    connection.target,
    async (client) => (await client.query<{ shown: string }>(sql)).rows[0]?.shown ?? "",
  )
}
