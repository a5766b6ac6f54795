// The thresholds of `pgtrail status` as options that the environment and pgtrail.json can give.
import { readThreshold, thresholdPaths } from "../data/status/checks.js"
import { threshold } from "./options.js"

export const statusThresholds = Object.fromEntries(
  thresholdPaths().map(({ path, summary, fallback, name }) => [
    path,
    threshold(summary, fallback, (typed, shown) => {
      readThreshold(name, typed, shown)
      return typed
    }),
  ]),
)
