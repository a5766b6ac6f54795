// How wide a text is on a terminal, and how much of it fits; looks no further into a hostile megabyte than it must.

/** UTF-16 units for a column of the screen, more than any script needs: the longest emoji have 15 for two. */
const perColumn = 16
/** ASCII and the Latin letters, each as wide as it is long. */
const printable = /^[ -~\u00a1-\u00ac\u00ae-\u024f…]*$/

/** Its tables of emoji cost as much as a query: they are read when a text needs them. */
let stringWidth = (text: string): number => Array.from(text).length
let isLoaded = false

/** To be awaited before these texts are measured. */
export async function learnWidths(texts: Iterable<string>): Promise<void> {
  if (isLoaded) return
  for (const text of texts) {
    if (printable.test(text)) continue
    stringWidth = (await import("string-width")).default
    isLoaded = true
    return
  }
}

let segmenter: Intl.Segmenter | undefined

/** Columns that a text takes; `most` where it takes as many or more. */
export function widthOf(text: string, most: number): number {
  if (text.length > most * perColumn) return most
  return Math.min(most, printable.test(text) ? text.length : stringWidth(text))
}

/** As much of a text as a line of this width could show of it, so that nobody looks through the rest. */
export function worthShowing(text: string, width: number | undefined): string {
  const most = width === undefined ? text.length : (width + 1) * perColumn
  return text.length <= most ? text : `${text.slice(0, most)}…`
}

/** The text, cut where it is wider than this; then its last character is the mark that says so. Undefined cuts nothing. */
export function cutTo(text: string, width: number | undefined): string {
  if (width === undefined) return text
  const looked = text.slice(0, (width + 1) * perColumn)
  if (printable.test(looked)) return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
  if (looked.length === text.length && stringWidth(text) <= width) return text
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  let cut = ""
  let left = width - 1
  for (const { segment } of segmenter.segment(looked)) {
    left -= stringWidth(segment)
    if (left < 0) break
    cut += segment
  }
  return `${cut}…`
}
