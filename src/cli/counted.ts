// What the commands that count share: their period, their limit, and what they say of what they counted.
import type { EventFilter } from "../data/query/criteria.js"
import { readLimit } from "../data/query/typed.js"
import { grouped, plural } from "../data/words.js"
import { describeFilter, eventFilterOptions, readEventFilter } from "./event-filter.js"
import { type OptionValues, text } from "./options.js"

const usual = "30d"

/** To be spread into the options of a command that counts: the last 30 days, unless another time is given. */
export const countOptions = {
  ...eventFilterOptions,
  since: text("--since <time>", "that occurred at this time or later; 0001-01 for all", usual),
  limit: text("--limit <n>", 'at most this many, or "all"', "100"),
}

type Values = OptionValues<typeof countOptions>

export function readCountOptions(options: Values): EventFilter & { readonly limit: number | undefined } {
  return { ...readEventFilter(options, new Date(), usual), limit: readLimit(options.limit) }
}

/** For people: how much was counted, in what time, and what the limit left out, or the period that nobody named. */
export function describeCount(
  counted: { readonly rows: readonly unknown[]; readonly groups: string; readonly events: string },
  filter: EventFilter,
  typed: Pick<Values, "since">,
  noun: string,
): string {
  const left = BigInt(counted.groups) - BigInt(counted.rows.length)
  const further = left > 0n ? `; ${grouped(left)} more than shown: --limit all` : ""
  const earlier =
    counted.events === "0" && typed.since === usual ? "; --since looks further back, 0001-01 at all" : ""
  return [
    `${plural(counted.groups, noun)} in ${plural(counted.events, "event")}${further}${earlier}`,
    describeFilter(filter),
  ]
    .filter((line) => line !== undefined)
    .join("\n")
}
