// Asks the log for the events at certain places, by primary key and on the snapshot of the comparison.
import type { Client } from "pg"
import { type EventColumn, eventColumns } from "../event-columns.js"
import { type Compared, nameOf } from "./compare-events.js"
import type { Lane } from "./compare-lanes.js"
import { ChangedMeanwhile, type Relation } from "./relations.js"
import type { Snapshot } from "./snapshot.js"

/** An event as text. */
export type EventRow = Readonly<Record<EventColumn, string | null>>

export interface LanePlace {
  readonly lane: Lane
  readonly seq: number
}
export interface Present {
  readonly row: EventRow
  readonly relation: string
}

const columnList = eventColumns.map((column) => `e."${column}"`).join(", ")

export const eventRow = (values: readonly (string | null)[]): EventRow =>
  Object.fromEntries(eventColumns.map((column, at) => [column, values[at] ?? null])) as EventRow

/** Every call within a transaction on the snapshot. */
export class LogRows {
  readonly #client: Client
  readonly #snapshot: Snapshot

  constructor(client: Client, { snapshot }: Pick<Compared, "snapshot">) {
    this.#client = client
    this.#snapshot = snapshot
  }

  get partitions(): Relation[] {
    return this.#snapshot.relations.filter(({ kind }) => kind !== "table")
  }

  /** What stands at each place, by its number: looked for in the partition of this name first, since rows seldom move. */
  async at(places: readonly LanePlace[], name: string): Promise<Map<number, Present[]>> {
    const found = new Map<number, Present[]>()
    await this.#client.query("set local enable_hashjoin = off; set local enable_mergejoin = off")
    const order = this.partitions.sort((a, b) => Number(b.name === name) - Number(a.name === name))
    for (const relation of order) {
      const left = places.flatMap((place, at) => (found.has(at) ? [] : [{ ...place, at }]))
      if (left.length === 0) break
      const { rows } = await this.#client.query<(string | null)[]>({
        text: `select w.at, ${columnList}
          from unnest($1::int[], $2::text[], $3::smallint[], $4::bigint[]) w (at, organization_id, lane, seq)
          join only ${relation.quoted} e using (organization_id, lane, seq)`,
        values: asked(left),
        rowMode: "array",
      })
      await this.#refuseChanged(relation)
      for (const [at, ...values] of rows) {
        const list = found.get(Number(at)) ?? []
        list.push({ row: eventRow(values), relation: relation.name })
        found.set(Number(at), list)
      }
    }
    return found
  }

  /** Which of the places were redacted with an entry, by their number. */
  async redacted(places: readonly LanePlace[]): Promise<Set<number>> {
    if (places.length === 0 || !this.#snapshot.relations.some(({ name }) => name === "redaction_entry")) {
      return new Set()
    }
    const { rows } = await this.#client.query<{ at: string }>(
      `select w.at from unnest($1::int[], $2::text[], $3::smallint[], $4::bigint[]) w (at, organization_id, lane, seq)
       where exists (select from pgtrail.redaction_entry r
         where r.organization_id = w.organization_id and r.lane = w.lane and r.seq = w.seq)`,
      asked(places.map((place, at) => ({ ...place, at }))),
    )
    return new Set(rows.map(({ at }) => Number(at)))
  }

  /** The places of a lane that a partition has from `first` to `last`, in order. */
  async between(relation: Relation, lane: Lane, first: number, last: number): Promise<number[]> {
    const { rows } = await this.#client.query<{ seq: string }>(
      `select e.seq from only ${relation.quoted} e
       where e.organization_id = $1 and e.lane = $2 and e.seq between $3 and $4 order by e.seq`,
      [nameOf(lane), lane.number, first, last],
    )
    await this.#refuseChanged(relation)
    return rows.map(({ seq }) => Number(seq))
  }

  /** A table that was made anew shows an old snapshot no rows. */
  async #refuseChanged({ name, quoted, oid, filenode }: Relation): Promise<void> {
    const { rows } = await this.#client.query<{ oid: string | null; filenode: string | null }>(
      "select to_regclass($1)::oid::text as oid, pg_relation_filenode(to_regclass($1))::text as filenode",
      [quoted],
    )
    if (rows[0]?.oid !== oid || rows[0].filenode !== filenode) throw new ChangedMeanwhile(name)
  }
}

const asked = (places: readonly (LanePlace & { readonly at: number })[]) => [
  places.map(({ at }) => at),
  places.map(({ lane }) => nameOf(lane)),
  places.map(({ lane }) => lane.number),
  places.map(({ seq }) => seq),
]
