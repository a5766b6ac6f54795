// The line that was typed, to be typed again with one option more or another: for hints that whoever reads them can paste.

import { shellWord } from "../data/shell-word.js"
import { redact, secretsOf } from "./redact.js"

export { shellWord }

/** ` --url URL` for commands to run next, where the line named a database; without its password, which stands in no hint. */
export function urlAgain(url: string | undefined): string {
  if (url === undefined) return ""
  const plain = url
    .replace(/(:\/\/[^\s:/@?#]*):.*@/s, "$1@")
    .replace(/([?&])(?:ssl)?password=[^&]*&?/g, "$1")
    .replace(/[?&]$/, "")
  // A list of settings with a password in it: nobody knows how it was meant to be taken apart.
  return ` --url ${secretsOf(plain).length > 0 || redact(plain) !== plain ? "URL" : shellWord(plain)}`
}

/** `argv` with `flag value` behind, in the place of any that was there. */
export function typedAgain(argv: readonly string[], flag: string, value: string): string {
  const kept = argv.filter(
    (word, at) => word !== flag && argv[at - 1] !== flag && !word.startsWith(`${flag}=`),
  )
  return ["pgtrail", ...kept.map(shellWord), flag, shellWord(value)].join(" ")
}
