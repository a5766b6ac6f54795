// Compares what was found with another place that may still have the originals: a second database, or a file.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { differences, groupsOf } from "./difference.js"
import { cannotTell } from "./explain-event.js"
import type { Explained, Explanation, OtherEvent, OtherGap } from "./explanation.js"
import type { Row } from "./file-forms.js"
import { fits, hashOf, isRedacted } from "./fits.js"
import { Links } from "./links.js"
import { readDatabase } from "./other-database.js"
import { rowsOfFile } from "./other-file.js"
import { batchSize, type EventPlace, eventsAt, placeKey } from "./rows.js"
import { type GapWish, Wanted } from "./wanted.js"

/** Where the originals may be. `name` is what people are told, without a password. */
export type Against =
  | { readonly name: string; readonly database: ConnectionTarget }
  | {
      readonly name: string
      readonly file: string
      /** Private keys of age, for an encrypted backup. */
      readonly identities?: readonly string[] | undefined
    }

/** Best first: two rows may stand at one place there, too. */
const states = ["original", "redacted", "another", "altered", "unreadable", "absent"] as const

/** Characters of values that an answer keeps; the differences of further findings are told when they are asked for alone. */
const mostCharacters = 32 * 1024 * 1024

export async function compare(
  client: Client,
  explained: readonly Explained[],
  against: Against,
  logIds: readonly string[],
  signal?: AbortSignal,
): Promise<Explained[]> {
  const comparison = new Comparison(client, explained, logIds)
  const { wanted } = comparison
  if (wanted.places.length === 0 && wanted.gaps.length === 0) return [...explained]
  if ("database" in against) {
    await readDatabase(against.database, against.name, wanted, (row) => comparison.take(row), signal)
  } else {
    const isWanted = (place: EventPlace): boolean => wanted.has(place)
    const { file, name, identities } = against
    for await (const row of rowsOfFile(file, name, isWanted, { identities, signal }))
      await comparison.take(row)
  }
  return comparison.finish()
}

class Comparison {
  readonly wanted: Wanted
  readonly #client: Client
  readonly #explained: readonly Explained[]
  readonly #logIds: readonly string[]
  readonly #states = new Map<number, OtherEvent["state"]>()
  readonly #differences = new Map<number, Partial<Explanation>>()
  readonly #links = new Map<GapWish, Map<string, Links>>()
  /** Originals whose present rows have not been read yet. */
  #originals: { finding: number; place: EventPlace; row: Row }[] = []
  #characters = 0

  constructor(client: Client, explained: readonly Explained[], logIds: readonly string[]) {
    this.#client = client
    this.#explained = explained
    this.#logIds = logIds
    this.wanted = new Wanted(
      explained.flatMap(({ wish }, finding) => (wish === null ? [] : [{ ...wish, finding }])),
      explained.flatMap(({ explanation }, finding) => explanation.gaps.map((gap) => ({ gap, finding }))),
    )
  }

  async take(row: Row): Promise<void> {
    const place = { organization_id: row.organization_id ?? "", lane: row.lane ?? "", seq: row.seq ?? "" }
    for (const wish of this.wanted.inGaps(place)) {
      const lanes = this.#links.get(wish) ?? new Map<string, Links>()
      const links = lanes.get(place.lane) ?? new Links(wish.gap, place.lane, this.#logIds)
      links.add(row)
      this.#links.set(wish, lanes.set(place.lane, links))
    }
    const findings = this.wanted.at(place)
    if (findings.length === 0) return
    const hash = hashOf(row)
    for (const finding of findings) {
      const state = stateOf(row, hash, this.#explained[finding]?.wish?.target)
      const known = this.#states.get(finding) ?? "absent"
      if (states.indexOf(state) < states.indexOf(known)) this.#states.set(finding, state)
      if (state === "original" && known !== "original") this.#originals.push({ finding, place, row })
    }
    if (this.#originals.length >= batchSize) await this.#settle()
  }

  /** Reads what stands at the places of the originals now. */
  async #settle(): Promise<void> {
    const originals = this.#originals
    this.#originals = []
    const present = await eventsAt(
      this.#client,
      originals.map(({ place }) => place),
    )
    for (const { finding, place, row } of originals) {
      const stored = present.get(placeKey(place)) ?? []
      const now = stored.find((event) => !fits(event.row) || isRedacted(event.row)) ?? stored[0]
      if (now === undefined) continue
      const list = differences(row, now.row)
      const characters = list.reduce(
        (sum, d) => sum + (d.original?.length ?? 0) + (d.present?.length ?? 0),
        0,
      )
      this.#characters += characters
      const kept = this.#characters <= mostCharacters
      this.#differences.set(finding, {
        differences: kept ? list : list.map((d) => ({ ...d, original: null, present: null })),
        groups: groupsOf(list),
        found_by: "against",
        ...(kept
          ? {}
          : { says: ["the answer has no room for its values: name this finding alone with --finding"] }),
      })
    }
  }

  async finish(): Promise<Explained[]> {
    await this.#settle()
    const wishes = new Map<number, GapWish[]>()
    for (const wish of this.wanted.gaps) wishes.set(wish.finding, [...(wishes.get(wish.finding) ?? []), wish])
    return this.#explained.map((finding, index) => {
      const { explanation } = finding
      const found = this.#differences.get(index)
      // The log alone could not tell; the other place has.
      const own = explanation.says.filter((text) => found === undefined || text !== cannotTell)
      const says = [...own, ...(found?.says ?? [])]
      const state = this.#states.get(index) ?? "absent"
      const other = finding.wish === null ? null : { state }
      const gaps = explanation.gaps.length > 0 ? this.#gapsOf(wishes.get(index) ?? []) : null
      return { ...finding, explanation: { ...explanation, ...found, says, against: gaps ?? other } }
    })
  }

  #gapsOf(wishes: readonly GapWish[]): OtherGap[] {
    return wishes.flatMap((wish) => {
      const lanes = this.#links.get(wish)
      if (lanes === undefined) return [new Links(wish.gap, wish.gap.lane ?? "0", this.#logIds).result()]
      return [...lanes.values()].map((links) => links.result())
    })
  }
}

/** Original is only what hashes to the hash that the log vouches for, over its values and not over a stored digest. */
function stateOf(row: Row, hash: string | undefined, target: string | undefined): OtherEvent["state"] {
  if (hash === undefined) return "unreadable"
  if (hash === target) return isRedacted(row) ? "redacted" : "original"
  return fits(row) ? "another" : "altered"
}
