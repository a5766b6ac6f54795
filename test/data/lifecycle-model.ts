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
  readonly archiveAfter?: number | null
}

interface Archive {
  readonly events: readonly Known[]
  state: "archived" | "restored" | "removed"
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
  readonly archives = new Map<string, Archive>()
  appended = 0
  /** Without what stands in archives. */
  purged = 0

  isHeld(event: Known): boolean {
    return this.holds.some(
      (hold) =>
        (hold.organization === null || hold.organization === event.organization) &&
        (hold.actor === null || hold.actor === event.actor) &&
        (hold.type === null || below(hold.type, event.type)),
    )
  }

  /** The policy that it has, by the rules in force: without a grace there are no others. */
  #policyOf(event: Known): Rule | undefined {
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
      return place === undefined ? [] : [{ place, name, rule }]
    })
    fitting.sort((a, b) => {
      const at = a.place.findIndex((value, index) => value !== b.place[index])
      if (at !== -1) return (b.place[at] ?? 0) - (a.place[at] ?? 0)
      return b.rule.keep - a.rule.keep || (a.name < b.name ? -1 : 1)
    })
    return fitting[0]?.rule
  }

  /** Days that it is kept. */
  keepOf(event: Known): number {
    const floors = [...this.floors.values()].filter(({ tag }) => tag === event.tag).map(({ keep }) => keep)
    return Math.max(this.#policyOf(event)?.keep ?? 0, ...floors)
  }

  /** What must leave the table for an archive: of this organization, or of all. */
  due(organization: string | undefined): Known[] {
    return [...this.live.values()].filter((event) => {
      const after = this.#policyOf(event)?.archiveAfter ?? null
      return (
        (organization === undefined || organization === event.organization) &&
        after !== null &&
        event.age > after &&
        event.age <= this.keepOf(event) &&
        !this.isHeld(event)
      )
    })
  }

  archive(name: string, places: readonly string[]): void {
    const events = places.flatMap((place) => this.live.get(place) ?? [])
    for (const { place } of events) this.live.delete(place)
    this.archives.set(name, { events, state: "archived" })
  }

  restore(name: string): void {
    const archive = this.archives.get(name)
    if (archive === undefined) return
    for (const event of archive.events) this.live.set(event.place, event)
    archive.state = "restored"
  }

  remove(name: string): void {
    const archive = this.archives.get(name)
    if (archive === undefined) return
    if (archive.state === "archived") this.purged += archive.events.length
    archive.state = "removed"
  }

  get archived(): number {
    const out = [...this.archives.values()].filter(({ state }) => state === "archived")
    return out.reduce((sum, { events }) => sum + events.length, 0)
  }

  isPast(name: string): boolean {
    return (this.archives.get(name)?.events ?? []).every((event) => event.age > this.keepOf(event))
  }

  /** A hold that names an actor may be on any event of its organization and type. */
  isBlocked(name: string): boolean {
    const archive = this.archives.get(name)
    if (archive === undefined || archive.state === "removed") return false
    return archive.events.some((event) =>
      this.holds.some(
        ({ organization, type }) =>
          (organization === null || organization === event.organization) &&
          (type === null || below(type, event.type)),
      ),
    )
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
