// What is kept for ever must not name the subject: an erasure whose reason has the erased address in it erases nothing.
import { TrailError } from "../errors.js"
import type { Identifier } from "./identifiers.js"

/** What is shorter stands in too many words, as for the search in text. */
const shortest = 3

/** Throws `usage` where one of the texts, by the names of their options, has an identifier in it, or the reason any e-mail address. */
export function refuseNamed(
  identifiers: readonly Identifier[],
  texts: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, text] of Object.entries(texts)) {
    if (text === undefined || !namesSubject(identifiers, text)) continue
    throw new TrailError("usage", `${name} names the subject, and what it says is kept for ever in an act`, {
      hint: "nothing was changed; name the number of the request instead",
    })
  }
  // It may be the subject's, and not among what was given. Whoever asked may well be told by his own.
  refuseAddress({ "--reason": texts["--reason"] })
}

/** `alone`: where it is part of a longer id or address, as events are searched, it is another's: ann is not in ann-marie. */
export function namesSubject(identifiers: readonly Identifier[], text: string, alone = false): boolean {
  const said = form(text)
  return identifiers
    .map(({ kind, value }) => form(kind === "resource" ? value.slice(value.indexOf("/") + 1) : value))
    .some((value) => value === said || (value.length >= shortest && hasWord(said, value, alone)))
}

/** Throws `usage` where one of the texts has an e-mail address: of a subject who is not known yet, this much can be seen. */
export function refuseAddress(texts: Readonly<Record<string, string | undefined>>): void {
  for (const [name, text] of Object.entries(texts)) {
    if (!/[^\s@]@[^\s@]+\.[^\s@]/.test(text ?? "")) continue
    throw new TrailError(
      "usage",
      `${name} has an e-mail address, and what it says is kept for ever in an act`,
      {
        hint: "nothing was changed; name the number of the request instead",
      },
    )
  }
}

const form = (text: string): string => text.normalize("NFKC").toLowerCase()

const letter = /[\p{L}\p{N}]/u

const joinedBefore = /[\p{L}\p{N}_][.@+-]$/u
const joinedAfter = /^[.@+-][\p{L}\p{N}_]/u

/** As a word of its own: the id 4711 is not in 47110. */
function hasWord(text: string, word: string, alone: boolean): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    const before = text.slice(0, at).at(-1) ?? ""
    const after = text.at(at + word.length) ?? ""
    if (alone && (joinedBefore.test(text.slice(0, at)) || joinedAfter.test(text.slice(at + word.length))))
      continue
    if (
      !(letter.test(before) && letter.test(word[0] ?? "")) &&
      !(letter.test(after) && letter.test(word.at(-1) ?? ""))
    )
      return true
  }
  return false
}
