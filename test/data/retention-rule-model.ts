// What the rules of retention say, written a second time and from the words alone: a history of changes, and what is kept at a time.

export interface Change {
  /** Hours since the beginning. */
  readonly at: number
  readonly kind: "policy" | "floor"
  readonly name: string
  /** Null: removed. */
  readonly rule: {
    readonly keep: number
    readonly organization?: string | undefined
    readonly classification?: string | undefined
    readonly type?: string | undefined
    readonly tag?: string | undefined
  } | null
  readonly confirmed: boolean
}

export interface Kind {
  readonly organization: string
  readonly classification: string | null
  readonly type: string
  readonly policy: string
  readonly tags: readonly string[]
}

type Rule = NonNullable<Change["rule"]> & { readonly name: string }

/** The rules at a time. A change that was confirmed is as if its rule had always been so, and nothing before it had been. */
function rulesAt(history: readonly Change[], kind: Change["kind"], time: number): Rule[] {
  const names = new Set(history.filter((change) => change.kind === kind).map(({ name }) => name))
  const found: Rule[] = kind === "policy" && !names.has("standard") ? [{ name: "standard", keep: 2555 }] : []
  for (const name of names) {
    const own = history.filter((change) => change.kind === kind && change.name === name)
    const confirmed = own.findLastIndex((change) => change.confirmed)
    const valid = own.slice(Math.max(confirmed, 0))
    let rule: Change["rule"] =
      name === "standard" && kind === "policy" && confirmed < 0 ? { keep: 2555 } : null
    for (const change of valid) if (change.confirmed || change.at <= time) rule = change.rule
    if (rule !== null) found.push({ ...rule, name })
  }
  return found
}

const begins = (type: string, prefix: string): boolean => type === prefix || type.startsWith(`${prefix}.`)

/** The policy that counts at a time, and the days that it and the floors keep. */
function atOnce(history: readonly Change[], event: Kind, time: number): { policy: string; days: number } {
  const policies = rulesAt(history, "policy", time).filter((rule) => {
    const isGeneral =
      rule.organization === undefined && rule.classification === undefined && rule.type === undefined
    if (isGeneral) return rule.name === event.policy || rule.name === "standard"
    return (
      (rule.organization ?? event.organization) === event.organization &&
      (rule.classification ?? event.classification) === event.classification &&
      (rule.type === undefined || begins(event.type, rule.type))
    )
  })
  let best = policies
  const narrow = (keep: (rule: Rule) => boolean): void => {
    const some = best.filter(keep)
    if (some.length > 0) best = some
  }
  narrow((rule) => rule.organization !== undefined)
  const longest = Math.max(...best.map((rule) => rule.type?.length ?? 0))
  narrow((rule) => (rule.type?.length ?? 0) === longest)
  narrow((rule) => rule.classification !== undefined)
  if (best.every((rule) => !rule.organization && !rule.type && !rule.classification)) {
    narrow((rule) => rule.name === event.policy)
  }
  const keep = Math.max(...best.map((rule) => rule.keep))
  const policy = best
    .filter((rule) => rule.keep === keep)
    .map(({ name }) => name)
    .sort()[0]
  const floors = rulesAt(history, "floor", time).filter(
    ({ tag }) => tag !== undefined && event.tags.includes(tag),
  )
  return { policy: policy ?? "", days: Math.max(keep, ...floors.map((floor) => floor.keep)) }
}

/** With what was kept at any time within the grace, `hours` long. */
export function modelOf(
  history: readonly Change[],
  event: Kind,
  at: number,
  hours: number,
): { policy: string; keep: number; later: number | null } {
  const now = atOnce(history, event, at)
  const times = [
    at - hours,
    ...history.map((change) => change.at).filter((time) => time > at - hours && time <= at),
  ]
  const keep = Math.max(now.days, ...times.map((time) => atOnce(history, event, time).days))
  return { policy: now.policy, keep, later: keep > now.days ? now.days : null }
}
