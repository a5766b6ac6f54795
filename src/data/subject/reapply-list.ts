// Tells the server what a register lists and this log has no entry of: by places, which are nobody's data and may be parameters.
import type { Client } from "pg"
import { asErased } from "./reapply-own.js"
import type { Places } from "./register.js"
import { registeredPlaces } from "./register-read.js"

export interface Listed {
  readonly places: bigint
  /** Those of which this log has not all the entries. */
  readonly missing: bigint
  /** The events of those. */
  readonly events: bigint
}

export interface Listing {
  /** When each was written: after a restore, events that were recorded later stand at the places of those. */
  readonly times: ReadonlyMap<string, string>
  /** Passes over what is on the list already: two entries may list the same field of an event. */
  readonly once?: boolean | undefined
  /** Only of events that something later on the list is of: who was erased after has no pseudonym, and nothing of what it had replaced. */
  readonly erased?: boolean | undefined
  /** Of these columns alone. */
  readonly columns?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

/** Only what this log does not know goes into the list. `each` is told what there is of each entry. */
export async function list(
  client: Client,
  places: AsyncIterable<Places>,
  { times, once = false, erased = false, columns, signal, progress }: Listing,
  each?: (places: Places, counts: { readonly places: bigint; readonly missing: bigint }) => void,
): Promise<Listed> {
  let all = 0n
  let missing = 0n
  const meant = (fields: readonly string[]) =>
    columns === undefined ? fields : fields.filter((field) => columns.includes(field))
  for await (const line of places) {
    signal?.throwIfAborted()
    const { id, organization, lane, seq, identity, content, token } = line
    const ranges = seq.split(",").map((range) => range.split("-"))
    const first = ranges.map(([from = ""]) => from)
    const last = ranges.map(([from = "", to = from]) => to)
    const { rows } = await client.query<{ places: string; missing: string }>(
      `with place as (
         select s.seq from unnest($3::bigint[], $4::bigint[]) r (first, last), generate_series(r.first, r.last) s (seq)
       ), listed_before as materialized (
         select l.seq, l.group_name, array_agg(f) as fields from pg_temp.pgtrail_listed l, unnest(l.fields) f
         where $9 and l.organization_id = $1 and l.lane = $2::smallint group by 1, 2
       ), erased as materialized (
         select distinct l.seq from pg_temp.pgtrail_listed l
         where $10 and l.organization_id = $1 and l.lane = $2::smallint and l.recorded_until > $8::timestamptz
       ), missing as materialized (
         select p.seq, g.name, array(select f from unnest(g.fields) f where f <> all (coalesce(b.fields, '{}'))) as fields
         from place p cross join (values ('identity', $5::text[]), ('content', $6::text[])) g (name, fields)
         left join listed_before b on b.seq = p.seq and b.group_name = g.name
         where (not $10 or p.seq in (select e.seq from erased e)) and exists (select from unnest(g.fields) f where f <> all (coalesce(b.fields, '{}')) and not exists (
           select from pgtrail.redaction_entry r where r.organization_id = $1 and r.lane = $2::smallint and r.seq = p.seq
             and r.group_name = g.name and f = any (r.fields)))
       ), listed as (
         insert into pg_temp.pgtrail_listed (organization_id, lane, seq, group_name, fields, replacement, recorded_until)
         select $1, $2::smallint, m.seq, m.name, m.fields, $7, $8::timestamptz from missing m
       )
       select (select count(*) from place) as places, (select count(distinct m.seq) from missing m) as missing`,
      [
        ...[organization, lane, first, last, meant(identity), meant(content)],
        // Whoever brings a pseudonym brings it to redact_partition, which knows whose it is.
        token?.startsWith("p1:t:none:") === true ? token : null,
        times.get(id) ?? null,
        once,
        erased,
      ],
    )
    const counts = { places: BigInt(rows[0]?.places ?? "0"), missing: BigInt(rows[0]?.missing ?? "0") }
    all += counts.places
    missing += counts.missing
    each?.(line, counts)
    progress?.(`${all} places read`)
  }
  // Two entries may list the same event.
  const { rows } = await client.query<{ events: string }>(
    "select count(*) as events from (select distinct l.organization_id, l.lane, l.seq from pg_temp.pgtrail_listed l) l",
  )
  return { places: all, missing, events: BigInt(rows[0]?.events ?? "0") }
}

/** What is to be erased: `entries`, and what `named` had replaced before in the events of these. Counts are of `entries`. */
export async function listErased(
  client: Client,
  register: string,
  { entries, named }: { readonly entries: Listing["times"]; readonly named: Listing["times"] },
  { signal, progress }: Pick<Listing, "signal" | "progress">,
): Promise<Listed> {
  const of = (times: Listing["times"]) => registeredPlaces(register, new Set(times.keys()))
  const listed = await list(client, asErased(of(entries)), { times: entries, signal, progress })
  if (listed.missing > 0n && named.size > 0)
    await list(client, of(named), { times: named, once: true, erased: true, signal })
  return listed
}
