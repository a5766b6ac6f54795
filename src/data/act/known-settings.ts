// The settings that belong to the log: what a new one has, and what each is.
type Known = Readonly<
  Record<string, { readonly initial: string; readonly unit: string; readonly meaning: string }>
>

/** Those that came with retention: a log that nobody set them of has no row, and their initial value. */
export const laterSettings: Known = {
  "organization-keep-least": {
    initial: "none",
    unit: "days",
    meaning: "the shortest period that a policy of one organization may have, 1d to 36500d",
  },
  "organization-keep-most": {
    initial: "none",
    unit: "days",
    meaning: "the longest period that a policy of one organization may have, 1d to 36500d",
  },
  "partition-interval": {
    initial: "month",
    unit: "week, month, quarter or year",
    meaning: "how much time a partition has; chosen by pgtrail install, not changed",
  },
  "partitions-ahead": {
    initial: "6",
    unit: "partitions",
    meaning: "how many pgtrail partition maintain keeps after that of today, 0 to 120",
  },
  "retention-grace": {
    initial: "7d",
    unit: "days",
    meaning: "nothing is purged sooner after it arrived or its period was shortened, 0d to 9999d",
  },
}

/** What people may change; sql/functions/set_setting.sql checks the values. */
export const knownSettings: Known = {
  "event-size-limit": {
    initial: "1048576",
    unit: "bytes",
    meaning: "the largest event that is taken, 65536 to 1073741824",
  },
  "require-signed-acts": {
    initial: "off",
    unit: "on or off",
    meaning:
      "on: settings, accepted findings, incarnations, purges, released holds and rules of retention need --key",
  },
  ...laterSettings,
}
