// The other people of one event, by what is masked of them in it: whoever reads the next column must not find it there.
import type { OwnNames } from "./export-own.js"

/** In the place of what belongs to others. */
export const otherPerson = "[other person]"

/** What is shorter stands in most words. */
const shortest = 3
/** Latin, Greek and Cyrillic letters, and digits: between two of them no word ends. Other scripts write without blanks. */
const letter = /^[0-9a-z\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff]$/

export class OtherNames {
  readonly #own: OwnNames
  /** What the subject is called in text: where that has another's name in it, it stays. */
  readonly #stays: readonly string[]
  #names = new Set<string>()
  /** As text may have them, folded. */
  #forms: string[] = []

  constructor(own: OwnNames) {
    this.#own = own
    this.#stays = [...own.texts].flatMap(formsOf)
  }

  get isEmpty(): boolean {
    return this.#names.size === 0
  }

  /** The next event has others. */
  clear(): void {
    if (this.#names.size === 0) return
    this.#names = new Set()
    this.#forms = []
  }

  add(value: string): void {
    if (value.length < shortest || this.#own.isHarmless(value) || this.#names.has(value)) return
    this.#names.add(value)
    this.#forms.push(...formsOf(value))
  }

  /** The text with every name masked. `isVocabulary`: words of the application, which may be somebody's name by chance ("admin"). */
  hide(text: string, isVocabulary = false): string {
    if (this.#forms.length === 0) return text
    const same = composed(text)
    const lower = lowered(same)
    const names = this.#forms.filter((form) => lower.includes(form))
    if (names.length === 0 || (isVocabulary && names.every((form) => /^\p{L}+$/u.test(form)))) return text
    const found = names.flatMap((form) => wordsIn(lower, form)).sort(byStart)
    if (found.length === 0) return text
    const stays = this.#stays.flatMap((form) => wordsIn(lower, form)).sort(byStart)
    let masked = ""
    let [from, next, staysTo] = [0, 0, 0]
    for (const { start, end } of found) {
      for (let own = stays[next]; own !== undefined && own.start <= start; own = stays[++next]) {
        staysTo = Math.max(staysTo, own.end)
      }
      // Part of a name of his.
      if (end <= staysTo) continue
      // What overlaps is one.
      if (start >= from) masked += same.slice(from, start) + otherPerson
      from = Math.max(from, end)
    }
    if (from === 0) return text
    return masked + same.slice(from)
  }
}

/** As it is, within JSON, and as URLs write it. */
function formsOf(value: string): string[] {
  const same = composed(value)
  const text = lowered(same)
  if (/^[\w.-]*$/.test(text)) return [text]
  // Of the bytes of a letter nobody can see later that it was upper case, nor that it was decomposed.
  const inUrl = [same, text, value].map((one) => encodeURIComponent(one).toLowerCase())
  const forms = [text, JSON.stringify(text).slice(1, -1), ...inUrl]
  return [...new Set([...forms, ...inUrl.map((one) => one.replaceAll("%20", "+"))])]
}

interface Range {
  readonly start: number
  readonly end: number
}

const byStart = (a: Range, b: Range): number => a.start - b.start

/** Where a form stands as a whole word, or behind a sign that an URL writes as %2F. */
function wordsIn(text: string, form: string): Range[] {
  const found: Range[] = []
  if (form === "") return found
  for (let start = text.indexOf(form); start !== -1; start = text.indexOf(form, start + 1)) {
    const end = start + form.length
    const isBegun = isBorder(text, start) || /^%[0-9a-f]{2}$/.test(text.slice(Math.max(start - 3, 0), start))
    if (isBegun && isBorder(text, end)) found.push({ start, end })
  }
  return found
}

const isBorder = (text: string, at: number): boolean =>
  !letter.test(text.charAt(at - 1)) || !letter.test(text.charAt(at))

// biome-ignore lint/suspicious/noControlCharactersInRegex: most text is ASCII, which has one form
const composed = (text: string): string => (/^[\x00-\x7f]*$/.test(text) ? text : text.normalize("NFC"))

/** As long as the text, so that a place in the one is a place in the other. */
function lowered(text: string): string {
  const lower = text.toLowerCase()
  const same = lower.length === text.length ? lower : [...text].map(lowerLetter).join("")
  // Which of the two it is depends on what stands behind it.
  return same.replaceAll("\u03c2", "\u03c3")
}

function lowerLetter(one: string): string {
  const lower = one.toLowerCase()
  return lower.length === one.length ? lower : one
}
