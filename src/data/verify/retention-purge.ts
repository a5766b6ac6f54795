// Judges a purge that retention made by what its act says: by which policies, and up to when. What the rules were then is replayed from the
// acts before it. Whether an event was held, or which policy was its own, nobody can tell once it is gone: the functions of the log see to it.
import { word } from "../act/about.js"
import { microseconds } from "../binary.js"
import type { RetentionRules, Rule } from "./retention-rules.js"

/** What an act of a purge by retention must keep to. */
export interface RetentionPurge {
  /** What is wrong with what it says: a short name for the evidence, and words. */
  readonly problems: readonly (readonly [what: string, words: string])[]
  /** Its events occurred before this, and were recorded before that; microseconds since 2000. Undefined where it does not say. */
  readonly limits: { readonly occurred: bigint; readonly recorded: bigint } | undefined
}

interface Entry {
  readonly policy: string
  readonly rule: string
  readonly floor: string | null
  readonly keep: number
  readonly cutoff: bigint
}

const day = 86_400_000_000n

/** Undefined for a purge that is not by retention. `setting`: retention-grace as the acts before have it. */
export function judgeRetention(
  act: { readonly recordedAt: string },
  given: Readonly<Record<string, unknown>>,
  rules: RetentionRules,
  setting: string | undefined,
): RetentionPurge | undefined {
  if (given.policies === undefined || given.policies === null) return undefined
  return judgeRules(act, given, rules, setting)
}

/** Of an act that names the policies by which something went, or should. */
export function judgeRules(
  act: { readonly recordedAt: string },
  given: Readonly<Record<string, unknown>>,
  rules: RetentionRules,
  setting: string | undefined,
): RetentionPurge {
  const at = time(given.at)
  const entries = Array.isArray(given.policies) ? given.policies.map(entryOf) : []
  const known = entries.filter((entry) => entry !== undefined)
  if (at === undefined || known.length === 0 || known.length < entries.length) {
    return { problems: [["parameters", "does not say by which policies and up to when"]], limits: undefined }
  }
  const [, graceDays = "7"] = /^(\d{1,4})d$/.exec(setting ?? "") ?? []
  const grace = BigInt(graceDays) * day
  const recordedAt = microseconds(act.recordedAt)
  const problems: (readonly [string, string])[] = []
  if (word(given.grace) !== (setting ?? "7d")) {
    problems.push(["grace", `has another grace than ${setting ?? "7d"}, which was in force`])
  }
  if (at > recordedAt) problems.push(["at", "counts from a time after it was recorded"])
  for (const [index, entry] of known.entries()) {
    const add = (what: string, words: string) => problems.push([`${what} ${index + 1}`, words])
    const { policy, rule, floor, keep, cutoff } = entry
    const by = `policy ${JSON.stringify(policy)} of act ${rule}`
    const own = rules
      .inForce("policy", at, recordedAt)
      .find((one) => one.act_seq === rule && one.name === policy)
    const named = rules.inForce("floor", at, recordedAt).find((one) => one.name === floor)
    if (own === undefined) add("policy", `names the ${by}, which was not in force`)
    if (floor !== null && named === undefined) {
      add("floor", `names the floor ${JSON.stringify(floor)}, which was not in force`)
    }
    const least = own === undefined ? 0 : leastDays(rules, own, named, at - grace, at)
    if (keep < least) add("keep", `took events after ${keep} days, which the ${by} kept ${least} days`)
    if (cutoff !== at - BigInt(keep) * day) add("cutoff", `has a cutoff that is not ${keep} days before`)
  }
  const occurred = known.reduce((a, { cutoff }) => (cutoff > a ? cutoff : a), known[0]?.cutoff ?? 0n)
  return { problems, limits: { occurred, recorded: at - grace } }
}

/**
 * How long what a policy takes now must have been kept at the least: what the rules kept at any time since then counts. At each such time the
 * policy as it was applied, unless another that is there no more went before it.
 */
function leastDays(
  rules: RetentionRules,
  own: Rule,
  floor: Rule | undefined,
  since: bigint,
  at: bigint,
): number {
  const present = new Set(rules.inForce("policy", at).map((rule) => rule.act_seq))
  const keep = (rule: Rule) => Number.parseInt(rule.keep_days, 10)
  let least = 0
  for (const moment of [since, ...rules.changes(since, at), at]) {
    const policies = rules.inForce("policy", moment)
    const same = policies.filter((rule) => isOfSame(rule, own))
    const others = policies.filter((rule) => !present.has(rule.act_seq) && !same.includes(rule))
    const policy = same.length === 0 ? 0 : Math.min(Math.max(...same.map(keep)), ...others.map(keep))
    const floors = rules
      .inForce("floor", moment)
      .filter((rule) => floor !== undefined && rule.compliance_tag === floor.compliance_tag)
    least = Math.max(least, policy, ...floors.map(keep))
  }
  return least
}

/** Another version of the same policy, for the same events. */
function isOfSame(rule: Rule, own: Rule): boolean {
  return (
    rule.name === own.name &&
    rule.organization_id === own.organization_id &&
    rule.data_classification === own.data_classification &&
    rule.event_type === own.event_type
  )
}

function entryOf(value: unknown): Entry | undefined {
  if (typeof value !== "object" || value === null) return undefined
  const { policy, rule, floor = null, keep, cutoff } = value as Record<string, unknown>
  const before = time(cutoff)
  const isNamed = typeof policy === "string" && (floor === null || typeof floor === "string")
  if (
    !isNamed ||
    before === undefined ||
    !/^\d{1,18}$/.test(word(rule)) ||
    !/^[1-9]\d{0,4}$/.test(word(keep))
  ) {
    return undefined
  }
  return { policy, rule: word(rule), floor, keep: Number(word(keep)), cutoff: before }
}

/** As acts have it; undefined for anything else. */
export function time(value: unknown): bigint | undefined {
  const isTime = /^\d{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d\d:\d\d:\d\d\.\d{6}Z$/.test(word(value))
  return isTime ? microseconds(word(value)) : undefined
}
