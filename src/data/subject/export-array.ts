// Replaces elements of an array as PostgreSQL writes it: {a,"b \"c\"",NULL}.

/** The same text where nothing was replaced. `judge` gets an element as text; undefined: it stays. */
export function replaceElements(text: string, judge: (element: string) => string | undefined): string {
  // Bounds that begin elsewhere than at 1 stand before it.
  const start = text.indexOf("{")
  const now = text
    .slice(start)
    .replace(/"([^"\\]*(?:\\.[^"\\]*)*)"|[^{},"]+/gs, (element, quoted?: string) => {
      if (quoted === undefined && element.toUpperCase() === "NULL") return element
      const made = judge((quoted ?? element).replace(/\\(.)/gs, "$1"))
      return made === undefined ? element : `"${made.replace(/["\\]/g, "\\$&")}"`
    })
  return text.slice(0, start) + now
}
