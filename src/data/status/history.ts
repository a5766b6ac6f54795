// What was done to prove the log: the last verification, the last checkpoint, and when each job last succeeded.
import type { ClientBase } from "pg"
import type { JobState } from "../job/states.js"
import { writeTime } from "../query/columns.js"
import { ageWords, type Check, check, measured, type Thresholds } from "./checks.js"

export interface LastVerification {
  readonly seq: string
  readonly recorded_at: string
  /** Below 0: the clock was wrong. */
  readonly age_seconds: string
  readonly verdict: string
  readonly findings: string
  /** Of these findings, accepted since. */
  readonly accepted_since: string
  /** JSON text. */
  readonly parameters: string
}

export interface LastCheckpoint {
  readonly seq: string
  readonly recorded_at: string
  readonly age_seconds: string
  readonly name: string
}

/** Work that has to be done again and again; null where it never was, or never succeeded. */
export interface JobStatus {
  readonly name: string
  readonly last_run: string | null
  readonly last_success: string | null
  readonly last_success_age_seconds: string | null
  /** Of the newest run by `pgtrail job` that came to something; null where there is none. */
  readonly outcome: string | null
  readonly exit_code: string | null
  readonly duration_seconds: string | null
  /** When it is due next, by the schedule of whoever ran it. */
  readonly due_at: string | null
}

export interface History {
  readonly acts: readonly { seq: string; kind: string; recorded_at: string; session_user_name: string }[]
  /** Of the whole log, in one run or from the last one on. */
  readonly verified: LastVerification | null
  readonly checkpoint: LastCheckpoint | null
  readonly accepted_findings: string
  /** As the acts tell it, whoever did it and by which means. */
  readonly jobs: readonly Pick<JobStatus, "name" | "last_run" | "last_success" | "last_success_age_seconds">[]
}

/** Parameters hold whatever a role that may record wrote there: no cast that could fail. */
const whole = `a.parameters->'requested'->>'organization' is null and a.parameters->'requested'->>'since' is null
  and a.parameters->'requested'->>'until' is null and a.parameters->'requested'->>'from' is null
  and a.parameters->>'next' is null`
const age = "extract(epoch from now() - a.recorded_at)::bigint as age_seconds"
/** In seconds; clocks of two servers differ by less. */
const skew = 300

export async function history(client: ClientBase): Promise<History> {
  const newest = await client.query<History["acts"][number]>(
    "select a.seq, a.kind, a.recorded_at, a.session_user_name from pgtrail.act a order by a.seq desc limit 5",
  )
  const verified = await client.query<LastVerification>(
    `select a.seq, a.recorded_at, ${age}, coalesce(a.parameters->>'verdict', '') as verdict,
       coalesce(a.parameters->>'findings_total', '0') as findings, (
         select count(*) from jsonb_array_elements(
           case when jsonb_typeof(a.parameters->'findings') = 'array' then a.parameters->'findings' else '[]' end) f
         where exists (select from pgtrail.act b where b.kind = 'accept' and b.seq > a.seq
           and b.parameters->'finding'->>'id' = f->>'id')) as accepted_since, a.parameters
     from pgtrail.act a where a.kind = 'verify' and ${whole} order by a.seq desc limit 1`,
  )
  const intact = await client.query<{ recorded_at: string; age_seconds: string }>(
    `select a.recorded_at, ${age} from pgtrail.act a
     where a.kind = 'verify' and ${whole} and a.parameters->>'verdict' = 'intact' order by a.seq desc limit 1`,
  )
  const checkpoint = await client.query<LastCheckpoint>(
    `select a.seq, a.recorded_at, ${age}, coalesce(a.parameters->>'name', '') as name
     from pgtrail.act a where a.kind = 'checkpoint' order by a.seq desc limit 1`,
  )
  const accepted = await client.query<{ accepted: string }>(
    "select count(*) as accepted from pgtrail.act a where a.kind = 'accept'",
  )
  const last = verified.rows[0] ?? null
  const signed = checkpoint.rows[0] ?? null
  return {
    acts: newest.rows.map((row) => ({ ...row, recorded_at: writeTime(row.recorded_at) })),
    verified: last && { ...last, recorded_at: writeTime(last.recorded_at) },
    checkpoint: signed && { ...signed, recorded_at: writeTime(signed.recorded_at) },
    accepted_findings: accepted.rows[0]?.accepted ?? "0",
    jobs: [job("verify", last, intact.rows[0]), job("checkpoint", signed, signed)],
  }
}

type Run = Pick<LastCheckpoint, "recorded_at" | "age_seconds"> | null | undefined

/** A verification, a checkpoint and a backup are told by their acts, which know of those that no job did. */
export function jobStatus(
  found: Pick<History, "jobs"> | null,
  states: readonly JobState[],
  backup: Run = null,
): JobStatus[] {
  const byActs = [...(found?.jobs ?? []), ...(backup === null ? [] : [job("backup", backup, backup)])]
  const names = [...new Set([...byActs.map(({ name }) => name), ...states.map((state) => state.job)])]
  return names.map((name) => {
    const state = states.find((one) => one.job === name)
    return {
      name,
      last_run: state?.started_at ?? null,
      last_success: state?.last_success ?? null,
      last_success_age_seconds: state?.last_success_age_seconds ?? null,
      ...byActs.find((one) => one.name === name),
      outcome: state?.last?.outcome ?? null,
      exit_code: state?.last?.exit_code ?? null,
      duration_seconds: state?.last?.duration_seconds ?? null,
      due_at: state?.due_at ?? null,
    }
  })
}

const job = (name: string, run: Run, success: Run): History["jobs"][number] => ({
  name,
  last_run: writeTime(run?.recorded_at ?? null),
  last_success: writeTime(success?.recorded_at ?? null),
  last_success_age_seconds: success?.age_seconds ?? null,
})

/** A log that is younger than the threshold is not late yet: what never was counts from the installation. */
export function historyChecks(found: History | null, installedFor: number, thresholds: Thresholds): Check[] {
  if (found === null) {
    const hidden = "this role may not read the acts"
    return [
      check("verification", "unknown", hidden),
      measured("verification-age", null, hidden, thresholds),
      measured("checkpoint-age", null, hidden, thresholds),
    ]
  }
  const { verified, checkpoint } = found
  return [
    verdict(verified),
    since("verification-age", verified, installedFor, thresholds),
    since("checkpoint-age", checkpoint, installedFor, thresholds),
  ]
}

export function since(
  name: "verification-age" | "checkpoint-age" | "backup-age",
  done: Pick<LastCheckpoint, "seq" | "age_seconds"> | null,
  installedFor: number,
  thresholds: Thresholds,
): Check {
  if (done === null)
    return measured(name, installedFor, `never, installed ${ageWords(installedFor)} ago`, thresholds)
  const age = Number(done.age_seconds)
  // Otherwise it would never be late, until that time has come.
  if (age < -skew) {
    const message = `act ${done.seq} is ${ageWords(-age)} in the future: the server's clock was wrong then, or is now`
    const one = measured(name, 0, message, thresholds)
    return one.warning === null && one.critical === null ? one : { ...one, state: "warning" }
  }
  return measured(name, Math.max(0, age), `${ageWords(age)} ago, act ${done.seq}`, thresholds)
}

function verdict(verified: LastVerification | null): Check {
  // How long that may stay so, the age decides.
  if (verified === null) return check("verification", "ok", "never verified")
  const { verdict: said, findings, accepted_since: accepted, recorded_at: at } = verified
  const found = findings === "0" ? "" : `, ${findings} ${findings === "1" ? "finding" : "findings"}`
  const more = accepted === "0" ? "" : ` (${accepted} accepted since)`
  const all = found !== "" && Number(accepted) >= Number(findings)
  const state =
    said === "intact" ? "ok" : /^(tampered|rolled_back)$/.test(said) && !all ? "critical" : "warning"
  return check("verification", state, `${said === "" ? "no verdict" : said}${found}${more} at ${at}`)
}
