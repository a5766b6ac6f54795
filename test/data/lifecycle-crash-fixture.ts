// A log with what is due, and how a run is held at a step and killed there: for the tests that kill tools and servers.
import { expect } from "vitest"
import type { Trail, VerifyReport } from "../../src/data/index.js"
import { runInProcess } from "../cli/io.js"
import { until } from "./cluster.js"
import { append, type Fault, type Log, type Phase, retention } from "./lifecycle-crash-steps.js"
import { rewriteSmall } from "./retention-fixture.js"

export async function fill(log: Log): Promise<void> {
  await rewriteSmall(log)
  await dropLater(log)
  await log.query("select pgtrail.set_setting('retention-grace', '0d')")
  await log.query("select pgtrail.create_partitions('2020-01-01Z', '2020-03-01Z')")
  await log.query("select pgtrail.set_retention('policy', 'short', 100, confirmed => true)")
  await log.query("select pgtrail.set_retention('policy', 'long', 36500, confirmed => true)")
  await append(log, 40, "2020-01-10", "short")
  for (const policy of ["short", "long"]) await append(log, 20, "2020-02-10", policy)
  await append(log, 40, "2020-03-10", "long")
  await append(log, 4, "2020-03-10", "short")
  for (const month of ["2025-05", "2025-06"])
    for (const policy of ["short", "long"]) await append(log, 10, `${month}-10`, policy)
  // All that a verification reads, and which tables, partitions, constraints and triggers there are. Not that a run began and was killed.
  await log.query(`create function public.state() returns text language plpgsql set search_path = pg_catalog as $$
    declare
      relation regclass;
      rows text;
      state text := '';
    begin
      for relation in select c.oid from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.relkind = 'r'
        and c.relname <> 'retention_run' order by c.oid
      loop
        execute format('select md5(string_agg(md5(t::text), '''' order by md5(t::text))) from only %s t', relation) into rows;
        state := concat_ws(' ', state, relation::oid, relation, rows);
      end loop;
      return md5(concat(state,
        (select string_agg(concat_ws(' ', c.oid, c.relkind, c.relacl, pg_get_expr(c.relpartbound, 0)), ',' order by c.oid)
          from pg_class c where c.relnamespace = 'pgtrail'::regnamespace),
        (select string_agg(concat_ws(' ', k.conrelid, k.conname, k.convalidated, pg_get_constraintdef(k.oid)), ',' order by k.conrelid, k.conname)
          from pg_constraint k where k.connamespace = 'pgtrail'::regnamespace),
        (select string_agg(concat_ws(' ', g.tgrelid, g.tgname, g.tgenabled, g.tgfoid), ',' order by g.tgrelid, g.tgname)
          from pg_trigger g join pg_class c on c.oid = g.tgrelid where c.relnamespace = 'pgtrail'::regnamespace)));
    end $$`)
  // Waits by trying: lock_partitions leaves its lock timeout to the rest of the transaction.
  await log.query(`create function public.stop() returns event_trigger language plpgsql as $$
    declare identity text;
    begin
      for identity in select object_identity from pg_event_trigger_dropped_objects() loop
        while not pg_try_advisory_xact_lock_shared(42, hashtext(identity)) loop perform pg_sleep(0.01); end loop;
      end loop;
    end $$`)
  await log.query(`create function public.stop_trigger() returns event_trigger language plpgsql as $$
    declare identity text;
    begin
      for identity in select object_identity from pg_event_trigger_ddl_commands() loop
        while not pg_try_advisory_xact_lock_shared(42, hashtext(identity)) loop perform pg_sleep(0.01); end loop;
      end loop;
    end $$`)
  await log.query("create event trigger stop on sql_drop execute function public.stop()")
  await log.query(
    "create event trigger stop_trigger on ddl_command_end when tag in ('CREATE TRIGGER') execute function public.stop_trigger()",
  )
}

/** A server of its own has all that the installer makes, and each partition costs every question time: this month and the next will do. */
async function dropLater(log: Log): Promise<void> {
  const [row] = await log.query(
    `select string_agg(format('pgtrail.%I', p.name), ', ') as names from pgtrail.partitions() p
     where not p.is_default and p.since > now() + interval '1 month'`,
  )
  if (row?.names != null) await log.query(`drop table ${row.names}`)
}

/** All that is committed but events, whose tables may be locked; so may bounds with the name of the table. */
const committed = (log: Log) =>
  log.query(`select
    (select string_agg(concat_ws(' ', c.oid, c.relname, c.relkind, pg_get_expr(c.relpartbound, 0)), ', ' order by c.oid)
      from pg_class c where c.relnamespace = 'pgtrail'::regnamespace) as relations,
    (select string_agg(a.kind, ' ' order by a.seq) from pgtrail.act a) as acts,
    (select string_agg(concat_ws(' ', p.act_seq, p.lane, p.events), ', ' order by p.act_seq, p.lane) from pgtrail.purge p) as purges,
    (select string_agg(d.name, ' ') from pgtrail.detached_partition d) as detached`)

/** Of the command line, and of nothing else on this database. */
const tools =
  "from pg_stat_activity a where a.datname = current_database() and a.application_name = 'pgtrail' and a.pid <> pg_backend_pid()"

export interface Victim {
  /** Starts a run, and tells how it is killed, and what is so afterwards. */
  start(argv: readonly string[]): { kill(): Promise<void> }
}

/** The partitions ahead are named by the calendar. */
async function named(trail: Trail, hold: string): Promise<string> {
  if (!/FIRST|SECOND/.test(hold)) return hold
  const due = (await trail.maintainPartitions({ dryRun: true })).created
  const [first = "", second = ""] = due.filter(({ events }) => events === "0").map(({ name }) => name)
  return hold.replace("FIRST", first).replace("SECOND", second)
}

export interface Crashed {
  readonly log: Log
  readonly trail: Trail
  /** Of its last verification: what that read, and how much was there. */
  verified?: { readonly state: string; readonly covered: VerifyReport["covered"] }
}

/** Holds a run at its step, has it killed there, and tells what it left: the log is whole, and nothing was committed since. */
export async function killAt(crashed: Crashed, { run, step }: Fault, victim: Victim): Promise<void> {
  const { log, trail } = crashed
  const holder = await log.client()
  await holder.query(`begin; ${await named(trail, step.hold)}`)
  const [self] = (await holder.query("select pg_backend_pid() as pid")).rows
  const started = victim.start(run)
  try {
    await until(`it ${step.at}`, async () => {
      const waiting = await log.query(
        `select a.pid ${tools} and a.state = 'active' and ($1::int = any (pg_blocking_pids(a.pid)) or a.wait_event = 'PgSleep')`,
        [self.pid],
      )
      return waiting.length === 1
    })
    const before = await committed(log)
    await started.kill()
    await holder.query("rollback").catch(() => undefined)
    await until(
      "no session of it is left",
      async () => (await log.query(`select a.pid ${tools}`)).length === 0,
    )
    expect(await committed(log)).toEqual(before)
  } finally {
    await started.kill()
    await holder.end().catch(() => undefined)
  }
  await expectWhole(crashed, step.purged)
  if (step.due !== undefined)
    expect((await trail.maintainPartitions({ dryRun: true })).created).toHaveLength(step.due)
  if (run !== retention.run) return
  const [last] = await trail.retentionRuns({ limit: 1 })
  expect(last).toMatchObject({ outcome: "killed", ended_at: null })
}

const one = async (log: Log, sql: string) => Object.values((await log.query(sql))[0] ?? {})[0]

/** Intact at once, nothing lost and nothing purged twice, and no half of anything. */
export async function expectWhole(crashed: Crashed, purged?: number): Promise<void> {
  const { log, trail } = crashed
  const state = (await one(log, "select public.state()")) ?? ""
  // Of what is to a byte what was verified last, another verification would say the same.
  if (state !== crashed.verified?.state) {
    const { findings, covered } = await trail.verify({ jobs: 1, record: false })
    expect(findings).toEqual([])
    crashed.verified = { state, covered }
  }
  const { covered } = crashed.verified
  const appended = Number(await one(log, "select sum(h.seq) from pgtrail.newest_heads() h"))
  expect(Number(covered.events) + Number(covered.purged)).toBe(appended)
  if (purged !== undefined) expect(Number(covered.purged)).toBe(purged)
  expect(await one(log, "select coalesce(sum(p.events), 0) from pgtrail.purge p")).toBe(covered.purged)
  // In the same transaction as the purges.
  expect(await one(log, "select sum(r.events) from pgtrail.retention_run r")).toBe(covered.purged)
  expect(
    await log.query(
      `select c.relname from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and (c.relname ~ '_re(built|written)'
         or c.relkind = 'r' and c.relname ~ '^event_' and c.oid not in (select p.oid from pgtrail.partitions() p))
       union all select k.conname from pg_constraint k where k.conname = 'pgtrail_bounds'
         and k.conrelid not in (select p.oid from pgtrail.partitions() p where not p.attached)
       union all select l.mode from pg_locks l where l.locktype = 'advisory' and l.classid = 1885828210
         and l.database = (select d.oid from pg_database d where d.datname = current_database())`,
    ),
  ).toEqual([])
}

/** What a run that nobody disturbs leaves: who is there, in which partition. */
export async function live(log: Log): Promise<unknown> {
  const found: Record<string, unknown> = {}
  for (const { name, attached } of await log.query("select p.name, p.attached from pgtrail.partitions() p")) {
    const rows = await log.query(`select e.actor_id from only pgtrail."${name}" e order by e.actor_id`)
    found[`${name} ${attached}`] = rows.map((row) => row.actor_id)
  }
  return found
}

export async function undisturbed(log: Log, { run, first }: Phase): Promise<void> {
  await first?.(log)
  const ran = await runInProcess(run, { env: { PGTRAIL_URL: log.url } })
  expect(ran).toMatchObject({ exit: 0 })
}
