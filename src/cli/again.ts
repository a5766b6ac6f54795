// The line that was typed, to be typed again with one option more or another: for hints that whoever reads them can paste.

const plain = /^[\w@%+=:,./-]+$/
/** What a terminal would obey or hide, and a message therefore shows in another form. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** A word as bash, zsh and ksh read it. */
export function shellWord(text: string): string {
  if (plain.test(text)) return text
  if (!hidden.test(text)) return `'${text.replaceAll("'", "'\\''")}'`
  const escaped = text.replace(/['\\]/g, "\\$&").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, octets)
  return `$'${escaped}'`
}

const octets = (character: string): string =>
  [...Buffer.from(character)].map((octet) => `\\${octet.toString(8).padStart(3, "0")}`).join("")

/** `argv` with `flag value` behind, in the place of any that was there. */
export function typedAgain(argv: readonly string[], flag: string, value: string): string {
  const kept = argv.filter(
    (word, at) => word !== flag && argv[at - 1] !== flag && !word.startsWith(`${flag}=`),
  )
  return ["pgtrail", ...kept.map(shellWord), flag, shellWord(value)].join(" ")
}
