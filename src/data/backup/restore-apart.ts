// How a log that stands where a backup is to be restored differs from it: what either has that the other has not, and whether they went apart.
import type { Client } from "pg"
import type { LostLog } from "../migrate/lost.js"
import type { BackupManifest } from "./manifest.js"
import { type Hashes, type History, keyOf } from "./restore-history.js"

export interface Head {
  readonly seq: bigint
  /** Hex. */
  readonly hash: string
}

export interface ComparedHeads {
  readonly newer: bigint
  readonly missing: bigint
  /** Lanes that have other events at the same places. */
  readonly apart: number
  /** Lanes that end so long before the backup that it takes its events to tell whether they went apart. */
  readonly unknown: number
}

interface Lane extends Head {
  readonly organization_id: string
  readonly lane: string
  readonly key: string
  /** The head that the backup has of it. */
  readonly known: Head | undefined
}

/** `heads`: the newest of the backup, by their keys. */
export async function compareHeads(
  client: Client,
  heads: ReadonlyMap<string, Head>,
  history: History,
): Promise<ComparedHeads> {
  const lanes = await lanesOf(client, heads)
  const isAhead = ({ seq, known }: Lane): boolean => known !== undefined && seq > known.seq
  const ahead = lanes.filter(isAhead).map((lane) => ({ lane, place: lane.known as Head }))
  const live = await hashesAt(client, ahead)
  const apart = new Set<Lane>()
  for (const { lane, place } of ahead) {
    const hash = live.get(lane)?.get(place.seq)
    // What was purged says nothing.
    if (hash !== undefined && hash !== place.hash) apart.add(lane)
  }
  for (const lane of lanes) if (lane.known?.seq === lane.seq && lane.known.hash !== lane.hash) apart.add(lane)
  const behind = lanes.filter(({ seq, known }) => known !== undefined && seq < known.seq)
  const past = await history.lanes([...behind, ...apart].map(({ key }) => key))
  let unknown = 0
  for (const lane of behind) {
    const hash = past.get(lane.key)?.get(lane.seq)
    if (hash === undefined) unknown += 1
    else if (hash !== lane.hash) apart.add(lane)
  }
  const forks = await forksOf(client, [...apart], past)
  let [newer, missing] = [0n, 0n]
  const left = new Map(heads)
  for (const lane of lanes) {
    left.delete(lane.key)
    const known = lane.known?.seq ?? 0n
    const common = forks.get(lane) ?? (lane.seq < known ? lane.seq : known)
    newer += lane.seq - common
    missing += known - common
  }
  for (const { seq } of left.values()) missing += seq
  return { newer, missing, apart: apart.size, unknown }
}

async function lanesOf(client: Client, heads: ReadonlyMap<string, Head>): Promise<Lane[]> {
  const { rows } = await client.query<{ organization_id: string; lane: string; seq: string; hash: string }>(
    `select distinct on (h.organization_id collate "C", h.lane) h.organization_id, h.lane, h.seq, encode(h.hash, 'hex') as hash
     from pgtrail.chain_head h where h.seq > 0
     order by h.organization_id collate "C", h.lane, h.seq desc`,
  )
  return rows.map((row) => {
    const key = keyOf(row.organization_id, row.lane)
    return { ...row, key, seq: BigInt(row.seq), known: heads.get(key) }
  })
}

const batch = 5_000

/** What the log has at these places. */
async function hashesAt(
  client: Client,
  places: readonly { readonly lane: Lane; readonly place: Pick<Head, "seq"> }[],
): Promise<ReadonlyMap<Lane, Hashes>> {
  const found = new Map<Lane, Map<bigint, string>>()
  for (let at = 0; at < places.length; at += batch) {
    const some = places.slice(at, at + batch)
    // A lateral with a limit stays a lookup by key for each.
    const { rows } = await client.query<{ number: string; hash: string }>(
      `select g.number, encode(e.hash, 'hex') as hash
       from unnest($1::text[], $2::smallint[], $3::bigint[]) with ordinality g (organization_id, lane, seq, number)
       join lateral (select e.hash from pgtrail.event e
         where e.organization_id = g.organization_id and e.lane = g.lane and e.seq = g.seq limit 1) e on true`,
      [
        some.map(({ lane }) => lane.organization_id),
        some.map(({ lane }) => lane.lane),
        some.map(({ place }) => String(place.seq)),
      ],
    )
    for (const { number, hash } of rows) {
      const one = some[Number(number) - 1]
      if (one === undefined) continue
      const of = found.get(one.lane) ?? new Map<bigint, string>()
      found.set(one.lane, of.set(one.place.seq, hash))
    }
  }
  return found
}

/** The last place that both have of each; where none is left that the backup remembers, the one before the first of them. */
async function forksOf(
  client: Client,
  lanes: readonly Lane[],
  past: ReadonlyMap<string, Hashes>,
): Promise<ReadonlyMap<Lane, bigint>> {
  const places = lanes.flatMap((lane) =>
    [...(past.get(lane.key) ?? [])].map(([seq, hash]) => ({ lane, place: { seq, hash } })),
  )
  const live = await hashesAt(client, places)
  const forks = new Map<Lane, bigint>()
  for (const { lane, place } of places) {
    if (place.seq > lane.seq) continue
    const fork = forks.get(lane)
    if (live.get(lane)?.get(place.seq) === place.hash) {
      if (fork === undefined || fork < place.seq) forks.set(lane, place.seq)
    } else if (fork === undefined) forks.set(lane, place.seq - 1n)
  }
  return forks
}

export interface ComparedActs {
  /** Acts after this one the backup has not. */
  readonly common: string
  readonly areApart: boolean
}

/** `newest`: of the log that stands there. */
export async function compareActs(
  client: Client,
  { act }: Pick<BackupManifest, "act">,
  newest: LostLog["last_act"],
  history: History,
): Promise<ComparedActs> {
  if (act === null || newest === null) return { common: act?.seq ?? "0", areApart: false }
  const isBehind = BigInt(newest.seq) < BigInt(act.seq)
  const same = isBehind
    ? (await history.acts()).get(BigInt(newest.seq)) === newest.hash
    : (await actAt(client, act.seq)) === act.hash
  if (same) return { common: act.seq, areApart: false }
  const acts = await history.acts()
  const { rows } = await client.query<{ seq: string; hash: string }>(
    "select a.seq, encode(a.hash, 'hex') as hash from pgtrail.act a where a.organization_id = 'pgtrail' order by a.seq",
  )
  const other = rows.findIndex(({ seq, hash }) => acts.get(BigInt(seq)) !== hash)
  return { common: rows[other - 1]?.seq ?? "0", areApart: true }
}

async function actAt(client: Client, seq: string): Promise<string | undefined> {
  const { rows } = await client.query<{ hash: string }>(
    "select encode(a.hash, 'hex') as hash from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = $1",
    [seq],
  )
  return rows[0]?.hash
}
