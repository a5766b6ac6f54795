// What one actor did: when, what, from where and with what outcome, counted by the index of actors, a few partitions a statement.
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { conditionText } from "../query/filter.js"
import type { Source } from "../query/source.js"
import { stretches } from "../query/stretch.js"
import type { OpenWalk, Question } from "../query/walk.js"
import { quoted } from "../words.js"

/** A value that events of the actor have. */
export interface Seen {
  readonly value: string
  readonly events: string
  readonly first_event: string
  readonly last_event: string
}

/** Events of one type on one day in UTC. */
export interface DayCount {
  readonly day: string
  readonly event_type: string
  readonly events: string
}

/** Of each, those that were seen last first. */
const listed = [
  "organizations",
  "names",
  "emails",
  "types",
  "roles",
  "outcomes",
  "addresses",
  "sessions",
  "devices",
] as const
type Listed = (typeof listed)[number]

export interface ShownActor extends Readonly<Record<Listed, readonly Seen[]>> {
  readonly actor_id: string
  readonly events: string
  readonly first_event: string
  readonly last_event: string
  /** Newest day first. */
  readonly timeline: readonly DayCount[]
  /** What has more values than are told: an actor may have a session an event. */
  readonly cut: readonly (Listed | "timeline")[]
}

export interface ActorOptions
  extends Pick<Question, "since" | "until" | "organization" | "signal" | "progress"> {}

/** Values of one kind, and lines of the timeline, that are told. */
const mostValues = 1000
const mostLines = 50_000

/** `walk` is over the events of the actor. Throws `not-found` where there is none. */
export async function showActor(
  { client, source, segments, filter }: Pick<OpenWalk, "client" | "source" | "segments" | "filter">,
  actor: string,
  { progress }: ActorOptions = {},
): Promise<ShownActor> {
  const tally = new Tally()
  let at = 0
  for (const stretch of stretches(segments)) {
    progress?.(at, segments.length)
    at += stretch.segments
    const { text, params } = conditionText(filter, stretch, source, 3)
    const { rows } = await client.query<Raw>(statement(source, text), [
      mostValues + 1,
      tally.known(),
      ...params,
    ])
    for (const row of rows) tally.add(row)
  }
  const { all } = tally
  if (all === undefined) {
    const bounded = filter.since !== undefined || filter.until !== undefined
    throw new TrailError(
      "not-found",
      `no event is by the actor ${quoted(actor)}${bounded ? " in that time" : ""}`,
      {
        hint: "pgtrail actor list",
      },
    )
  }
  const { value: _, ...counted } = written(all)
  return { actor_id: actor, ...counted, ...tally.values(), timeline: tally.timeline, cut: [...tally.cut] }
}

interface Raw {
  readonly kind: string
  readonly day: string | null
  readonly value: string | null
  readonly events: string
  readonly first: string
  readonly last: string
}

const expressions: Readonly<Record<Listed, string>> = {
  organizations: "organization_id",
  names: "actor_name",
  emails: "actor_email",
  types: "actor_type",
  roles: "actor_role",
  outcomes: "outcome",
  addresses: "abbrev(ip_address)",
  sessions: "session_id",
  devices: "device_id",
}

/** All that is counted in one pass over the events: the whole, the days with their types, and each of the lists. */
function statement({ events }: Source, where: string): string {
  const columns = listed.map((kind) => `${expressions[kind]} as ${kind}`)
  const one = (make: (kind: Listed) => string): string => listed.map(make).join(" ")
  return `select c.kind, c.day, c.value, c.events, c.first, c.last from (
      select g.*, row_number() over (partition by g.kind order by g.last desc, g.value) as place from (
        select case when grouping(e.day) = 0 then 'timeline' ${one((kind) => `when grouping(e.${kind}) = 0 then '${kind}'`)} else 'all' end as kind,
          e.day, case when grouping(e.day) = 0 then e.event_type ${one((kind) => `when grouping(e.${kind}) = 0 then e.${kind}`)} end as value,
          count(*) as events, min(e.occurred_at) as first, max(e.occurred_at) as last
        from (
          select occurred_at, occurred_at::date as day, event_type, ${columns.join(", ")}
          from pgtrail.${events} where ${where}
        ) e
        group by grouping sets ((e.day, e.event_type), ${listed.map((kind) => `(e.${kind})`).join(", ")}, ())
      ) g
    ) c
    where c.kind = 'all' and c.events > 0 or c.value is not null
      and (c.place <= case c.kind when 'timeline' then ${mostLines + 1} else $1::int end or c.value = any($2::text[]))
    order by c.kind, c.day desc, case c.kind when 'timeline' then c.events end desc, c.last desc, c.value`
}

type Sum = { value: string; events: bigint; first: string; last: string }

const written = ({ value, events, first, last }: Sum): Seen => ({
  value,
  events: String(events),
  first_event: writeTime(first),
  last_event: writeTime(last),
})

/** Puts the statements' answers together, which come newest first: what is met first was last. */
class Tally {
  all: Sum | undefined
  readonly cut = new Set<Listed | "timeline">()
  readonly #lists = new Map<string, Map<string, Sum>>(listed.map((kind) => [kind, new Map()]))
  readonly #days = new Map<string, { day: string; event_type: string; sum: bigint }>()

  add({ kind, day, value, events, first, last }: Raw): void {
    if (kind === "timeline") {
      this.#addDay(day ?? "", value ?? "", BigInt(events))
      return
    }
    const list = this.#lists.get(kind)
    const before = list === undefined ? this.all : list.get(value ?? "")
    if (before !== undefined) {
      before.events += BigInt(events)
      before.first = first
      return
    }
    const sum = { value: value ?? "", events: BigInt(events), first, last }
    if (list === undefined) this.all = sum
    else if (list.size < mostValues) list.set(sum.value, sum)
    else this.cut.add(listed.find((one) => one === kind) ?? "timeline")
  }

  #addDay(day: string, type: string, events: bigint): void {
    const key = `${day} ${type}`
    const before = this.#days.get(key)
    if (before !== undefined) before.sum += events
    else if (this.#days.size < mostLines) this.#days.set(key, { day, event_type: type, sum: events })
    else this.cut.add("timeline")
  }

  /** Their older events count too, however many newer values a partition has. */
  known(): string[] {
    return [...this.#lists.values()].flatMap((list) => [...list.keys()])
  }

  get timeline(): DayCount[] {
    return [...this.#days.values()].map(({ sum, ...line }) => ({ ...line, events: String(sum) }))
  }

  values(): Record<Listed, Seen[]> {
    const entries = listed.map((kind) => {
      const sums = [...(this.#lists.get(kind)?.values() ?? [])]
      return [kind, sums.map(written)] as const
    })
    // Every kind is there.
    return Object.fromEntries(entries) as Record<Listed, Seen[]>
  }
}
