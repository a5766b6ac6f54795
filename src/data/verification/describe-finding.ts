// One finding in words: what was found, what the log says of it now, and what it was, where that is known.

import { quoted, visible } from "../words.js"
import type { Explanation, OtherEvent, OtherGap, RowTrace } from "./explanation.js"
import type { ShownFinding } from "./show.js"

const indent = "  "

export function describeFinding(finding: ShownFinding): string[] {
  const { explanation, accepted } = finding
  const place = [finding.organization_id, finding.lane, finding.seq].filter((part) => part !== null)
  const heading = [visible(finding.kind), visible(place.join("/")), visible(finding.id)].filter(
    (part) => part !== "",
  )
  return [
    heading.join("  "),
    ...[
      visible(finding.message),
      ...(accepted === null
        ? []
        : [
            `accepted by act ${accepted.act}, ${accepted.recorded_at}, ${visible(accepted.session_user_name)}: ${visible(accepted.reason ?? "")}`,
          ]),
      ...(explanation.still === false ? ["no longer so"] : []),
      ...explanation.says.map((text) => `now: ${visible(text)}`),
      ...describeDifferences(explanation),
      ...describeOther(explanation.against),
      ...explanation.rows.map(describeRow),
    ].map((text) => `${indent}${text}`),
  ]
}

function describeDifferences({ differences, found_by, groups }: Explanation): string[] {
  if (found_by === null) return []
  const how =
    found_by === "trial"
      ? "with its original its hash fits again"
      : "the original has the hash that the log vouches for"
  if (differences.length === 0) return [`${how}, and the same values`]
  return [
    `${how}; what differs (${groups.join(", ")}), original → present:`,
    ...differences.map(
      ({ column, original, present }) => `${indent}${column}  ${quoted(original)} → ${quoted(present)}`,
    ),
  ]
}

const others = {
  original: "the other place has the original",
  altered: "the other place has another event there, which was altered there itself: it is not the original",
  redacted: "the other place has the event, but a digest in place of its values",
  another: "the other place has another event there: it is not the original",
  unreadable: "the other place has an event there that cannot be read: it is not the original",
  absent: "the other place has no event there",
} as const satisfies Record<OtherEvent["state"], string>

function describeOther(against: Explanation["against"]): string[] {
  if (against === null) return []
  return Array.isArray(against)
    ? (against as readonly OtherGap[]).map(describeGap)
    : [others[(against as OtherEvent).state]]
}

function describeGap(gap: OtherGap): string {
  if (gap.state === "absent") return "the other place has none of them"
  const of = gap.wanted === null ? "" : ` of ${gap.wanted}`
  const there = `the other place has ${gap.there}${of} (${gap.first} to ${gap.last})`
  const fitting = gap.fitting === gap.there ? "each hash fits" : `${gap.fitting} of their hashes fit`
  const linked = gap.linked ? "they link" : "they do not link"
  const before = {
    true: "they follow the event before",
    false: "they do not follow the event before",
    null: "",
  }
  const after = { true: "the log goes on from them", false: "the log does not go on from them", null: "" }
  const facts = [fitting, linked, before[`${gap.joins_before}`], after[`${gap.joins_after}`]].filter(Boolean)
  const meaning = {
    original: "they are the originals",
    whole: "nothing in the log vouches for the last of them",
    part: "nothing in the log vouches for the last of them",
    doubtful: "they are not the originals, or not all of them",
    absent: "",
  }[gap.state]
  return `${there}: ${[...facts, meaning].join(", ")}`
}

function describeRow({ place, partition, ctid, xmin, commit_time, written_later }: RowTrace): string {
  const time = commit_time === null ? "" : ` at ${commit_time}`
  const later = written_later ? ", later than the event after it" : ""
  return `row of ${visible(place)}: ${visible(partition)} ${ctid}, written by transaction ${xmin}${time}${later}`
}
