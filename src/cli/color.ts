// Whether a stream gets colour, and the few styles that pgtrail uses.
import type { Io } from "./io.js"

export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  yellow(text: string): string
}

const same = (text: string): string => text
export const plain: Style = { bold: same, dim: same, red: same, yellow: same }
const coloured: Style = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  red: (text) => `\u001b[31m${text}\u001b[39m`,
  yellow: (text) => `\u001b[33m${text}\u001b[39m`,
}

/** --no-color, then FORCE_COLOR, then NO_COLOR (present and not empty), TERM=dumb, and whether it is a terminal. */
export function styleFor(io: Io, isTTY: boolean, allowed: boolean): Style {
  const { FORCE_COLOR: force = "", NO_COLOR: no = "", TERM: term } = io.env
  if (!allowed) return plain
  if (force !== "") return force === "0" || force === "false" ? plain : coloured
  return no === "" && term !== "dumb" && isTTY ? coloured : plain
}
