// Replays which partitions were detached, and compares the control table with them, and with the tables that are there.
import { word } from "../act/about.js"
import { microseconds } from "../binary.js"
import { altered, shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"
import { time } from "./retention-purge.js"

interface Detachment {
  readonly act: string
  readonly since: string
  readonly until: string
}

type Parameters = Readonly<Record<string, unknown>>

export class Detachments {
  readonly #detached = new Map<string, Detachment>()

  /** The migration that made the table was taken back. */
  reset(): void {
    this.#detached.clear()
  }

  detach(seq: string, given: Parameters): void {
    const { partition, since, until } = given
    this.#detached.set(word(partition), { act: seq, since: word(since), until: word(until) })
  }

  /** It was attached again, or dropped with its events purged. */
  end(given: Parameters): void {
    this.#detached.delete(word(given.partition))
  }

  async check(tables: LogTables, findings: Findings): Promise<void> {
    if (!(await tables.has("detached_partition"))) return
    const wanted = new Map(this.#detached)
    for (const row of await tables.detached()) {
      const detached = wanted.get(row.name)
      wanted.delete(row.name)
      const what = `pgtrail.detached_partition has ${shown(row.name)}`
      const evidence = `${row.name} ${row.since} ${row.until} ${row.act_seq}`
      if (detached === undefined) altered(findings, `${what}, which no act has detached`, evidence)
      else if (!isSame(detached, row)) {
        altered(findings, `${what}, and not as act ${detached.act} detached it`, evidence)
      } else if (row.is_there !== "t") altered(findings, `${what}, and there is no such table`, evidence)
      else if (row.is_attached === "t") {
        altered(findings, `${what}, and it is attached, which no act did`, evidence)
      }
    }
    for (const [name, { act }] of wanted) {
      altered(findings, `pgtrail.detached_partition has lost ${shown(name)}, which act ${act} detached`)
    }
  }
}

function isSame(
  { act, since, until }: Detachment,
  row: Record<"since" | "until" | "act_seq", string>,
): boolean {
  const isTime = (given: string, stored: string) => time(given) === microseconds(stored)
  return act === row.act_seq && isTime(since, row.since) && isTime(until, row.until)
}
