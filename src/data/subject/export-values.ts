// What a value of an event is to whom it is given: his to read, another's, or for a human to look at first.
import type { EventColumn } from "../event-columns.js"
import { replaceElements } from "./export-array.js"
import type { Search } from "./export-columns.js"
import { asJson, type JsonPath, type JudgeName, replaceValues, textOf } from "./export-json.js"
import { type OtherNames, otherPerson } from "./export-others.js"
import type { OwnNames } from "./export-own.js"

/** In the place of text that may name others. */
export const forReview = "[for review]"

/** Unsalted hashes of values: who has the hash of another's value finds the value. */
const sums = new Set(["hash", "previous_hash", "checksum", "digest", "hmac", "signature"])
const quote = 0x22

export interface Step {
  readonly column: EventColumn
  readonly at: number
  readonly search: Search
}

/** Of the event that is judged. */
export interface Setting {
  /** It is about the subject: what is ruled to be personal is his. */
  readonly isOwn: boolean
  /** Others are in it. */
  readonly isMixed: boolean
  readonly paths: ReadonlyMap<string, readonly JsonPath[]> | undefined
  masked: boolean
  /** Values of the column that wait for a human. */
  waits: number
}

/** How arrays are read: as PostgreSQL writes them, or as JSON. */
export type Arrays = "array" | "json"

export class ValueMask {
  readonly #own: OwnNames
  readonly #others: OtherNames
  readonly #arrays: Arrays
  readonly #includeText: boolean

  constructor(
    own: OwnNames,
    others: OtherNames,
    { arrays, includeText }: { readonly arrays: Arrays; readonly includeText: boolean },
  ) {
    this.#own = own
    this.#others = others
    this.#arrays = arrays
    this.#includeText = includeText
  }

  /** The same text where it stays. */
  judged(value: string, { column, search }: Step, setting: Setting): string {
    if (search === "document") return this.#judgedDocument(value, column, setting)
    const judge = (text: string): string | undefined => this.#judgedText(text, search, setting)
    if (column !== "tags" && column !== "compliance_tags") return judge(value) ?? value
    if (this.#arrays === "array") return replaceElements(value, judge)
    return replaceValues(value, [], (raw) =>
      raw.charCodeAt(0) === quote ? asJson(judge(textOf(raw))) : undefined,
    )
  }

  /** undefined: it stays. */
  #judgedText(text: string, search: Search, setting: Setting): string | undefined {
    if (this.#own.isHarmless(text)) return undefined
    const now = this.#others.hide(text, search === "vocabulary")
    if (now !== text) setting.masked = true
    // Nothing but another's name: there is nothing left to look at.
    if ((search === "text" || search === "waits") && now !== otherPerson) {
      setting.waits += 1
      if (!this.#includeText) return forReview
    }
    return now === text ? undefined : now
  }

  #judgedDocument(document: string, column: EventColumn, setting: Setting): string {
    const { isOwn, isMixed, paths } = setting
    const masked = (): string => {
      setting.masked = true
      return `"${otherPerson}"`
    }
    return replaceValues(
      document,
      paths?.get(column) ?? [],
      (raw, isRuled, member) => {
        if (raw.charCodeAt(0) !== quote) {
          if (raw === "null") return undefined
          return (isRuled && !isOwn) || this.#others.hide(raw) === otherPerson ? masked() : undefined
        }
        const text = textOf(raw)
        if (isRuled && isOwn) return asJson(this.#judgedText(text, "searched", setting))
        if (isRuled ? !this.#own.isHis(text) : isMixed && sums.has(member) && !this.#own.isHarmless(text))
          return masked()
        return asJson(this.#judgedText(text, "text", setting))
      },
      isMixed ? this.#nameJudge(setting) : undefined,
    )
  }

  /** Two members whose names are masked have two names still. */
  #nameJudge(setting: Setting): JudgeName {
    const given = new Map<string, number>()
    return (raw) => {
      const text = textOf(raw)
      const now = this.#judgedText(text, /[^\s@]@[^\s@]/.test(text) ? "waits" : "searched", setting)
      if (now === undefined) return undefined
      const number = (given.get(now) ?? 0) + 1
      given.set(now, number)
      return asJson(number === 1 ? now : `${now} ${number}`)
    }
  }
}
