// Which policy an event has and why: of an event of the log, or of events as somebody describes them.
import type { Client, ClientBase } from "pg"
import { textProblem } from "../append/text.js"
import { TrailError } from "../errors.js"
import { type EventRow, writeTime } from "../query/columns.js"
import { eventsWithId, showEvent } from "../query/show.js"
import { readEventName } from "../query/typed.js"
import { plural } from "../words.js"
import { graceSql, type RetentionRule, rules } from "./rule.js"

export interface ExplainRetention {
  /** An event of the log: its id, or ORG/LANE/SEQ. Without it, events as the others say. */
  readonly event?: string | undefined
  readonly organization?: string | undefined
  readonly type?: string | undefined
  readonly classification?: string | undefined
  /** The event's own retention_policy; standard where it is not given. */
  readonly policy?: string | undefined
  readonly tags?: readonly string[] | undefined
}

export interface RetentionExplanation {
  /** Null: events as they were described. */
  readonly event: {
    readonly place: string
    readonly occurred_at: string
    readonly recorded_at: string
  } | null
  readonly organization_id: string | null
  readonly event_type: string | null
  readonly data_classification: string | null
  readonly retention_policy: string
  /** JSON text, an array. */
  readonly compliance_tags: string
  readonly policy: RetentionRule
  /** Floors for its tags, the longest first; the first counts where it is longer than the policy. */
  readonly floors: readonly RetentionRule[]
  /** The floor that counts now. */
  readonly floor: string | null
  readonly keep_days: string
  /** What it will be when the grace is over; null: what it is now. */
  readonly later_days: string | null
  /** From then on; null: nothing is in its grace. */
  readonly later_at: string | null
  readonly archive_after_days: string | null
  /** Policies that fit as well as this one: the longest of all counts. */
  readonly equals: readonly RetentionRule[]
  /** What occurred before this may go now, if nothing holds it. */
  readonly cutoff: string
  /** When its time is over, if no rule changes; null where there is no event, or it has no time. */
  readonly goes_at: string | null
  /** Whether its time is over now; null where there is no event. */
  readonly over: boolean | null
  /** The holds on it; null where there is no event, or this role may not know. */
  readonly holds: readonly { readonly case_id: string; readonly act: string }[] | null
}

/** Throws `usage`, `not-found`. */
export async function explainRetention(
  client: Client,
  asked: ExplainRetention,
): Promise<RetentionExplanation> {
  const { event: name, ...described } = asked
  const problem = textProblem(JSON.stringify(asked))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: "pgtrail retention policy list" })
  if (
    name !== undefined &&
    Object.values(described).some((value) => value !== undefined && value.length > 0)
  ) {
    throw new TrailError("usage", "--at names an event, of which the log knows all else", {
      hint: "leave out --org, --type, --classification, --policy and --tag",
    })
  }
  const event = name === undefined ? undefined : await eventOf(client, name)
  const of = {
    organization_id: event?.organization_id ?? asked.organization ?? null,
    event_type: event?.event_type ?? asked.type ?? null,
    data_classification:
      event === undefined ? (asked.classification ?? null) : (event.data_classification ?? null),
    retention_policy: event?.retention_policy ?? asked.policy ?? "standard",
    compliance_tags: event === undefined ? JSON.stringify(asked.tags ?? []) : (event.compliance_tags ?? "[]"),
  }
  const periods = await readPeriods(client, of, event)
  const [now] = periods
  const policies = await rules(client, "policy")
  const policy = policies.find((rule) => (rule.act ?? "0") === now?.rule_seq)
  if (now === undefined || policy === undefined) {
    throw new TrailError("retry", "the rules of retention changed while they were read", {
      hint: "run it again",
    })
  }
  const equals: readonly string[] = JSON.parse(now.equals ?? "[]")
  const floors = await floorsOf(client, of.compliance_tags)
  return {
    event:
      event === undefined
        ? null
        : {
            place: `${event.organization_id}/${event.lane}/${event.seq}`,
            occurred_at: event.occurred_at ?? "",
            recorded_at: event.recorded_at ?? "",
          },
    ...of,
    policy,
    floors,
    floor: now.floor,
    keep_days: now.keep_days,
    later_days: now.later_days,
    later_at:
      now.later_days === null
        ? null
        : writeTime(periods.find(({ keep_days: days }) => days === now.later_days)?.at ?? null),
    archive_after_days: now.archive_after_days,
    equals: policies.filter(({ name, state }) => state === "in force" && equals.includes(name)),
    cutoff: writeTime(now.cutoff),
    goes_at: writeTime(periods.find(({ goes }) => goes !== null)?.goes ?? null),
    over: event === undefined ? null : now.over === "t",
    holds: event === undefined ? null : await holdsOn(client, event),
  }
}

/** Those in force for one of the tags, the longest first. */
async function floorsOf(client: Client, tags: string): Promise<RetentionRule[]> {
  const { rows } = await client.query<{ act: string }>(
    `select r.act_seq as act from pgtrail.retention_rule r where r.kind = 'floor' and r.ended_seq is null
       and r.compliance_tag in (select json_array_elements_text($1::json))`,
    [tags],
  )
  const acts = rows.map(({ act }) => act)
  return (await rules(client, "floor"))
    .filter(({ act }) => act !== null && acts.includes(act))
    .sort((a, b) => Number(b.keep_days) - Number(a.keep_days))
}

async function eventOf(client: Client, typed: string): Promise<EventRow> {
  const name = readEventName(typed)
  if (!("id" in name)) return (await showEvent(client, name)).event
  const [event, ...others] = await eventsWithId(client, name.id)
  if (event === undefined) {
    throw new TrailError("not-found", `there is no event with the id ${name.id}`, { hint: "pgtrail query" })
  }
  if (others.length === 0) return event
  const place = `${event.organization_id}/${event.lane}/${event.seq}`
  throw new TrailError("usage", `${plural(others.length + 1, "event")} have the id ${name.id}`, {
    hint: `name one by its place, such as ${place}; pgtrail show ${name.id}`,
  })
}

interface Period {
  /** When it begins. */
  readonly at: string
  readonly keep_days: string
  readonly floor: string | null
  readonly archive_after_days: string | null
  readonly rule_seq: string
  readonly later_days: string | null
  readonly equals: string | null
  readonly cutoff: string
  readonly over: string | null
  /** When the event goes, if that is before the next period begins. */
  readonly goes: string | null
}

type Described = Pick<
  RetentionExplanation,
  "organization_id" | "event_type" | "data_classification" | "retention_policy" | "compliance_tags"
>

/** From now on: what the grace keeps ends rule by rule, and each end may shorten the period. */
async function readPeriods(
  client: ClientBase,
  of: Described,
  event: EventRow | undefined,
): Promise<readonly Period[]> {
  const { rows } = await client.query<Period>(
    `with moment as (
       select now() as at
       union
       select c.t + ${graceSql} from pgtrail.retention_rule r, lateral (values (r.counts_from), (r.counts_until)) c (t)
       where isfinite(c.t) and c.t + ${graceSql} > now()
     ), period as (
       select m.at, lead(m.at, 1, 'infinity') over (order by m.at) as until, k.*
       from moment m, lateral pgtrail.retention_of($1, $2, $3, $4, array(select json_array_elements_text($5::json)), m.at) k
     )
     select p.at, p.keep_days, p.floor, p.archive_after_days, p.rule_seq, p.later_days, to_json(p.equals) as equals,
       p.at - p.keep_days * interval '24 hours' as cutoff,
       $6::timestamptz < p.at - p.keep_days * interval '24 hours' and $7::timestamptz < p.at - ${graceSql} as over,
       case when g.at < p.until then g.at end as goes
     from period p
     cross join lateral (select case when isfinite($6::timestamptz)
       then greatest(p.at, $6::timestamptz + p.keep_days * interval '24 hours', $7::timestamptz + ${graceSql}) end as at) g
     order by p.at`,
    [
      of.organization_id,
      of.data_classification,
      of.event_type,
      of.retention_policy,
      of.compliance_tags,
      event?.occurred_at ?? null,
      event?.recorded_at ?? null,
    ],
  )
  return rows
}

async function holdsOn(client: ClientBase, event: EventRow): Promise<RetentionExplanation["holds"]> {
  const { rows: able } = await client.query<{ able: string }>(
    `select has_table_privilege('pgtrail.hold', 'select')
       and has_function_privilege('pgtrail.holds_on(text,int,bigint,timestamptz)', 'execute') as able`,
  )
  if (able[0]?.able !== "t") return null
  const { rows } = await client.query<{ case_id: string; act: string }>(
    `select h.case_id, h.act_seq as act from pgtrail.holds_on($1, $2::int, $3::bigint, $4::timestamptz) o (act)
     join pgtrail.hold h on h.act_seq = o.act order by h.act_seq`,
    [event.organization_id, event.lane, event.seq, event.occurred_at],
  )
  return rows
}
