// A unified diff of two texts, as people read it: three lines of context, no file names.

type Line = readonly [sign: " " | "-" | "+", text: string]

const context = 3
/** Beyond this the middle is shown as replaced whole: what somebody planted must not cost minutes. */
const mostCells = 4_000_000

/** Lines of the diff; none where the texts are equal. */
export function lineDiff(before: string, after: string): string[] {
  if (before === after) return []
  const old = before.split("\n")
  const now = after.split("\n")
  let head = 0
  while (head < old.length && head < now.length && old[head] === now[head]) head++
  let tail = 0
  const room = Math.min(old.length, now.length) - head
  while (tail < room && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const lines: Line[] = [
    ...old.slice(0, head).map((text): Line => [" ", text]),
    ...compare(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...old.slice(old.length - tail).map((text): Line => [" ", text]),
  ]
  return hunks(lines)
}

/** By the longest common subsequence. */
function compare(old: readonly string[], now: readonly string[]): Line[] {
  const replaced = [...old.map((text): Line => ["-", text]), ...now.map((text): Line => ["+", text])]
  const width = now.length + 1
  if (old.length * now.length === 0 || old.length * now.length > mostCells) return replaced
  const longest = new Uint32Array((old.length + 1) * width)
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      longest[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: Line[] = []
  let i = 0
  let j = 0
  while (i < old.length || j < now.length) {
    const isEqual = i < old.length && j < now.length && old[i] === now[j]
    if (isEqual) {
      lines.push([" ", old[i] ?? ""])
      i++
      j++
    } else if (i < old.length && (j === now.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(["-", old[i++] ?? ""])
    } else {
      lines.push(["+", now[j++] ?? ""])
    }
  }
  return lines
}

function hunks(lines: readonly Line[]): string[] {
  const isNear = lines.map(() => false)
  lines.forEach(([sign], at) => {
    if (sign === " ") return
    for (let near = Math.max(0, at - context); near <= at + context && near < lines.length; near++) {
      isNear[near] = true
    }
  })
  const shown: string[] = []
  let oldLine = 1
  let newLine = 1
  lines.forEach(([sign, text], at) => {
    if (isNear[at] === true) {
      if (at === 0 || isNear[at - 1] !== true) shown.push(`@@ -${oldLine} +${newLine} @@`)
      shown.push(`${sign}${text}`)
    }
    if (sign !== "+") oldLine++
    if (sign !== "-") newLine++
  })
  return shown
}
