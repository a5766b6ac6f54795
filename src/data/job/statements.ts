// What is asked of pgtrail.job_run.
import { busyExit, jobs, lockOf } from "./jobs.js"

/** More than a year is kept, and of each job its last run and its last success. */
export const oldRunsSql = `delete from pgtrail.job_run r where r.started_at < clock_timestamp() - interval '400 days'
  and exists (select from pgtrail.job_run n where n.job = r.job and n.started_at > r.started_at)
  and (r.exit_code is distinct from 0
    or exists (select from pgtrail.job_run n where n.job = r.job and n.started_at > r.started_at and n.exit_code = 0))`

const known = jobs.map((job) => `('${job.name}', ${4_294_967_296 + lockOf(job)})`).join(", ")

/**
 * A row for each job that ever ran. Of one without an end the newest is at work, if anybody has the job's lock. \`last_*\` is the newest run
 * that came to something: neither at work nor one that found another at work.
 */
export const statesSql = `
select j.job, n.run_id as run, n.started_at, n.ended_at, n.exit_code, n.session_user_name, n.message, n.due_at, n.is_running,
  extract(epoch from coalesce(n.ended_at, case when n.is_running then now() end) - n.started_at)::numeric(20, 3) as duration_seconds,
  s.started_at as last_success, extract(epoch from now() - s.started_at)::bigint as last_success_age_seconds,
  o.started_at as last_started_at, o.ended_at as last_ended_at, o.exit_code as last_exit_code, o.message as last_message,
  extract(epoch from o.ended_at - o.started_at)::numeric(20, 3) as last_duration_seconds,
  not n.is_running and coalesce(n.due_at + greatest(interval '1 hour', (n.due_at - n.started_at) / 4) < now(), false) as is_late
from (values ${known}) j (job, lock)
cross join lateral (
  select r.*, r.ended_at is null and exists (
    select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = 1885828210
      and l.objid::bigint = j.lock and l.database = (select d.oid from pg_database d where d.datname = current_database())
  ) as is_running
  from pgtrail.job_run r where r.job = j.job order by r.started_at desc limit 1
) n
left join lateral (
  select r.started_at from pgtrail.job_run r where r.job = j.job and r.exit_code = 0 order by r.started_at desc limit 1
) s on true
left join lateral (
  select r.* from pgtrail.job_run r
  where r.job = j.job and r.exit_code is distinct from ${busyExit} and not (n.is_running and r.run_id = n.run_id)
  order by r.started_at desc limit 1
) o on true`
