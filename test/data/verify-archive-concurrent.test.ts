// A verification that runs while events are archived, restored and archives removed finds nothing that is not so.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest"
import type { VerifyOptions } from "../../src/data/index.js"
import { runBlocking } from "./blocking.js"
import { type LifecycleLog, lifecycleLog } from "./lifecycle-fixture.js"

let log: LifecycleLog
beforeEach(async () => {
  log = await lifecycleLog()
  await log.db.query(functions)
})
afterEach(() => log.db.drop())

/** Archives a partition without files, and brings its events back from a copy of them. */
const functions = `
create function public.archive(partition text) returns text language plpgsql as $$
declare
  about jsonb := jsonb_build_object('name', partition || '-20261121T190000Z-' || substr(md5(random()::text), 1, 6), 'location', 'file:///nowhere',
    'manifest', repeat('ab', 32), 'bytes', 1000, 'due', false, 'records', null,
    'at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
  asked jsonb;
  digest text;
begin
  select p.places into asked from pgtrail.purge_partition(partition, 'archived', archive => about, patience => '150 milliseconds') p;
  execute format('create table if not exists public.%I (like pgtrail.event)', partition || '_rows');
  execute format('insert into public.%I select * from pgtrail.%I', partition || '_rows', partition);
  execute format($q$
    with run as (
      select e.*, e.seq - row_number() over (partition by e.organization_id, e.lane order by e.seq) as run
      from jsonb_to_recordset($1) p (organization_id text, lane smallint, ranges text)
      join pgtrail.%I e on e.organization_id = p.organization_id and e.lane = p.lane and p.ranges::int8multirange @> e.seq
    ), range as (
      select organization_id, lane, min(seq) as first, max(seq) as last, (array_agg(previous_hash order by seq))[1] as before,
        (array_agg(hash order by seq desc))[1] as hash, count(*) as n, min(occurred_at) as oo, max(occurred_at) as no,
        min(recorded_at) as orr, max(recorded_at) as nr
      from run group by 1, 2, run
    ), lane as (
      select organization_id, lane, range_agg(int8range(first, last, '[]'))::text as ranges, string_agg(before || hash, '' order by first) as hashes,
        sum(n)::bigint as events, min(oo) as oo, max(no) as no, min(orr) as orr, max(nr) as nr
      from range group by 1, 2
    )
    select encode(sha256(string_agg(record_send(row('pgtrail purge'::text, organization_id, lane, ranges, hashes, events, oo, no, orr, nr)), ''
      order by organization_id collate "C", lane)), 'hex') from lane $q$, partition)
  into digest using asked;
  perform p.seq from pgtrail.purge_partition(partition, 'archived', archive => about || jsonb_build_object('records', digest),
    patience => '150 milliseconds') p where p.seq is not null;
  if not found then raise exception 'nothing was archived'; end if;
  return about->>'name';
end $$;
create function public.restore(partition text) returns void language plpgsql as $$
declare
  archive pgtrail.archive;
begin
  select a.* into archive from pgtrail.archive a where a.partition_name = partition and a.restored_seq is null;
  perform pgtrail.restore_stage();
  execute format('insert into pg_temp.pgtrail_restored select e.* from public.%I e join pgtrail.purge p
    on p.act_seq = $1 and p.organization_id = e.organization_id and p.lane = e.lane and p.ranges @> e.seq', partition || '_rows') using archive.act_seq;
  perform pgtrail.restore_archive(archive.name, 'wanted');
  execute format('drop table public.%I', partition || '_rows');
end $$`

const life = [
  "select public.archive('event_2020_02')",
  "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('globex', 'late', '2020-02-09Z')",
  "select public.restore('event_2020_02')",
  "select public.archive('event_2020_01')",
  "select public.restore('event_2020_01')",
  "select public.archive('event_2020_03')",
  "select public.restore('event_2020_03')",
  "select pgtrail.release_hold('C1', 'over')",
  "select public.archive('event_2020_01')",
  "select pgtrail.remove_archive(name, 'nobody wants it') from pgtrail.archive where restored_seq is null",
  "insert into pgtrail.event (organization_id, event_type, occurred_at) values ('acme', 'new', now())",
]

/** Runs the next statement whenever the verification asks whether to stop, or tells how far it is; where it holds a lock, the next time. */
function meanwhile(every: number) {
  const left = [...life]
  let asked = 0
  const step = () => {
    asked += 1
    const [sql] = left
    if (sql === undefined || asked % every !== 0) return
    try {
      runBlocking(log.db.url, `set lock_timeout = '150ms';; ${sql}`)
      left.shift()
    } catch (error) {
      if (!/could not be locked within|lock timeout/.test(String(error))) throw error
    }
  }
  const signal = Object.assign(new AbortController().signal, { throwIfAborted: step })
  return { signal, progress: step, left }
}

describe("nothing is found", () => {
  test.each([
    ["of the whole log", {}],
    ["of the whole log, by two workers", { jobs: 2 }],
    ["of one organization", { organization: "globex" }],
    ["of a time", { since: "2020-01-20", until: "2020-03-20" }],
    ["in the order of chains", { maxSeconds: 60 }],
    ["of what is new", { incremental: true }],
  ] satisfies [string, VerifyOptions & { every?: number }][])("%s", async (_, given) => {
    const { every, ...options }: VerifyOptions & { every: number } = { every: 1, ...given }
    if (options.incremental) await log.verify({ record: true })
    const { signal, progress, left } = meanwhile(every)
    for (let round = 0; left.length > 0 && round < 40; round++) {
      const report = await log.verify({ ...options, signal, progress })
      expect([report.verdict, report.findings, report.unread, left.length]).toEqual([
        "intact",
        [],
        [],
        left.length,
      ])
    }
    expect(left).toEqual([])
    expect(await log.verify()).toMatchObject({ verdict: "intact", findings: [] })
  })
})

describe("with the files of archives", () => {
  const base = mkdtempSync(join(tmpdir(), "pgtrail-verify-"))
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  test("nothing is found, and none is missing, while they are made, restored and removed", async () => {
    const { trail } = log
    let isOver = false
    const reports: string[] = []
    const verifying = async () => {
      while (!isOver) {
        const { verdict, findings, archives } = await log.verify({ archives: ["recorded"] })
        reports.push(
          `${verdict} ${findings.map(({ message }) => message)} ${archives.missing.map(({ name }) => name)}`,
        )
      }
    }
    const living = async () => {
      await log.db.query("select pgtrail.release_hold('C1', 'over')")
      for (const [partition, isRestored] of [
        ["event_2020_01", true],
        ["event_2020_02", false],
      ] as const) {
        const to = pathToFileURL(base).href
        const { partitions, failed } = await trail.createArchives({ to, partition, reason: "cold" })
        expect(failed).toEqual([])
        const name = partitions[0]?.archive ?? ""
        if (isRestored) await trail.restoreArchive(name, { reason: "wanted" })
        await trail.removeArchive(name, { confirm: name, reason: "over" })
      }
      isOver = true
    }
    await Promise.all([
      verifying(),
      living().finally(() => {
        isOver = true
      }),
    ])
    expect(new Set(reports)).toEqual(new Set(["intact  "]))
  })
})
