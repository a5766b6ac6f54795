// Breaks the lines of a text for people at blanks, where they are wider than the terminal; what has a name before it stays beside it.
import { learnWidths, widthOf } from "./width.js"

export async function wrapped(text: string, width: number | undefined): Promise<string> {
  if (width === undefined) return text
  await learnWidths([text])
  return text
    .split("\n")
    .flatMap((line) => (widthOf(line, width + 1) > width ? broken(line, width) : [line]))
    .join("\n")
}

/** "name           value": what follows stands below the value. */
const named = /^[\w-]+(?: [\w-]+)* {2,}|^ */

function broken(line: string, width: number): string[] {
  const head = named.exec(line)?.[0] ?? ""
  const indent = " ".repeat(head.length < width / 2 ? head.length : 0)
  const lines: string[] = []
  let current = head
  let isEmpty = true
  for (const [piece] of line.slice(head.length).matchAll(/ *[^ ]+/g)) {
    if (isEmpty || widthOf(current, width) + widthOf(piece, width) <= width) current += piece
    else {
      lines.push(current)
      current = `${indent}${piece.trimStart()}`
    }
    isEmpty = false
  }
  return [...lines, current]
}
