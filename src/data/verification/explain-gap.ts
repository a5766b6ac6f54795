// Explains findings about events that are gone: which they were, between which events, and whether they are gone still.
import type { ClientBase } from "pg"
import { genesis } from "../canonical.js"
import { writeTime } from "../query/columns.js"
import { grouped } from "../words.js"
import { type Explained, type Gap, nothing } from "./explanation.js"
import type { RecordedFinding } from "./list.js"
import type { PurgedPlace } from "./purged-places.js"
import { after, before, type EventPlace } from "./rows.js"
import type { Surroundings } from "./surroundings.js"

export const gapKinds: ReadonlySet<string> = new Set([
  "missing",
  "truncated",
  "vanished",
  "unauthorized_purge",
  "rolled_back",
])

/** First event at or after each place that is there now, by index. */
export async function nextPresent(
  client: ClientBase,
  places: readonly EventPlace[],
): Promise<(string | null)[]> {
  if (places.length === 0) return []
  const { rows } = await client.query<{ position: string; seq: string | null }>(
    `select p.position, e.seq
     from unnest($1::text[], $2::smallint[], $3::bigint[]) with ordinality p (organization_id, lane, seq, position)
     left join lateral (select e.seq from pgtrail.event e
       where e.organization_id = p.organization_id and e.lane = p.lane and e.seq >= p.seq order by e.seq limit 1) e on true
     order by p.position`,
    [
      places.map((place) => place.organization_id),
      places.map((place) => place.lane),
      places.map((place) => place.seq),
    ],
  )
  return rows.map(({ seq }) => seq)
}

/** `nextEvent`: first event at or after the place that is there now; null where none is. */
export function explainGap(
  finding: RecordedFinding,
  place: EventPlace,
  nextEvent: string | null,
  purged: PurgedPlace | undefined,
  around: Surroundings,
): Explained {
  if (purged?.act != null && nextEvent !== place.seq) {
    const says = [`it was purged with a record: pgtrail act show ${purged.act}`]
    return { ...finding, explanation: { ...nothing, still: false, says }, wish: null }
  }
  // The gap ends where events that are there begin, or such as were purged.
  const isPurgedNext =
    purged?.first != null && (nextEvent === null || BigInt(purged.first) < BigInt(nextEvent))
  const next = isPurgedNext ? purged.first : nextEvent
  if (next === place.seq) {
    const says = [
      purged?.restored == null
        ? "an event stands there again"
        : `it was restored from an archive: pgtrail act show ${purged.restored}`,
    ]
    return { ...finding, explanation: { ...nothing, still: false, says }, wish: null }
  }
  const last = next === null ? newestKnown(finding, place, around) : String(BigInt(next) - 1n)
  const following = last === undefined ? undefined : after({ ...place, seq: last })
  const previous = around.event(before(place))
  const gap: Gap = {
    ...place,
    first: place.seq,
    last: last ?? null,
    previous: around.previousHashes(place),
    hash: isPurgedNext ? purged.before : last === undefined ? null : endOf({ ...place, seq: last }, around),
  }
  const says = [describeGap(gap)]
  if (previous !== undefined)
    says.push(`the event before was recorded ${writeTime(previous.row.recorded_at ?? "")}`)
  const later = following === undefined || next === null ? undefined : around.event(following)
  if (later !== undefined) says.push(`the event after was recorded ${writeTime(later.row.recorded_at ?? "")}`)
  const explanation = {
    ...nothing,
    still: true,
    says,
    gaps: [gap],
    recorded_after: writeTime(previous?.row.recorded_at ?? null),
    rows: [previous, later].flatMap((event, index) =>
      event === undefined
        ? []
        : [around.trace(index === 0 ? before(place) : after({ ...place, seq: last ?? place.seq }), event)],
    ),
  }
  return { ...finding, explanation, wish: null }
}

/** Hash that the last of them must have. */
function endOf(last: EventPlace, around: Surroundings): string | null {
  const head = around.newestHead(last)
  return around.vouched(last)?.hash ?? (head?.seq === last.seq ? head.hash : null)
}

/** A lane, or an organization with all its lanes, of which no event is left. */
export async function explainVanished(
  client: ClientBase,
  finding: RecordedFinding & { organization_id: string },
  logIds: readonly string[],
): Promise<Explained> {
  const { organization_id } = finding
  const { rows } = await client.query<{ lane: string; seq: string; hash: string; there: string }>(
    `select distinct on (h.lane) h.lane, h.seq, encode(h.hash, 'hex') as hash,
       exists (select from pgtrail.event e where e.organization_id = $1 and e.lane = h.lane) as there
     from (select * from (select v.organization_id, v.lane, v.seq, v.hash from pgtrail.verified_head v
           where has_table_privilege('pgtrail.verified_head', 'select')
           union all select c.organization_id, c.lane, c.seq, c.hash from pgtrail.chain_head c) u
         where u.organization_id = $1 and ($2::int is null or u.lane = $2::int) and u.seq > 0) h
     order by h.lane, h.seq desc`,
    [organization_id, finding.lane],
  )
  const gone = rows.filter((row) => row.there !== "t")
  const gaps = gone.map(
    ({ lane, seq, hash }): Gap => ({
      organization_id,
      lane,
      first: "1",
      last: seq,
      previous: logIds.map((id) => genesis(id, organization_id, lane).toString("hex")),
      hash,
    }),
  )
  if (rows.length > 0 && gone.length === 0) {
    const says = ["events stand there again"]
    return { ...finding, explanation: { ...nothing, still: false, says }, wish: null }
  }
  const unknown: Gap = {
    organization_id,
    lane: finding.lane,
    first: "1",
    last: null,
    previous: [],
    hash: null,
  }
  const says =
    gaps.length > 0
      ? gaps.map((gap) => `lane ${gap.lane}: ${describeGap(gap)}`)
      : ["its heads are gone as well: how many events it had, the log alone cannot tell"]
  const explanation = { ...nothing, still: true, says, gaps: gaps.length > 0 ? gaps : [unknown] }
  return { ...finding, explanation, wish: null }
}

function describeGap({ first, last }: Gap): string {
  if (last === null) return `event ${first} and what followed it are gone`
  const count = BigInt(last) - BigInt(first) + 1n
  return count === 1n ? `event ${first} is gone` : `events ${first} to ${last} are gone (${grouped(count)})`
}

/** Where the lane ended: by its heads, or by what verify said of an anchor outside of the log. */
function newestKnown(finding: RecordedFinding, place: EventPlace, around: Surroundings): string | undefined {
  const said = /^.*?\bevents \d{1,18} to (\d{1,18})\b/.exec(finding.message)?.[1]
  const known = [around.newestHead(place)?.seq, around.verifiedHead(place)?.seq, said]
  const newest = known.reduce<bigint>(
    (most, seq) => (BigInt(seq ?? "0") > most ? BigInt(seq ?? "0") : most),
    0n,
  )
  return newest < BigInt(place.seq) ? undefined : String(newest)
}
