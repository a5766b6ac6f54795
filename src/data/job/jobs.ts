// The work that a log wants again and again: one table of it, in the order in which it is done where all of it is.
export type JobName = "maintain" | "verify" | "backup" | "retention" | "archive" | "summary" | "checkpoint"

export interface Job {
  readonly name: JobName
  /** Its advisory lock is (1885828210, -20 - number); never used again for another job. */
  readonly number: number
  readonly summary: string
  /** The command lines that it is, one after the other; the command line adds where a checkpoint goes. */
  readonly lines: readonly (readonly string[])[]
  /** Cron's five fields, in UTC. */
  readonly schedule: string
}

/**
 * `verify` is the whole verification, every night: an incremental one reads nothing again, so that an event altered after it was verified
 * stays unseen. Where the log is too large for that the schedule says once a week, and cron runs `pgtrail verify --incremental` on the other days.
 */
export const jobs: readonly Job[] = [
  {
    name: "maintain",
    number: 1,
    summary: "make the partitions that are due",
    lines: [["partition", "maintain"]],
    schedule: "15 1 * * *",
  },
  {
    name: "verify",
    number: 6,
    summary: "verify the whole log",
    lines: [["verify"]],
    schedule: "30 2 * * *",
  },
  {
    name: "backup",
    number: 7,
    summary: "back the log up",
    lines: [["backup", "create", "--incremental"]],
    schedule: "30 3 * * *",
  },
  {
    name: "retention",
    number: 2,
    summary: "purge what no rule keeps any more",
    lines: [["retention", "run"]],
    schedule: "30 4 * * *",
  },
  {
    name: "archive",
    number: 3,
    summary: "archive what is due, and remove archives past their keep",
    lines: [
      ["archive", "create", "--due"],
      ["archive", "remove", "--expired"],
    ],
    schedule: "30 5 * * *",
  },
  {
    name: "summary",
    number: 4,
    summary: "count what the daily summaries lack",
    lines: [["summary", "refresh"]],
    schedule: "*/10 * * * *",
  },
  {
    name: "checkpoint",
    number: 5,
    summary: "sign a checkpoint",
    lines: [["checkpoint", "create"]],
    schedule: "0 * * * *",
  },
]

/** Second key of its advisory lock. */
export const lockOf = ({ number }: Job): number => -20 - number

/** An exit code is no failure where another run was at work. */
export const busyExit = 5
