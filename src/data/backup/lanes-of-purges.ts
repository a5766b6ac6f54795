// The records of purges of one lane after another, out of a file that has them in the order of lanes: read on from where it was, as far as it goes.
import type { PurgeRecord } from "../purge/records.js"

interface Lane {
  readonly organization: string
  readonly lane: number
  readonly records: PurgeRecord[]
}

export class LanesOfPurges {
  readonly #open: () => AsyncIterable<PurgeRecord>
  #rows: AsyncIterator<PurgeRecord> | undefined
  /** The first record of the lane that follows. */
  #ahead: PurgeRecord | undefined
  #last: Lane | undefined

  constructor(open: () => AsyncIterable<PurgeRecord>) {
    this.#open = open
  }

  async of(organization: string, laneText: string): Promise<readonly PurgeRecord[]> {
    const lane = Number(laneText)
    const order = this.#last === undefined ? 1 : compare(organization, lane, this.#last)
    if (order === 0) return this.#last?.records ?? []
    if (order < 0 || this.#rows === undefined) await this.#restart()
    const found: Lane = { organization, lane, records: [] }
    for (; this.#ahead !== undefined; this.#ahead = await this.#next()) {
      const { organization_id, lane: at } = this.#ahead
      const side = compare(organization_id, Number(at), found)
      if (side > 0) break
      if (side === 0) found.records.push(this.#ahead)
    }
    this.#last = found
    return found.records
  }

  async #restart(): Promise<void> {
    await this.#rows?.return?.()
    this.#rows = this.#open()[Symbol.asyncIterator]()
    this.#ahead = await this.#next()
  }

  async #next(): Promise<PurgeRecord | undefined> {
    const next = await this.#rows?.next()
    return next?.done === false ? next.value : undefined
  }
}

/** Organizations by their bytes. */
const compare = (organization: string, lane: number, than: Pick<Lane, "organization" | "lane">): number =>
  organization === than.organization
    ? lane - than.lane
    : Buffer.compare(Buffer.from(organization), Buffer.from(than.organization))
