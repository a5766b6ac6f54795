// Which policy an event has and why, in words for people.
import { plural, visible } from "../words.js"
import type { RetentionExplanation } from "./explain.js"
import { aboutRule, equalWords } from "./rule-words.js"

export function describeExplanation(told: RetentionExplanation): string {
  const { event, policy, floors, holds } = told
  const lines = [
    event === null ? "events like this" : `event ${visible(event.place)}, occurred at ${event.occurred_at}`,
    line("organization", told.organization_id),
    line("type", told.event_type),
    line("classification", told.data_classification),
    line("policy of its own", told.retention_policy),
    line("tags", told.compliance_tags === "[]" ? null : told.compliance_tags),
    "",
    line("policy", `${policy.name}: ${plural(policy.keep_days, "day")}, ${whyOf(told)}`),
    ...floors.map((floor) => {
      const counts = floor.name === told.floor ? "" : ", which is not longer"
      return line(
        "floor",
        `${floor.name}: ${plural(floor.keep_days, "day")} for the tag ${floor.compliance_tag}${counts}`,
      )
    }),
    line("kept", plural(told.keep_days, "day")),
  ]
  if (told.later_days !== null) {
    const from =
      told.later_at === null
        ? "when the grace of what was changed is over"
        : `from ${told.later_at} on, when the grace of what was changed is over`
    lines.push(line("", `${plural(told.later_days, "day")} ${from}`))
  }
  if (told.archive_after_days !== null) {
    lines.push(line("may be archived", `after ${plural(told.archive_after_days, "day")}`))
  }
  lines.push(
    event === null
      ? line("may be purged now", `what occurred before ${told.cutoff}`)
      : line("goes", goesOf(told)),
  )
  if (event !== null) {
    const held = holds?.map(({ case_id: name, act }) => `case ${visible(name)} (act ${act})`).join(", ")
    lines.push(
      line("held by", held === undefined ? "unknown: this role may not see holds" : held || "nothing"),
    )
  }
  return lines.filter((text) => text !== undefined).join("\n")
}

/** Undefined where no policy fits as well as the one that counts. */
export function warnExplanation({ policy, equals }: RetentionExplanation): string | undefined {
  return equals.length === 0 ? undefined : equalWords([policy, ...equals])
}

function whyOf({ policy, retention_policy: own }: RetentionExplanation): string {
  const names = [policy.organization_id, policy.event_type, policy.data_classification]
  if (names.some((name) => name !== null)) return `for ${aboutRule(policy)}`
  // Every event that names none has `standard`: it is nobody's choice.
  return policy.name === own && own !== "standard" ? "which is the event's own" : "where no other fits"
}

function goesOf({ goes_at: goes, over, holds }: RetentionExplanation): string {
  if (goes === null) return "never: it has no time"
  const held = holds !== null && holds.length > 0 ? ", and not while it is held" : ""
  return over === true ? `with the next run of retention${held}` : `at ${goes}${held}`
}

const width = 19
function line(name: string, value: string | null): string | undefined {
  return value === null ? undefined : `${name.padEnd(width)}${visible(value)}`
}
