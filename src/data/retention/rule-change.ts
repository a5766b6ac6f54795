// What a change of a rule means: from when it counts, and which other policies are for the same events.
import type { RetentionRule, RuleChange, RuleKind } from "./rule.js"

/** `before`: the rule of that name as it was in force; `after`: all rules as they are now. */
export function changeOf(
  kind: RuleKind,
  name: string,
  act: string | null,
  before: RetentionRule | undefined,
  after: readonly RetentionRule[],
): Omit<RuleChange, "dry_run"> {
  const now = after.find((rule) => rule.name === name && rule.state === "in force")
  const earlier = after.filter((rule) => rule.name === name && rule.state !== "in force")
  const kept = Number(now?.keep_days ?? 0)
  const longer = earlier.filter((rule) => Number(rule.keep_days) > kept).map((rule) => Number(rule.keep_days))
  const ends = earlier.flatMap(({ grace_until: until }) => (until === null ? [] : [until])).sort()
  // A policy that is new, or for other events than before, can be shorter than what they had; a floor that is new cannot.
  const isLonger =
    longer.length === 0 &&
    (before === undefined
      ? kind === "floor" || (now !== undefined && others(now, after).every((days) => days <= kept))
      : now !== undefined && isFor(before, now))
  // Who is removed leaves its events to another policy: where each that may be theirs is longer, nothing is shortened.
  const leavesMore =
    kind === "policy" &&
    now === undefined &&
    earlier.length > 0 &&
    earlier.every((rule) => others(rule, after, "in force").every((days) => days >= Number(rule.keep_days)))
  const grace = kind === "policy" && now !== undefined ? now.grace_until : ends.at(-1)
  return {
    kind,
    name,
    act,
    changed: act !== null,
    keep_days: now?.keep_days ?? null,
    before_days: before?.keep_days ?? null,
    archive_after_days: now?.archive_after_days ?? null,
    archive_before_days: before?.archive_after_days ?? null,
    grace_until: isLonger || leavesMore ? null : (grace ?? null),
    grace_days: leavesMore || longer.length === 0 ? null : String(Math.max(...longer)),
    equals: now === undefined ? [] : equalsOf(now, after),
  }
}

/** Only policies that say the same of organization, type and classification fit an event equally. */
export function equalsOf(
  rule: RetentionRule,
  all: readonly RetentionRule[],
): { readonly name: string; readonly keep_days: string }[] {
  const { organization_id, event_type, data_classification } = rule
  if (organization_id === null && event_type === null && data_classification === null) return []
  return all
    .filter((other) => other.state === "in force" && other.name !== rule.name && isFor(other, rule))
    .map(({ name, keep_days }) => ({ name, keep_days }))
}

/** The periods of the other policies that count, or are in force, and may be for some of the same events. */
function others(rule: RetentionRule, all: readonly RetentionRule[], state?: "in force"): number[] {
  const meets = (a: string | null, b: string | null): boolean => a === null || b === null || a === b
  return all
    .filter((other) => other.name !== rule.name && (state === undefined || other.state === state))
    .filter((other) => meets(other.organization_id, rule.organization_id))
    .filter((other) => meets(other.data_classification, rule.data_classification))
    .filter(
      ({ event_type: type }) => type === null || rule.event_type === null || isWithin(type, rule.event_type),
    )
    .map((other) => Number(other.keep_days))
}

/** Whether one of two types is the other, or the beginning of it. */
const isWithin = (a: string, b: string): boolean => `${a}.`.startsWith(`${b}.`) || `${b}.`.startsWith(`${a}.`)

const isFor = (rule: RetentionRule, other: RetentionRule | undefined): boolean =>
  rule.organization_id === other?.organization_id &&
  rule.event_type === other.event_type &&
  rule.data_classification === other.data_classification &&
  rule.compliance_tag === other.compliance_tag
