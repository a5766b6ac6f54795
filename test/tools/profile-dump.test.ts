// Profiles that came by pg_dump and pg_restore are as they were installed, on the same PostgreSQL and on another; and what was changed there shows.
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { type Cluster, canStart, startCluster } from "../data/cluster.js"
import { type Role, type TestDatabase, testDatabase } from "../database.js"
import { dumpIsOlder, program, psql } from "./programs.js"

const names = ["mem0", "memoric", "agenttrace", "audit-db", "ai-firewall"]
const schemaOf = (name: string) => `app_${name.replaceAll("-", "_")}`

let db: TestDatabase
let folder: string
let file: string
let writer: Role
let toolIsOlder: boolean
let cluster: Cluster | undefined
beforeAll(async () => {
  db = await testDatabase()
  const trail = await db.trail()
  writer = await db.role()
  for (const name of names) {
    await db.query(`create schema ${schemaOf(name)}`)
    await trail.installProfile(name, {
      schema: schemaOf(name),
      writers: [writer.name],
      readers: [writer.name],
    })
  }
  folder = await mkdtemp(join(tmpdir(), "pgtrail-profile-dump-"))
  file = join(folder, "whole.dump")
  toolIsOlder = await dumpIsOlder(db)
  if (!toolIsOlder) await program("pg_dump", "--format=custom", `--file=${file}`, db.url)
})
afterAll(async () => {
  await cluster?.remove()
  await db.drop()
  await rm(folder, { recursive: true, force: true })
})

/** By profile, what is not as it was installed. */
async function odd(trail: Trail): Promise<Record<string, string[]>> {
  const states = await trail.profiles()
  expect(states.map(({ name, installed }) => ({ name, installed }))).toEqual(
    names.map((name) => ({ name, installed: true })),
  )
  return Object.fromEntries(
    states.map(({ name, objects }) => [
      name,
      objects
        .filter(({ state }) => state !== "as installed")
        .map((object) => `${object.name} ${object.state} ${object.differs.join(", ")}`),
    ]),
  )
}

const nothing = Object.fromEntries(names.map((name) => [name, []]))

test("on the same PostgreSQL each of the five is as installed, and installing again records nothing", async ({
  skip,
}) => {
  if (toolIsOlder) skip("pg_dump is older than the server")
  const target = await testDatabase({ empty: true })
  await program("pg_restore", "--exit-on-error", `--dbname=${target.url}`, file)
  const trail = await target.trail()
  expect(await odd(trail)).toEqual(nothing)
  for (const name of names) {
    expect((await trail.installProfile(name, { schema: schemaOf(name) })).act).toBeNull()
  }
  expect(await odd(trail)).toEqual(nothing)
  await target.drop()
})

test("on another PostgreSQL each of the five is as installed, a view that was changed there shows, and who may make no view to compare with is told so", async ({
  skip,
}) => {
  if (toolIsOlder || !canStart) skip("pg_dump is older than the server, or no other server can be started")
  cluster = await startCluster({ empty: true })
  const { primary } = cluster
  await psql(primary.url, "-f", join(import.meta.dirname, "../../sql/roles.sql"))
  await primary.query(`create role "${writer.name}"`)
  await program("pg_restore", "--exit-on-error", `--dbname=${primary.url}`, file)
  const trail = await primary.trail()
  expect(await odd(trail)).toEqual(nothing)
  const [definition] = await primary.query("select pg_get_viewdef('app_mem0.audit_logs'::regclass) as sql")
  await primary.query(
    `create or replace view app_mem0.audit_logs with (security_barrier = true) as select * from (${definition?.sql?.replace(/;$/, "")}) v where user_id <> 'eve'`,
  )
  expect(await odd(trail)).toEqual({ ...nothing, mem0: ["audit_logs changed definition"] })
  await trail.installProfile("mem0", { schema: "app_mem0" })
  expect(await odd(trail)).toEqual(nothing)
  const [here] = await primary.query("select current_setting('server_version_num') as version")
  const [there] = await db.query("select current_setting('server_version_num') as version")
  if (here?.version === there?.version) return
  await primary.query("alter database pgtrail set default_transaction_read_only = on")
  const reading = await primary.trail()
  const states = Object.values(await odd(reading)).flat()
  expect(states.length).toBeGreaterThan(0)
  for (const state of states) expect(state).toMatch(/ made by another PostgreSQL $/)
})
