// Where the present role reads events and heads from: the tables, or the views that show a bound reader its own organizations.
import type { ClientBase } from "pg"

export interface Sources {
  /** Null where the role may read neither; quoted, to stand behind `from`. */
  readonly events: "pgtrail.event" | "pgtrail.organization_event" | null
  readonly heads: "pgtrail.chain_head" | "pgtrail.organization_head" | null
  /** Of pgtrail.event; an operator reads places alone. */
  readonly times: boolean
  readonly acts: boolean
  readonly purges: boolean
  readonly bindings: boolean
  /** True: what it reads is a part of the log. */
  readonly bound: boolean
}

const readable = (name: string): string =>
  `coalesce(has_table_privilege(to_regclass('${name}'), 'select'), false)`

export async function sources(client: ClientBase): Promise<Sources> {
  const { rows } = await client.query<Record<string, string>>(
    `select ${readable("pgtrail.event")} as events, coalesce(has_column_privilege(to_regclass('pgtrail.event'), 'occurred_at', 'select'), false) as times,
       ${readable("pgtrail.chain_head")} as heads, ${readable("pgtrail.act")} as acts,
       ${readable("pgtrail.organization_event")} as own_events, ${readable("pgtrail.organization_head")} as own_heads,
       ${readable("pgtrail.purge")} as purges, ${readable("pgtrail.organization_reader")} as bindings`,
  )
  const may = (name: string): boolean => rows[0]?.[name] === "t"
  const bound = !may("heads") && may("own_heads")
  return {
    events: may("events")
      ? "pgtrail.event"
      : bound && may("own_events")
        ? "pgtrail.organization_event"
        : null,
    heads: may("heads") ? "pgtrail.chain_head" : bound ? "pgtrail.organization_head" : null,
    times: may("times") || (bound && may("own_events")),
    acts: may("acts"),
    purges: may("purges"),
    bindings: may("bindings"),
    bound,
  }
}
