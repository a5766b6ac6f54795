// PostgreSQL's own programs on a log of the tests, and servers that are started from the programs of the tested one.
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect } from "vitest"
import { type Cluster, type ClusterOptions, startCluster } from "../data/cluster.js"
import type { TestDatabase } from "../database.js"

const run = promisify(execFile)

/** Runs one; its answer. What it says on stderr is in the error. */
export const program = async (name: string, ...argv: string[]): Promise<string> =>
  (await run(name, argv, { maxBuffer: 256 * 1024 * 1024 })).stdout

export const psql = (url: string, ...argv: string[]): Promise<string> =>
  program("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", url, ...argv)

/** pg_dump refuses a server that is newer than itself. */
export async function dumpIsOlder(db: Pick<TestDatabase, "query">): Promise<boolean> {
  const tool = /(\d+)(\.|beta|rc)/.exec(await program("pg_dump", "--version"))?.[1]
  const [server] = await db.query("select current_setting('server_version_num')::int / 10000 as major")
  return Number(tool) < Number(server?.major)
}

/** A server of the test's own, of the tested one's version; undefined where that one runs elsewhere. */
export async function ownServer(
  db: TestDatabase,
  options: Omit<ClusterOptions, "programs"> = {},
): Promise<Cluster | undefined> {
  const [row] = await db.query("select setting as bin from pg_config where name = 'BINDIR'")
  const bin = row?.bin ?? ""
  return existsSync(join(bin, "postgres"))
    ? startCluster({ ...options, programs: join(bin, "..") })
    : undefined
}

/** What a verification says of what is where, without recording it. */
export async function verified(
  log: Pick<TestDatabase, "trail">,
): Promise<{ verdict: string; findings: string[]; covered: object }> {
  const trail = await log.trail()
  const { verdict, findings, covered } = await trail.verify({ jobs: 1, record: false })
  const found = findings.map(
    (one) => `${one.kind} ${one.organization_id ?? "-"}/${one.lane ?? "-"}/${one.seq ?? "-"}`,
  )
  return { verdict, findings: found.sort(), covered }
}

/** Appending, from a snapshot of its own and from an old one, goes on where the chain ends, and nothing but acts removes. */
export async function expectAtWork(log: Pick<TestDatabase, "query" | "trail" | "client">): Promise<void> {
  const trail = await log.trail()
  expect(await trail.verify({ jobs: 1 })).toMatchObject({ verdict: "intact", not_recorded: null })
  const client = await log.client()
  for (const isolation of ["read committed", "repeatable read"]) {
    await client.query(`begin isolation level ${isolation}`)
    await client.query(
      "insert into pgtrail.event (organization_id, event_type) values ('acme', 'x'), ('acme', 'x')",
    )
    await client.query("commit")
  }
  await expect(client.query("delete from pgtrail.event")).rejects.toMatchObject({ code: "TR002" })
  await client.end()
  expect(await trail.verify({ jobs: 1, incremental: true })).toMatchObject({
    verdict: "intact",
    covered: { events: "4" },
  })
  await trail.close()
}
