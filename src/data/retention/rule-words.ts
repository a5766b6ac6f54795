// Rules of retention in words, for people, and the periods that they type.
import { TrailError } from "../errors.js"
import { plural, quoted, visible } from "../words.js"
import type { RetentionRule, RuleChange } from "./rule.js"

/** A number of days, as `400d`: a year has no length of its own. Throws TrailError `usage`. */
export function readDays(typed: string, flag: string): number {
  const days = Number(/^(\d{1,9})d$/.exec(typed)?.[1])
  if (days >= 1 && days <= 36_500) return days
  throw new TrailError("usage", `${flag} takes days from 1d to 36500d, not ${quoted(typed)}`, {
    hint: "write a number and d: 400d; a year is 365d, seven years are 2555d",
  })
}

/** What a rule is for, in a line. */
export function aboutRule(rule: RetentionRule): string {
  const named = [
    ["organization", rule.organization_id],
    ["type", rule.event_type],
    ["classification", rule.data_classification],
    ["tag", rule.compliance_tag],
  ] as const
  const words = named.flatMap(([what, name]) => (name === null ? [] : [`${what} ${visible(name)}`]))
  if (words.length > 0) return words.join(", ")
  return rule.name === "standard" ? "everything else" : `retention_policy ${visible(rule.name)}`
}

export function describeChange(change: RuleChange): string {
  return [changeWords(change), ...archiveWords(change)].join("\n")
}

/** When events leave the table; that they do no more must not go unsaid: whoever leaves out --archive-after may not mean it. */
function archiveWords(change: RuleChange): string[] {
  const { archive_after_days: archive, archive_before_days: before, keep_days: keep } = change
  if (keep === null) return []
  if (archive === null)
    return before === null ? [] : [`no archive any more, was after ${plural(before, "day")}`]
  const leaves = change.dry_run && change.changed ? "would leave" : "leaves"
  return [
    `${leaves} the table after ${plural(archive, "day")}, into an archive: pgtrail archive create --due --to PLACE`,
  ]
}

function changeWords(change: RuleChange): string {
  const { kind, name, keep_days: keep, before_days: before, dry_run: isTrial, changed: isChanged } = change
  const what = `the ${kind} ${visible(name)}`
  const was =
    before === null || before === keep || !isChanged ? "" : `, in the place of ${plural(before, "day")}`
  const did =
    keep === null
      ? `${what} ${isTrial && isChanged ? "would be" : "is"} removed`
      : `${what} ${isTrial && isChanged ? "would keep" : "keeps"} ${plural(keep, "day")}${was}`
  const already = isChanged ? "" : " already"
  const { grace_until: until, grace_days: longer } = change
  if (until === null) return isChanged ? `${did}: that counts at once` : `${did}${already}`
  const kept =
    longer === null ? "what was kept longer before is kept so" : `${plural(longer, "day")} count still`
  const others = longer === null ? "" : ", and whatever else was kept longer"
  return [
    `${did}${already}, but not before ${until}, when the grace is over: until then ${kept}${others}`,
    `--confirm ${/^[\w.@-]+$/.test(name) ? name : JSON.stringify(name)} lets it count at once`,
  ].join("\n")
}

/** Undefined where no other policy fits as well. */
export function warnEquals({ name, keep_days: keep, equals }: RuleChange): string | undefined {
  if (equals.length === 0 || keep === null) return undefined
  return equalWords([{ name, keep_days: keep }, ...equals])
}

export function equalWords(all: readonly { readonly name: string; readonly keep_days: string }[]): string {
  const sorted = [...all].sort(
    (a, b) => Number(b.keep_days) - Number(a.keep_days) || (a.name < b.name ? -1 : 1),
  )
  const [first] = sorted
  const names = sorted.map(({ name, keep_days: days }) => `${visible(name)} (${plural(days, "day")})`)
  const many = sorted.length === 2 ? "two" : String(sorted.length)
  return `${many} policies fit equally, ${names.join(" and ")}: the longer one, ${visible(first?.name ?? "")}, counts`
}
