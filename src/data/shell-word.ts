// Words of a command line as they must be typed: for hints that whoever reads them can paste.
import { fileURLToPath } from "node:url"

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

/** A location as somebody types it: of a folder its path. */
export const shellPlace = (location: string): string =>
  shellWord(location.startsWith("file:") ? fileURLToPath(location) : location)
