// How the last run of retention ended, and how long ago it was: a run that fails every night must not go unseen.
import type { ClientBase } from "pg"
import { type PastRun, retentionRuns } from "../retention/list.js"
import { plural, visible } from "../words.js"
import { ageWords, type Check, check, measured, type Thresholds } from "./checks.js"

/** A log that never had a run may have nothing whose time is over: it is told, and no warning. */
export async function retentionChecks(client: ClientBase, thresholds: Thresholds): Promise<Check[]> {
  const { rows: able } = await client.query<{ there: string; reads: string }>(
    `select to_regclass('pgtrail.retention_run') is not null as there,
       coalesce(has_table_privilege(to_regclass('pgtrail.retention_run'), 'select'), false) as reads`,
  )
  // An older log has none; that a migration is pending is told.
  if (able[0]?.there !== "t") return []
  if (able[0].reads !== "t") {
    const hidden = "this role may not read the runs of retention"
    return [check("retention", "unknown", hidden), measured("retention-age", null, hidden, thresholds)]
  }
  const [last] = await retentionRuns(client, { limit: 1 })
  if (last === undefined) {
    return [
      check("retention", "ok", "never run"),
      { ...measured("retention-age", 0, "never run", thresholds), value: null },
    ]
  }
  const { rows } = await client.query<{ age: string }>(
    "select greatest(0, extract(epoch from now() - $1::timestamptz))::bigint as age",
    [last.started_at],
  )
  const age = Number(rows[0]?.age ?? "0")
  return [outcome(last), measured("retention-age", age, `${ageWords(age)} ago`, thresholds)]
}

function outcome({ outcome, started_at: at, message, events, remaining }: PastRun): Check {
  const next = "pgtrail retention list"
  if (outcome === "failed") {
    const why = message === null ? "" : `: ${visible(message)}`
    return check("retention", "warning", `the run of ${at} failed${why}; ${next}`)
  }
  if (outcome === "killed") {
    return check("retention", "warning", `the run of ${at} was killed; run it again: pgtrail retention run`)
  }
  if (outcome === "running") return check("retention", "ok", `at work since ${at}`)
  const left =
    outcome === "limit"
      ? `, stopped at its own limit${remaining === null ? "" : `, ${plural(remaining, "event")} left`}`
      : ""
  return check("retention", "ok", `purged ${plural(events, "event")}${left}, at ${at}`)
}
