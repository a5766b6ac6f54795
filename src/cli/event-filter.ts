// The options by which commands choose events, and what they mean: one table gives all (src/data/query/criteria.ts).
import {
  type Criteria,
  type CriterionName,
  criteria,
  criterionNames,
  type EventFilter,
  readCriterion,
  readNot,
} from "../data/query/criteria.js"
import { describePeriod, readPeriod } from "../data/query/time.js"
import { shellWord } from "./again.js"
import { list, type Option, type OptionValues, text } from "./options.js"

/** Named like its flag: --org is the criterion `organization`. */
type OptionKey<N extends CriterionName> = N extends "organization" ? "org" : N
type CriterionOptions = { readonly [N in CriterionName as OptionKey<N>]: Option<readonly string[]> }

const keyOf = (name: CriterionName): OptionKey<CriterionName> => (name === "organization" ? "org" : name)

function optionsFor(names: readonly CriterionName[]): CriterionOptions {
  const options = names.map((name) => {
    const { flags, summary, ...rest } = criteria[name]
    const offered = "choices" in rest ? { choices: rest.choices } : {}
    return [keyOf(name), { ...list(flags, summary), ...offered }] as const
  })
  // Every name is there.
  return Object.fromEntries(options) as CriterionOptions
}

const { org, ...further } = optionsFor(criterionNames)

/** To be spread into the options of a command. */
export const eventFilterOptions = {
  org,
  since: text("--since <time>", "that occurred at this time or later"),
  until: text("--until <time>", "that occurred before this time"),
  ...further,
  not: list("--not <name=value>", "leaves out what meets this: --not 'type=auth.*', NAME as in --NAME"),
}

export type EventFilterValues = OptionValues<typeof eventFilterOptions>

/** The options as they can be typed again, for a shell. */
export function writeOptions(typed: EventFilterValues): string {
  const parts = Object.entries(eventFilterOptions).flatMap(([key, { flags }]) => {
    const given: string | readonly string[] | undefined = typed[key as keyof EventFilterValues]
    const values = typeof given === "string" ? [given] : (given ?? [])
    return values.map((value) => `${/--[\w-]+/.exec(flags)?.[0]} ${shellWord(value)}`)
  })
  return parts.join(" ")
}

/** The filter that was typed. Throws TrailError `usage`, before anything is connected to. `usual`: as for readPeriod. */
export function readEventFilter(
  typed: EventFilterValues,
  now: Date = new Date(),
  usual?: string,
): EventFilter {
  const wanted: Partial<Record<CriterionName, readonly string[]>> = {}
  for (const name of criterionNames) {
    const values = typed[keyOf(name)]
    if (values.length > 0) wanted[name] = values
  }
  const unwanted: Partial<Record<CriterionName, string[]>> = {}
  for (const { name, value } of typed.not.map(readNot)) {
    const values = unwanted[name] ?? []
    values.push(value)
    unwanted[name] = values
  }
  for (const all of [wanted, unwanted]) {
    for (const name of criterionNames) readCriterion(name, all[name])
  }
  const { since, until } = readPeriod(typed, now, usual)
  return {
    ...wanted,
    ...(typed.not.length === 0 ? {} : { not: unwanted satisfies Criteria }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  }
}

/** How the times of a filter were understood, for people. Undefined where none was given. */
export function describeFilter(filter: EventFilter): string | undefined {
  const time = describePeriod(filter)
  return time === undefined ? undefined : `time: ${time}`
}
