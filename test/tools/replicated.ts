// A log that is published and subscribed to, in two databases of one server: as README says it is done.
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import pg from "pg"
import { open, type Trail } from "../../src/data/index.js"
import { type Cluster, type Server, until } from "../data/cluster.js"
import type { TextRow } from "../database.js"
import { urlOfDatabase } from "../url.js"
import { program, psql } from "./programs.js"

export const settings = {
  wal_level: "logical",
  max_connections: "60",
  max_wal_senders: "20",
  max_replication_slots: "20",
  max_worker_processes: "20",
  max_logical_replication_workers: "12",
  max_sync_workers_per_subscription: "6",
  // Else each table of the first copy waits for seconds.
  wal_retrieve_retry_interval: "10ms",
}

/** All tables of the log, those of detached partitions too; the partitions are published as their parent. */
export const publication = `select format('create publication pgtrail for table %s with (publish_via_partition_root = true)',
    string_agg(c.oid::regclass::text, ', ')) as sql
  from pg_class c
  where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`

/** On the subscriber: takes away what purges took away there by dropping a partition or writing it anew. */
export const followPurges = `begin;
  set local session_replication_role = replica;
  delete from pgtrail.event e using pgtrail.purge p
  where p.restored_seq is null and e.organization_id = p.organization_id and e.lane = p.lane and e.seq <@ p.ranges;
  commit`

export interface Copy {
  readonly url: string
  query(sql: string): Promise<TextRow[]>
  trail(): Promise<Trail>
  client(): Promise<pg.Client>
  /** Waits until all that is committed at the publisher is here. */
  caughtUp(): Promise<void>
  /** Ends the subscription, and takes the slot away: the copy is a log of its own. */
  takeOver(): Promise<void>
  close(): Promise<void>
}

/** Who copies may log in, in a cluster whose server is another operating system user than the one who started it. */
export async function allowReplication({ primary }: Cluster): Promise<void> {
  const path = join(primary.pgdata, "pg_hba.conf")
  await writeFile(path, `local all replicator trust\n${await readFile(path, "utf8")}`)
  await primary.query("select pg_reload_conf()")
  await primary.query("create role replicator login replication in role pg_read_all_data")
}

/** The schema by pg_dump, the rows by a subscription; returns when all tables are copied and it follows. */
export async function subscribed(publisher: Server, name: string, of = "pgtrail"): Promise<Copy> {
  await publisher.query(`create database ${name} template template0 encoding 'UTF8'`)
  const url = urlOfDatabase(publisher.url, name)
  const schema = join(publisher.pgdata, "..", `${name}.sql`)
  await program("pg_dump", "--schema-only", "--schema=pgtrail", `--file=${schema}`, publisher.url)
  await psql(url, "-1", "-f", schema)
  const clients: pg.Client[] = []
  const trails: Trail[] = []
  const client = async () => {
    const made = new pg.Client({
      connectionString: url,
      types: { getTypeParser: () => (text: string) => text },
    })
    await made.connect()
    clients.push(made)
    return made
  }
  const own = await client()
  const query = async (sql: string) => (await own.query<TextRow>(sql)).rows
  // Within one server CREATE SUBSCRIPTION would wait for itself to make the slot.
  await publisher.query("select pg_create_logical_replication_slot($1, 'pgoutput')", [name])
  const host = decodeURIComponent(/host=([^&]+)/.exec(publisher.url)?.[1] ?? "")
  await query(
    `create subscription ${name} connection 'host=${host} port=5432 user=replicator dbname=pgtrail'
     publication ${of} with (create_slot = false, slot_name = '${name}')`,
  )
  await until("every table is copied", async () => {
    const [row] = await query("select bool_and(srsubstate = 'r') as done from pg_subscription_rel")
    return row?.done === "t"
  })
  return {
    url,
    query,
    client,
    async trail() {
      const trail = await open({ connectionString: url, applicationName: "test" })
      trails.push(trail)
      return trail
    },
    async caughtUp() {
      // A commit that is flushed: one of synchronous_commit = off may stay in memory, which no subscriber is sent.
      await publisher.query(
        "set synchronous_commit = local; select pg_logical_emit_message(true, 'test', '')",
      )
      const [written] = await publisher.query("select pg_current_wal_flush_lsn() as lsn")
      await until("the subscriber has all", async () => {
        const [row] = await publisher.query(
          "select confirmed_flush_lsn >= $2::pg_lsn as done from pg_replication_slots where slot_name = $1",
          [name, written?.lsn],
        )
        return row?.done === "t"
      })
    },
    async takeOver() {
      await query(`alter subscription ${name} disable`)
      await query(`alter subscription ${name} set (slot_name = none)`)
      await query(`drop subscription ${name}`)
      await until("nobody reads the slot", async () => {
        const rows = await publisher.query(
          "select from pg_replication_slots where slot_name = $1 and active",
          [name],
        )
        return rows.length === 0
      })
      await publisher.query("select pg_drop_replication_slot($1)", [name])
    },
    async close() {
      for (const trail of trails) await trail.close()
      for (const session of clients) await session.end()
    },
  }
}
