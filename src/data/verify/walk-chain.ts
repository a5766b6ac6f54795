// Reads one chain in its order, page by page, each page in a short transaction of its own: no lock outlives a page.
import type { Client } from "pg"
import { eventColumns } from "../event-columns.js"
import { hasEntries } from "../redaction/entry.js"
import { withAllEvents } from "./detached.js"
import type { Findings, NewFinding } from "./finding.js"
import { liveTables } from "./log-tables.js"
import type { Pace } from "./pace.js"
import type { Purges } from "./purges.js"
import type { Row } from "./row.js"
import { judgedColumns, RowReader, recordColumns } from "./row-reader.js"
import { copy } from "./scan.js"
import { digestOf } from "./seen.js"
import { Walk } from "./walk.js"
import type { Head, WalkRange } from "./walk-range.js"

export interface WalkControl {
  readonly purges: Pick<Purges, "ofLane" | "isArchived">
  readonly pace?: Pace
  /** Rows of a page at most. */
  readonly pageRows?: number | undefined
  /** Asked between two pages. */
  readonly isOver?: () => boolean
  readonly signal?: AbortSignal | undefined
  readonly counted?: (events: number) => void
  /** Whether a row that no chain can have, because its place is too large or its hash too short, is a finding here. */
  readonly tellsPlaceless?: boolean
}

/** How many events have a redacted group, and how many have which. */
export interface Redacted {
  readonly events: number
  readonly identity: number
  readonly content: number
}

export const noneRedacted: Redacted = { events: 0, identity: 0, content: 0 }

export const addRedacted = (a: Redacted, b: Redacted): Redacted => ({
  events: a.events + b.events,
  identity: a.identity + b.identity,
  content: a.content + b.content,
})

export interface Walked {
  readonly events: number
  /** With those that have no place in the chain. */
  readonly rows: number
  readonly redacted: Redacted
  /** Places that were purged with a record. */
  readonly purged: number
  /** Those of them whose events are in archives. */
  readonly archived: number
  /** The head that it read up to, or the newest place that it saw, if that is beyond. */
  readonly until: number
  /** Where it stopped because its time was over: read up to and with this seq. */
  readonly stoppedAt: number | undefined
}

const largestPage = 50_000

export const freshSnapshot = "begin isolation level repeatable read read only"

export async function walkChain(
  client: Client,
  range: WalkRange,
  findings: Pick<Findings, "add">,
  control: WalkControl,
): Promise<Walked> {
  const { purges, pace, isOver = () => false, signal, counted = () => undefined } = control
  const { pageRows: most = largestPage } = control
  // With a rate a page takes a second, so that neither its transaction nor the next look at the clock is far.
  const pageRows = Math.max(1, Math.min(most, pace?.rate ?? most))
  const walk = new Walk(range, (finding) => findings.add(finding))
  const { rows: quoted } = await client.query<{ organization: string }>(
    "select quote_literal($1::text) as organization",
    [range.organization_id],
  )
  const conditions = [
    `organization_id = ${quoted[0]?.organization}`,
    `lane = ${Number.parseInt(range.lane, 10)}`,
    ...(range.first > 1 ? [`seq >= ${range.first}`] : []),
    ...(range.until === undefined ? [] : [`seq <= ${range.until}`]),
  ]
  let rows = 0
  let events = 0
  let redacted = noneRedacted
  const gone = () => {
    const { purgedBy } = walk
    const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
    const inArchives = [...purgedBy].flatMap(([act, count]) => (purges.isArchived(act) ? [count] : []))
    return { purged: sum([...purgedBy.values()]), archived: sum(inArchives) }
  }
  for (let after = ""; ; after = ` and seq > ${walk.position}`) {
    const before = rows
    // The head belongs to the snapshot of the page, and so do the purges: what came after it in between is on the next page.
    const head = await withAllEvents(client, eventColumns, async (source) => {
      walk.purges = await purges.ofLane(liveTables(client), range.organization_id, range.lane)
      const newest = range.until === undefined ? await headOf(client, range) : undefined
      const reader = new RowReader((row) => {
        rows += 1
        if (!Number.isNaN(row.seq)) {
          events += 1
          if (row.redactedIdentity || row.redactedContent) {
            const [identity, content] = [Number(row.redactedIdentity), Number(row.redactedContent)]
            redacted = addRedacted(redacted, { events: 1, identity, content })
          }
          walk.push(row)
        } else if (control.tellsPlaceless === true) findings.add(placeless(range, row))
      })
      const select =
        `select ${(await hasEntries(client)) ? judgedColumns : recordColumns} from ${source} where ${conditions.join(" and ")}${after} ` +
        `order by seq fetch first ${pageRows} rows with ties`
      await copy(client, select, reader, signal, pace)
      return newest
    })
    counted(rows - before)
    // A page of nothing but rows that have no place would be read for ever.
    if (rows - before < pageRows || after === ` and seq > ${walk.position}`) {
      walk.finish(head)
      const until = Math.max(range.until ?? head?.seq ?? 0, walk.position)
      return { events, rows, redacted, ...gone(), until, stoppedAt: undefined }
    }
    if (isOver()) {
      walk.pause()
      return { events, rows, redacted, ...gone(), until: walk.position, stoppedAt: walk.position }
    }
  }
}

function placeless({ organization_id, lane }: WalkRange, row: Row): NewFinding {
  const message = `a row of lane ${lane} has no place in the chain: its chain columns were changed`
  return { kind: "altered", organization_id, lane, message, evidence: `no place ${digestOf(row)}` }
}

async function headOf(client: Client, range: WalkRange): Promise<Head> {
  const { rows } = await client.query<{ seq: string; hash: string }>(
    `select seq, encode(hash, 'hex') as hash from pgtrail.chain_head
     where organization_id = $1 and lane = $2 order by seq desc limit 1`,
    [range.organization_id, range.lane],
  )
  const [head] = rows
  return {
    seq: Number.parseInt(head?.seq ?? "0", 10),
    hash: Buffer.from(head?.hash ?? "", "hex").toString("latin1"),
  }
}
