// What must be in the log after each step of its life, known without asking it: an independent model of rules, holds and time.

export interface Known {
  /** organization, lane and seq, as text. */
  readonly place: string
  readonly organization: string
  readonly type: string
  readonly policy: string
  readonly classification: string | null
  readonly tag: string | null
  readonly actor: string
  /** Days before today that it occurred; below zero it is to come. */
  readonly age: number
}

interface Rule {
  readonly organization: string | null
  readonly type: string | null
  readonly classification: string | null
  readonly keep: number
}

interface Hold {
  readonly case: string
  readonly organization: string | null
  readonly actor: string | null
  readonly type: string | null
}

const below = (prefix: string, type: string): boolean => type === prefix || type.startsWith(`${prefix}.`)

export class Model {
  readonly live = new Map<string, Known>()
  readonly policies = new Map<string, Rule>([
    ["standard", { organization: null, type: null, classification: null, keep: 2555 }],
  ])
  readonly floors = new Map<string, { tag: string; keep: number }>()
  holds: Hold[] = []
  appended = 0
  purged = 0

  isHeld(event: Known): boolean {
    return this.holds.some(
      (hold) =>
        (hold.organization === null || hold.organization === event.organization) &&
        (hold.actor === null || hold.actor === event.actor) &&
        (hold.type === null || below(hold.type, event.type)),
    )
  }

  /** Days that it is kept, by the rules in force: without a grace there are no others. */
  keepOf(event: Known): number {
    const rank = (name: string, rule: Rule): readonly number[] | undefined => {
      const isPlain = rule.organization === null && rule.type === null && rule.classification === null
      if (isPlain)
        return name === event.policy ? [0, 0, 0, 1] : name === "standard" ? [0, 0, 0, 0] : undefined
      if (rule.organization !== null && rule.organization !== event.organization) return undefined
      if (rule.type !== null && !below(rule.type, event.type)) return undefined
      if (rule.classification !== null && rule.classification !== event.classification) return undefined
      return [
        rule.organization === null ? 0 : 1,
        rule.type?.length ?? 0,
        rule.classification === null ? 0 : 1,
        2,
      ]
    }
    const fitting = [...this.policies].flatMap(([name, rule]) => {
      const place = rank(name, rule)
      return place === undefined ? [] : [{ place, keep: rule.keep }]
    })
    fitting.sort((a, b) => {
      const at = a.place.findIndex((value, index) => value !== b.place[index])
      return at === -1 ? b.keep - a.keep : (b.place[at] ?? 0) - (a.place[at] ?? 0)
    })
    const floors = [...this.floors.values()].filter(({ tag }) => tag === event.tag).map(({ keep }) => keep)
    return Math.max(fitting[0]?.keep ?? 0, ...floors)
  }

  /** What a run of retention must take: of these organizations, or of all. */
  expired(organization: string | undefined): Known[] {
    return [...this.live.values()].filter(
      (event) =>
        (organization === undefined || organization === event.organization) &&
        event.age > this.keepOf(event) &&
        !this.isHeld(event),
    )
  }

  take(events: readonly Known[]): void {
    for (const event of events) this.live.delete(event.place)
    this.purged += events.length
  }
}

/** mulberry32: small, seeded, good enough for choices. */
export function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
