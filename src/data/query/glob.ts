// Globs: `*` stands for any run of characters, `?` for one; `\` before one of them takes its meaning away.

/** What a glob means: one literal, or a LIKE pattern that begins with the literal `prefix`. */
export function readGlob(glob: string): { literal?: string; prefix: string; pattern: string } {
  const text: string[] = []
  const pattern: string[] = []
  let prefix: string | undefined
  let end = 0
  const literally = (characters: string): void => {
    text.push(characters)
    pattern.push(escapeLike(characters))
  }
  for (const { 0: token, index } of glob.matchAll(/\\[*?\\]|[*?]/g)) {
    literally(glob.slice(end, index))
    end = index + token.length
    if (token.length > 1) literally(token.slice(1))
    else {
      prefix ??= text.join("")
      pattern.push(token === "*" ? "%" : "_")
    }
  }
  literally(glob.slice(end))
  const whole = pattern.join("")
  return prefix === undefined
    ? { literal: text.join(""), prefix: text.join(""), pattern: whole }
    : { prefix, pattern: whole }
}

export const escapeLike = (text: string): string => text.replace(/[%_\\]/g, "\\$&")

/** The first text, in the order of collation "C", that comes after all that begin so. */
export function successor(start: string): string | undefined {
  const points = Array.from(start, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // No character of UTF-8 is between these two. Not spread into arguments: a megabyte of them is more than a call takes.
  return [...points, last === 0xd7ff ? 0xe000 : last + 1].map((point) => String.fromCodePoint(point)).join("")
}

/** The first characters as Postgres counts them: code points, of one or two UTF-16 units. */
export const cut = (text: string, length: number): string =>
  text.length <= length
    ? text
    : Array.from(text.slice(0, 2 * length))
        .slice(0, length)
        .join("")
