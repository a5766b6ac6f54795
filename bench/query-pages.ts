// What is asked of the log again and again, each time a little differently: first pages, one event, counts of a day.
import type { Stats, Trail } from "../src/data/index.js"
import { firstMonth, lastMonth, randomFrom } from "./events.js"

export interface Page {
  readonly name: string
  /** Milliseconds that 95 of 100 must stay below: a fifth of seed 002's table, or what seed 001 has. */
  readonly must: number
  /** Asks the library. */
  readonly ask: (trail: Trail) => Promise<unknown>
  /** The same by the command line. */
  readonly argv: readonly string[]
}

const day = 86_400_000
const start = Date.parse(firstMonth)
const end = Date.parse(lastMonth) + 30 * day
const runs = 200

interface Draw {
  below(n: number): number
  organization(): string
  period(days: number): { since: string; until: string }
}

/** Half of all runs ask for the organization that has half of all events. */
function draw(seed: number): Draw {
  const random = randomFrom(seed)
  const below = (n: number): number => Math.floor(random() * n)
  return {
    below,
    organization: () => `organization-${below(2) === 0 ? 0 : 1 + below(49)}`,
    period(days) {
      const first = start + below((end - start) / day - days) * day
      return { since: new Date(first).toISOString(), until: new Date(first + days * day).toISOString() }
    },
  }
}

type Asked = Readonly<Record<string, string>>
const flags = (asked: Asked): string[] =>
  Object.entries(asked).flatMap(([name, value]) => [`--${name === "organization" ? "org" : name}`, value])

async function firstPage(trail: Trail, asked: Asked): Promise<number> {
  let rows = 0
  for await (const _ of await trail.query({ ...asked, limit: 100 })) rows += 1
  return rows
}

const list = (name: string, must: number, seed: number, filter: (draw: Draw) => Asked): Page[] => {
  const drawn = draw(seed)
  return Array.from({ length: runs }, () => {
    const asked = filter(drawn)
    return { name, must, ask: (trail) => firstPage(trail, asked), argv: ["query", ...flags(asked), "--json"] }
  })
}

const count = (name: string, must: number, seed: number, days: number): Page[] => {
  const drawn = draw(seed)
  return Array.from({ length: runs }, () => {
    const asked = { organization: drawn.organization(), ...drawn.period(days) }
    const ask = async (trail: Trail): Promise<Stats> => {
      const stats = await trail.stats(asked)
      if (stats.source.counted !== "summaries") throw new Error(`${name}: ${stats.source.why}`)
      return stats
    }
    return { name, must, ask, argv: ["stats", ...flags(asked), "--json"] }
  })
}

/** Each kind's runs. `ids` are of events of the log. */
export function pages(ids: readonly string[]): Page[][] {
  return [
    list("100 events of an organization", 10, 1, (d) => ({ organization: d.organization() })),
    list("100 events of a day", 20, 2, (d) => ({ organization: d.organization(), ...d.period(1) })),
    list("100 events of 30 days", 100, 3, (d) => ({ organization: d.organization(), ...d.period(30) })),
    list("an actor's 24 hours", 20, 4, (d) => ({
      organization: d.organization(),
      actor: `user-${d.below(2000)}`,
      ...d.period(1),
    })),
    list("an actor's 90 days", 40, 5, (d) => ({
      organization: d.organization(),
      actor: `user-${d.below(2000)}`,
      ...d.period(90),
    })),
    list("a resource's history", 10, 6, (d) => ({
      organization: d.organization(),
      resource: `document/doc-${d.below(100_000)}`,
    })),
    ids.slice(0, runs).map((id) => ({
      name: "an event by its id",
      must: 5,
      async ask(trail) {
        const found = await trail.eventsWithId(id)
        if (found.length !== 1) throw new Error(`${found.length} events have the id ${id}`)
      },
      argv: ["show", id, "--json"],
    })),
    count("statistics of a day", 60, 7, 1),
    count("statistics of 30 days", 50, 8, 30),
  ]
}
