// How text from a database and counts are written for people.

/** 1,234,567. */
export function grouped(count: number | bigint | string): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ",")
}

/** Control characters as escapes: what somebody wrote into an event must not steer a terminal. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  )
}

export const plural = (count: string | number, noun: string): string =>
  `${grouped(count)} ${noun}${String(count) === "1" ? "" : "s"}`

const longest = 200

/** A value as it stands between quotes, cut where it is long; JSON has the whole. */
export function quoted(value: string | null): string {
  if (value === null) return "null"
  const characters = [...value]
  if (characters.length <= longest) return `"${visible(value)}"`
  return `"${visible(characters.slice(0, longest).join(""))}" (cut: ${grouped(characters.length)} characters)`
}
