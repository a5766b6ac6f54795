// A database of its own for each test file, copied from the installed template and dropped at the end.
import { randomBytes } from "node:crypto"
import { env, stderr } from "node:process"
import pg from "pg"
import { inject } from "vitest"
import type { Trail } from "../src/data/index.js"
import { outcome } from "./outcome.js"
import { urlOfDatabase, urlOfRole } from "./url.js"

export type TextRow = Record<string, string | null>
export interface Role {
  readonly name: string
  readonly password: string
  /** The database's URL as this role. */
  readonly url: string
  client(): Promise<pg.Client>
}

export interface TestDatabase {
  readonly url: string
  readonly name: string
  /** As superuser; every value is the text that Postgres sent. */
  query(sql: string, params?: readonly unknown[]): Promise<TextRow[]>
  /** A session of its own, as superuser; closed at the end if the test did not. */
  client(): Promise<pg.Client>
  /** The library on this database; closed at the end if the test did not. */
  trail(options?: { url?: string }): Promise<Trail>
  /** A new login role, dropped at the end. Roles belong to the whole server, so its name is unique. */
  role(options?: { memberOf?: readonly string[]; attributes?: string }): Promise<Role>
  /** Runs `work` in a session that has done SET ROLE. */
  asRole<T>(name: string, work: (client: pg.Client) => Promise<T>): Promise<T>
  /** Fails when a connection of this file is still open. Keeps the database when a test failed and it can be kept. */
  drop(): Promise<void>
}

/** Evidence is compared as text: no Date, no Number, no JSON.parse between Postgres and an assertion. */
const asText = { getTypeParser: () => (value: string) => value }

export interface TestDatabaseOptions {
  /** Without the schema. */
  readonly empty?: boolean
  /** With every partition that the installer makes, and not those of two months and DEFAULT alone. */
  readonly whole?: boolean
}

/** Call it in beforeAll, and `drop` in afterAll. */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = inject("url")
  const name = `${inject("prefix")}${randomBytes(5).toString("hex")}`
  const url = urlOfDatabase(server, name)
  const clients = new Set<pg.Client>()
  const closers: (() => Promise<void>)[] = []
  const roles: string[] = []

  // One session makes and drops all that this file has on the server: each costs as much as a database does.
  const onServer = await connected(server, "test databases")
  const source =
    options.empty === true
      ? "template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'"
      : `"${inject(options.whole === true ? "template" : "lean")}"`
  try {
    await onServer.query(`create database "${name}" template ${source} ${inject("strategy")}`)
  } catch (error) {
    await onServer.end()
    throw error
  }

  async function connect(connectionString: string): Promise<pg.Client> {
    const client = await connected(connectionString, `test ${name}`)
    clients.add(client)
    client.once("end", () => clients.delete(client))
    return client
  }
  let own: Promise<pg.Client> | undefined

  const database: TestDatabase = {
    url,
    name,
    async query(sql, params = []) {
      own ??= connect(url)
      return (await (await own).query<TextRow>(sql, [...params])).rows
    },
    client: () => connect(url),
    async trail({ url: connectionString = url } = {}) {
      const { open } = await import("../src/data/index.js")
      const trail = await open({ connectionString, applicationName: `test ${name}` })
      closers.push(() => trail.close())
      return trail
    },
    async role({ memberOf = [], attributes = "" } = {}) {
      const role = `${inject("prefix")}${randomBytes(5).toString("hex")}`
      const password = randomBytes(9).toString("hex")
      await onServer.query(`create role "${role}" login password '${password}' ${attributes}`)
      roles.push(role)
      for (const group of memberOf) await onServer.query(`grant "${group}" to "${role}"`)
      const roleUrl = urlOfRole(url, role, password)
      return { name: role, password, url: roleUrl, client: () => connect(roleUrl) }
    },
    async asRole(role, work) {
      const client = await connect(url)
      try {
        await client.query(`set role "${role}"`)
        return await work(client)
      } finally {
        await client.end()
      }
    },
    async drop() {
      for (const close of closers) await close()
      await Promise.all([...clients].map((client) => client.end()))
      try {
        const left = await sessionsLeft(onServer, name)
        if (outcome.failed && isKept()) {
          stderr.write(`kept the database of the failed test: psql "${url}"\n`)
        } else {
          await onServer.query(`drop database if exists "${name}" with (force)`)
          for (const role of roles) await onServer.query(`drop role if exists "${role}"`)
        }
        if (left.length > 0) throw new Error(`connections left open by this test file:\n${left.join("\n")}`)
      } finally {
        await onServer.end()
      }
    },
  }
  return database
}

/** A server given by URL outlives the run; a private one only when asked to. */
function isKept(): boolean {
  return env.CI === undefined && (env.PGTRAIL_TEST_URL !== undefined || env.PGTRAIL_TEST_KEEP !== undefined)
}

/** A backend needs a moment to go after its client has: what is still there after twenty seconds was not closed. */
async function sessionsLeft(client: pg.Client, name: string): Promise<string[]> {
  for (let tries = 0; ; tries += 1) {
    const { rows } = await client.query<{ session: string }>(
      `select concat_ws(' · ', pid, application_name, usename, state, left(query, 120)) as session
       from pg_stat_activity where datname = $1 and backend_type = 'client backend' and pid <> pg_backend_pid()`,
      [name],
    )
    if (rows.length === 0 || tries === 400) return rows.map((row) => row.session)
    await client.query("select pg_sleep(0.05), pg_stat_clear_snapshot()")
  }
}

async function connected(connectionString: string, applicationName: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: applicationName, types: asText })
  // A test that kills its backend gets the error from its query; this one would end the process.
  client.on("error", () => {})
  await client.connect()
  return client
}
