// The jobs as far as SQL alone can do them, for pg_cron.
import { jobs, lockOf } from "./jobs.js"
import { leftOut, type PrintedJob, type PrintOptions } from "./print-cron.js"
import { longestPeriod } from "./schedule.js"

const reasons: Readonly<Record<string, string>> = {
  maintain: "moves what DEFAULT holds in transactions of its own, which wait for a free moment",
  verify: "computes every hash outside the database, which is the point of it",
  retention: "goes partition by partition, and signs its acts where the log wants that",
  archive: "writes files outside the database",
  backup: "writes files outside the database",
  checkpoint: "signs with a key that the database must not have",
}

/** Where pg_cron can do a job: the statement that it runs. */
export function pgCronStatement({ name, schedule }: PrintedJob, now: number): string | undefined {
  if (name !== "summary") return undefined
  const job = jobs.find((one) => one.name === name)
  const lock = job === undefined ? 0 : lockOf(job)
  // As much as one run may take; what is left the next one counts.
  return `do $job$
declare
  began timestamptz := clock_timestamp();
  counted record;
begin
  if not pg_catalog.pg_try_advisory_xact_lock(1885828210, ${lock}) then return; end if;
  for portion in 1..20 loop
    select * into counted from pgtrail.refresh_summary(50000);
    exit when counted.behind = 0 and counted.days_left = 0;
  end loop;
  insert into pgtrail.job_run (job, started_at, ended_at, exit_code, due_at)
  values ('${name}', began, clock_timestamp(), 0, began + interval '${longestPeriod(schedule, now)} seconds');
end
$job$`
}

export function printPgCron(options: PrintOptions, now: number): string {
  const comment = (line: string): string => line.replace(/^#/, "--")
  const { user, database } = options
  const place = database ?? "DATABASE"
  return [
    "-- The jobs of the audit log that SQL alone can do, for pg_cron 1.4 or later: run this in its database (cron.database_name).",
    `-- pg_cron's times are UTC unless cron.timezone says otherwise.${database === undefined ? " In the place of DATABASE the one that the log is in." : ""}`,
    ...leftOut(options).map(comment),
    ...options.jobs.map((job) => {
      const statement = pgCronStatement(job, now)
      if (statement === undefined)
        return `-- ${job.name} is not for pg_cron: it ${reasons[job.name]}; pgtrail job print cron or systemd`
      const who = user === undefined ? "" : `, username => ${literal(user)}`
      return `select cron.schedule_in_database('pgtrail-${job.name}', '${job.schedule.text}', $pgtrail$${statement}$pgtrail$, ${literal(place)}${who});`
    }),
    "",
  ].join("\n")
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
