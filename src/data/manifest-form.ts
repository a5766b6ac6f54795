// How a manifest is written, and read from anybody's hand: every member that is relied on has its form, or the whole is refused.

export type Test = (value: unknown) => boolean

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
export const matches =
  (form: RegExp): Test =>
  (value) =>
    typeof value === "string" && form.test(value)
export const object =
  (members: Readonly<Record<string, Test>>): Test =>
  (value) =>
    isObject(value) && Object.entries(members).every(([name, test]) => test(value[name]))
export const list =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test)
export const orNull =
  (test: Test): Test =>
  (value) =>
    value === null || test(value)
export const orMissing =
  (test: Test): Test =>
  (value) =>
    value === undefined || test(value)
export const oneOf =
  (...all: readonly unknown[]): Test =>
  (value) =>
    all.includes(value)

export const text: Test = (value) => typeof value === "string"
export const flag = oneOf(true, false)
export const count = matches(/^(?:0|[1-9]\d{0,18})$/)
export const hash = matches(/^[0-9a-f]{64}$/)
export const uuid = matches(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
/** A name alone: nothing outside of the folder is ever read. */
export const fileName: Test = (value) =>
  typeof value === "string" && /^[^/\\\0]{1,255}$/.test(value) && value !== "." && value !== ".."

/** Whether JSON text is no deeper and has no more in it than that, told without parsing it. */
export function isModest(
  text: string,
  most: { readonly depth: number; readonly members: number; readonly strings: number },
): boolean {
  let [depth, members, strings] = [0, 0, 0]
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 34) {
      strings += 1
      for (at += 1; at < text.length && text.charCodeAt(at) !== 34; at += 1) {
        if (text.charCodeAt(at) === 92) at += 1
      }
    } else if (code === 91 || code === 123) {
      depth += 1
      members += 1
    } else if (code === 93 || code === 125) depth -= 1
    if (depth > most.depth || members > most.members || strings > most.strings) return false
  }
  return true
}

/** What a manifest's text holds: a manifest is pgtrail's own, not evidence, and may be parsed. `later` is the schema of a later pgtrail. */
export function parseManifest<T>(
  text: string,
  family: string,
  isManifest: (value: unknown) => value is T,
): { readonly manifest: T } | { readonly later: string } | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const schema = isObject(value) ? value.schema : undefined
  if (typeof schema === "string" && schema.startsWith(`${family}/`) && /\/(?!1$)[1-9]\d{0,8}$/.test(schema)) {
    return { later: schema }
  }
  if (!isManifest(value)) return undefined
  // A member that is there twice would be one thing to us and another to the next reader.
  const compact = text.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|\s+/g, "$1")
  return compact === JSON.stringify(value) ? { manifest: value } : undefined
}

/** One line an element in the long lists, so that a difference of two manifests can be read. */
export function writeManifest(manifest: object): string {
  const members = Object.entries(manifest).map(([name, value]: [string, unknown]) => {
    const isList = Array.isArray(value) && value.length > 0 && typeof value[0] === "object"
    const text = isList
      ? `[\n${value.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`
      : name === "columns"
        ? JSON.stringify(value)
        : JSON.stringify(value, undefined, 2).replaceAll("\n", "\n  ")
    return `  ${JSON.stringify(name)}: ${text}`
  })
  return `{\n${members.join(",\n")}\n}\n`
}
