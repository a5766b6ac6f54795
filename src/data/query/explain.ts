// How the server answers a question: for each statement the shape of its plan and the partitions that it opens.
import type { ClientBase } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { readCursor } from "./cursor.js"
import type { EventQuery } from "./events.js"
import { fixed } from "./filter.js"
import { refuseBound } from "./source.js"
import { segmentQuery } from "./statement.js"
import { firstMost, nextMost, stretchAt } from "./stretch.js"
import { withWalk } from "./walk.js"

/** Of one statement: a segment, or several that touch. */
export interface SegmentPlan {
  /** Its ends; null where it has none. */
  readonly since: string | null
  readonly until: string | null
  /** Those that the statement opens, by their names. */
  readonly partitions: string
  /**
   * The nodes from the first to the last, each below the one before; indexes by the name they have on pgtrail.event. Where it is the same for
   * partition after partition it stands once.
   */
  readonly plan: string
  /** As the planner thinks. */
  readonly rows: string
  readonly cost: string
  /** Where it was run: what came, how long it took, and the blocks of 8 kB that it looked at. */
  readonly returned: string | null
  readonly milliseconds: string | null
  readonly blocks: string | null
  /** All that the server said, line by line. */
  readonly explain: string
}

export interface QueryPlan {
  /** In the order in which they are asked. A walk ends where its limit is full, so that the last may never be. */
  readonly segments: readonly SegmentPlan[]
  /** Partitions of the log, and those among them that no statement opens. */
  readonly partitions: number
  readonly pruned: number
  /** Statements that were only planned because the limit was full before. */
  readonly spared: number
}

export interface ExplainQuery extends EventQuery {
  /** Runs the statements, and tells what they took. */
  readonly run?: boolean | undefined
}

/**
 * Plans alone, or with `run` the statements themselves, until the limit is full. How many partitions a statement opens hangs on what the
 * one before it found: where none is run, on what the planner thinks that it finds.
 */
export async function explainEvents(target: ConnectionTarget, query: ExplainQuery): Promise<QueryPlan> {
  const { order = "newest", limit = Number.MAX_SAFE_INTEGER - 1, run = false } = query
  const start = query.after === undefined ? undefined : readCursor(query.after, query, order).position
  return withWalk(target, query, { order, from: start?.occurred_at }, async (walk) => {
    const { client, segments, source, filter } = walk
    refuseBound(source, "a plan")
    const names = await namesOf(client)
    const wanted = fixed({ ...query, ...filter, order })
    const plans: SegmentPlan[] = []
    let left = limit + 1
    let spared = 0
    let position = start
    let most = firstMost(filter)
    for (let at = 0; ; ) {
      const stretch = stretchAt(segments, at, most)
      if (stretch === undefined) break
      query.progress?.(at, segments.length)
      const isRun = run && left > 0
      if (run && !isRun) spared += 1
      const { sql, params } = segmentQuery(wanted, stretch, isRun ? left : limit + 1, position, source)
      const options = isRun ? "(analyze, buffers)" : ""
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain ${options} ${sql}`, params)
      const plan = shapeOf(
        rows.map((row) => row["QUERY PLAN"]),
        names,
      )
      plans.push({ since: stretch.since ?? null, until: stretch.until ?? null, ...plan })
      const count = Number(plan.returned ?? plan.rows)
      if (run === isRun) left -= count
      if (count > 0) position = undefined
      at += stretch.segments
      most = left <= 0 ? 1 : nextMost(stretch, count, left)
    }
    const opened = new Set(plans.flatMap(({ partitions }) => partitions.split(", ")))
    const partitions = names.partitions.size
    return {
      segments: plans,
      partitions,
      pruned: partitions - [...opened].filter((name) => names.partitions.has(name)).length,
      spared,
    }
  })
}

interface Names {
  readonly partitions: ReadonlySet<string>
  /** Of a partition's index to that on pgtrail.event. */
  readonly indexes: ReadonlyMap<string, string>
}

async function namesOf(client: ClientBase): Promise<Names> {
  const { rows } = await client.query<{ name: string; parent: string; is_index: string }>(
    `select quote_ident(c.relname) as name, p.relname as parent, c.relkind in ('i', 'I') as is_index
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
     where i.inhparent = 'pgtrail.event'::regclass
       or i.inhparent in (select x.indexrelid from pg_index x where x.indrelid = 'pgtrail.event'::regclass)`,
  )
  const indexes = rows.filter((row) => row.is_index === "t")
  return {
    partitions: new Set(rows.filter((row) => row.is_index !== "t").map(({ name }) => name)),
    indexes: new Map(indexes.map(({ name, parent }) => [name, parent])),
  }
}

type Shape = Omit<SegmentPlan, "since" | "until">

/** What the text of EXPLAIN says; its words are the same from 14 to 18. */
function shapeOf(lines: readonly string[], { indexes }: Names): Shape {
  const name = `("(?:[^"]|"")*"|[^\\s"]+)`
  const nodes = lines.flatMap((line) => {
    const [, node, cost, rows] =
      /^\s*(?:->\s+)?(\S.*?) {2}\(cost=[\d.]+\.\.([\d.]+) rows=(\d+) /.exec(line) ?? []
    return node === undefined ? [] : [{ node, cost, rows }]
  })
  // A bitmap of an index names that alone, and the node above it the partition.
  const opened = nodes.flatMap(({ node }) =>
    node.startsWith("Bitmap Index Scan")
      ? []
      : (new RegExp(` on (?:pgtrail\\.)?${name}(?: |$)`).exec(node)?.[1] ?? []),
  )
  const plan = nodes.map(({ node }) => {
    const [, kind = node, index] = new RegExp(`^(.*?)(?: using ${name})?(?: on .*)?$`).exec(node) ?? []
    const [, bitmap] = new RegExp(`^Bitmap Index Scan on ${name}$`).exec(node) ?? []
    const used = index ?? bitmap
    return used === undefined ? kind : `${kind} ${indexes.get(used) ?? used}`
  })
  const first = (pattern: RegExp): string | null =>
    lines.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined) ?? null
  const [, hit = "0", read = "0"] =
    /Buffers: (?:shared(?: hit=(\d+))?(?: read=(\d+))?)?/.exec(
      lines.find((line) => line.includes("Buffers:")) ?? "",
    ) ?? []
  const isRun = first(/^Execution Time: ([\d.]+) ms/) !== null
  return {
    partitions: [...new Set(opened)].join(", "),
    plan: plan.filter((node, at) => node !== plan[at - 1]).join(" > "),
    rows: nodes[0]?.rows ?? "",
    cost: nodes[0]?.cost ?? "",
    returned: first(/\(actual .*?rows=(\d+)/),
    milliseconds: first(/^Execution Time: ([\d.]+) ms/),
    blocks: isRun ? String(Number(hit) + Number(read)) : null,
    explain: lines.join("\n"),
  }
}
