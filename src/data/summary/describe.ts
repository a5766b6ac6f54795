// What a refresh did, in words.
import { plural } from "../words.js"
import type { Refreshed } from "./refresh.js"

export function describeRefreshed({ events, days, missing, wrong, behind, days_left }: Refreshed): string {
  return [
    `${plural(events, "event")} counted${days === "0" ? "" : `, ${plural(days, "day")} counted again`}`,
    ...(behind === "0" && days_left === "0"
      ? []
      : [`left: ${plural(behind, "event")}${days_left === "0" ? "" : ` and ${plural(days_left, "day")}`}`]),
    ...(missing === "0"
      ? []
      : [`${plural(missing, "event")} missing in the log, and no purge tells why: pgtrail verify`]),
    ...(wrong === "0"
      ? []
      : [`${plural(wrong, "day")} of an unfinished rebuild had been wrong, and are right now`]),
  ].join("\n")
}
