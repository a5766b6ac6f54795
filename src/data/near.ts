// Finds what somebody meant who typed a name that does not exist.

/** Those of `known` that differ from `typed` by a slip or two, the nearest first. */
export function near(typed: string, known: readonly string[], most = 3): string[] {
  const wanted = typed.toLowerCase()
  const allowed = Math.max(1, Math.floor(wanted.length / 3))
  return known
    .map((name) => ({ name, slips: slips(wanted, name.toLowerCase(), allowed) }))
    .filter(({ slips }) => slips <= allowed)
    .sort((a, b) => a.slips - b.slips)
    .slice(0, most)
    .map(({ name }) => name)
}

/** Letters to add, drop, change or swap with their neighbour; more than `allowed` where it is more. */
function slips(a: string, b: string, allowed: number): number {
  if (Math.abs(a.length - b.length) > allowed) return allowed + 1
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : changed
      row.push(Math.min(changed, swapped, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}
