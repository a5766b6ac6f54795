// Whether what stands in the place of redacted values is what a redaction puts there: nothing, the marker or a pseudonym.
import { contentFields, type FieldList, identityFields } from "../canonical.js"
import { elements, members } from "../verification/json-members.js"
import { elementsOfBinary, type GroupName } from "./entry.js"

export const marker = "[erased]"
const pseudonymPattern = /^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,}$/
/** Characters of a pseudonym, at most. */
const longest = 2100

const fieldsOf: Readonly<Record<GroupName, FieldList>> = { identity: identityFields, content: contentFields }

/** `record`: of the group, as it is hashed. The first of the fields that has another value; undefined where none has. */
export function firstKept(
  group: GroupName,
  record: Buffer,
  fields: readonly (string | null)[],
): string | undefined {
  const values = valuesOf(record)
  // A document is cut once, however many of its places are looked at.
  const documents = new Map<number, Part>()
  const kept = fields.find((field) => {
    const [column = "", ...path] = (field ?? "").split(".")
    const index = fieldsOf[group].findIndex(([name]) => name === column)
    const type = fieldsOf[group][index]?.[1]
    if (type === undefined) return true
    // The tag and the salt stand before them.
    const value = values[index + 2]
    if (value === undefined) return path.length > 0 && type !== "jsonb" && type !== "text[]"
    if (type === "jsonb") {
      const document = documents.get(index) ?? { text: value.toString("utf8", 1).trim() }
      documents.set(index, document)
      return !isReplacedAt(document, path)
    }
    if (type === "text[]") return !isElementReplaced(elementsOfBinary(value), path)
    return path.length > 0 || type !== "text" || !isReplaced(value.toString("utf8"))
  })
  return kept === undefined ? undefined : (kept ?? "")
}

export const isReplaced = (text: string | null): boolean =>
  text === null || text === marker || (text.length <= longest && pseudonymPattern.test(text))

/** The bytes of each field of a record; undefined of a null. */
function valuesOf(record: Buffer): (Buffer | undefined)[] {
  const values: (Buffer | undefined)[] = []
  for (let at = 4; at + 8 <= record.length; ) {
    const length = record.readInt32BE(at + 4)
    at += 8
    values.push(length < 0 ? undefined : record.subarray(at, at + length))
    at += Math.max(length, 0)
  }
  return values
}

/** A document, or a part of one, as PostgreSQL prints it, whose members stand in its own order. It is never parsed: only its parts are cut out. */
interface Part {
  readonly text: string
  parts?: readonly Part[]
}

function partsOf(part: Part): readonly Part[] {
  if (part.parts !== undefined) return part.parts
  const texts = part.text.startsWith("{")
    ? [...(members(part.text)?.values() ?? [])].map(({ raw }) => raw)
    : part.text.startsWith("[")
      ? (elements(part.text) ?? [])
      : []
  part.parts = texts.map((text) => ({ text: text.trim() }))
  return part.parts
}

function isReplacedAt(document: Part, path: readonly string[]): boolean {
  let part = document
  for (const step of path) {
    if (isJsonReplaced(part.text)) return true
    const next = /^\d{1,9}$/.test(step) ? partsOf(part)[Number(step)] : undefined
    if (next === undefined) return false
    part = next
  }
  return isJsonReplaced(part.text)
}

/** Neither the marker nor a pseudonym has a character that JSON would escape. */
const isJsonReplaced = (value: string): boolean =>
  value === "null" || (value.startsWith('"') && value.length > 1 && isReplaced(value.slice(1, -1)))

function isElementReplaced(tags: readonly (string | null)[], path: readonly string[]): boolean {
  const [step, ...more] = path
  if (step === undefined) return tags.some(isReplaced)
  const at = /^\d{1,9}$/.test(step) ? Number(step) : Number.NaN
  return more.length === 0 && at < tags.length && isReplaced(tags[at] ?? null)
}
