// What the configuration says of the jobs, below `job`: when each is due, and where checkpoints go.
import { TrailError } from "../../data/errors.js"
import { type Job, type JobName, jobs } from "../../data/job/jobs.js"
import { readSchedule, type Schedule } from "../../data/job/schedule.js"
import { near } from "../../data/near.js"
import type { Values } from "../command.js"
import { file, type Option, type Options } from "../options.js"

function scheduleOption({ summary, schedule }: Job): Option<string> {
  const parse = (typed: string): string => {
    readSchedule(typed, "--schedule")
    return typed
  }
  const words = `when to ${summary}: cron's five fields in UTC, or never`
  return {
    kind: "text",
    flags: "--schedule <cron>",
    summary: words,
    fallback: schedule,
    takes: "value",
    parse,
  }
}

/** For `configuration` of the commands of jobs, with `configuredUnder: "job"`. */
export const jobConfiguration: Options = {
  ...Object.fromEntries(jobs.map((job) => [`${job.name}.schedule`, scheduleOption(job)])),
  "checkpoint.folder": file("--folder <file>", "the folder that the job writes its checkpoints into"),
}

export interface JobSettings {
  /** Undefined: never. */
  readonly schedules: ReadonlyMap<JobName, Schedule | undefined>
  readonly folder: string | undefined
}

export function jobSettings(configuration: Values): JobSettings {
  return {
    schedules: new Map(
      jobs.map(({ name }) => [name, readSchedule(String(configuration[`${name}.schedule`]), `job.${name}`)]),
    ),
    // Checked by its own option.
    folder: configuration["checkpoint.folder"] as string | undefined,
  }
}

/** Throws `usage` for a name that no job has; each once, in the order of the table. */
export function jobsNamed(names: readonly string[]): readonly Job[] {
  for (const name of names) {
    if (jobs.some((job) => job.name === name)) continue
    const known = jobs.map((job) => job.name)
    const [meant] = near(name, known, 1)
    throw new TrailError(
      "usage",
      `there is no job ${JSON.stringify(name)}${meant === undefined ? `; there is ${known.join(", ")}` : `, did you mean ${meant}?`}`,
      { hint: "pgtrail job list" },
    )
  }
  return jobs.filter(({ name }) => names.includes(name))
}
