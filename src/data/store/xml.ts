// Reads the few elements of an S3 server's answers: no attributes that matter, no namespaces, nothing nested in its own kind.
// Whoever answers may send what he likes: nothing here takes more steps than the text has characters, which no regular expression over it promises.

/** The text of the first element of that name. */
export function elementOf(text: string, name: string): string | undefined {
  const end = `</${name}>`
  for (let at = inside(text, name, 0); at !== undefined; at = inside(text, name, at)) {
    const next = text.indexOf("<", at)
    if (next === -1) return undefined
    if (text.startsWith(end, next)) return unescaped(text.slice(at, next))
  }
  return undefined
}

/** What stands in each element of that name. */
export function elementsOf(text: string, name: string): readonly string[] {
  const found: string[] = []
  const end = `</${name}>`
  for (let at = inside(text, name, 0); at !== undefined; ) {
    const next = text.indexOf(end, at)
    if (next === -1) break
    found.push(text.slice(at, next))
    at = inside(text, name, next)
  }
  return found
}

/** Where the next element of that name has its first character, from there on; undefined where there is none. */
function inside(text: string, name: string, from: number): number | undefined {
  for (let at = from; ; ) {
    const open = text.indexOf(`<${name}`, at)
    if (open === -1) return undefined
    const after = open + name.length + 1
    if (!/^[\s>]$/.test(text.charAt(after))) {
      at = after
      continue
    }
    const close = text.indexOf(">", after)
    if (close === -1) return undefined
    // A tag has no other in it: whatever was opened before was none.
    const last = text.lastIndexOf("<", close)
    if (last === open) return close + 1
    at = last
  }
}

export const escapedXml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{1,9}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? whole
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
}
