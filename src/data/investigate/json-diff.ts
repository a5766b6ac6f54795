// Compares two JSON texts path by path, without reading a value: 1.10 and 1.1 differ, and 2^53 + 1 keeps its digits.
import { elements, members } from "../verification/json-members.js"

export interface JsonChange {
  /** As SQL/JSON has it: `$.address.city`, `$.roles[2]`, `$."odd name"`. */
  readonly path: string
  /** JSON text. Null: there was, or is, nothing at this path; the JSON null is the text `null`. */
  readonly old: string | null
  readonly new: string | null
}

/** Below this the values are compared whole: each level reads the text once more. */
const deepest = 40

/** In the order of the older text, what was added last. An object that is new, or gone, is told member by member. */
export function jsonDiff(before: string | null, after: string | null): JsonChange[] {
  const changes: JsonChange[] = []
  if (before === null || after === null) {
    const only = members(before ?? after ?? "")
    if (only !== undefined && only.size > 0) {
      for (const [name, { raw }] of only) {
        changes.push({
          path: `$${step(name)}`,
          old: before === null ? null : raw,
          new: after === null ? null : raw,
        })
      }
      return changes
    }
  }
  compare("$", before, after, 0, changes)
  return changes
}

function compare(
  path: string,
  old: string | null,
  now: string | null,
  depth: number,
  changes: JsonChange[],
): void {
  if (old === now) return
  if (old !== null && now !== null && depth < deepest) {
    const [oldMembers, newMembers] = [members(old), members(now)]
    if (oldMembers !== undefined && newMembers !== undefined) {
      for (const [name, { raw }] of oldMembers) {
        compare(path + step(name), raw, newMembers.get(name)?.raw ?? null, depth + 1, changes)
      }
      for (const [name, { raw }] of newMembers) {
        if (!oldMembers.has(name)) changes.push({ path: path + step(name), old: null, new: raw })
      }
      return
    }
    const [oldElements, newElements] = [elements(old), elements(now)]
    if (oldElements !== undefined && newElements !== undefined) {
      compareElements(path, oldElements, newElements, depth, changes)
      return
    }
  }
  changes.push({ path, old, new: now })
}

/** What both begin and end with is no change: an element that is put in front does not change all behind it. */
function compareElements(
  path: string,
  old: readonly string[],
  now: readonly string[],
  depth: number,
  changes: JsonChange[],
): void {
  const most = Math.min(old.length, now.length)
  let head = 0
  while (head < most && old[head] === now[head]) head += 1
  let tail = 0
  while (tail < most - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1
  const [oldEnd, newEnd] = [old.length - tail, now.length - tail]
  const isSameLength = oldEnd === newEnd
  for (let at = head; at < Math.max(oldEnd, newEnd); at += 1) {
    const [a, b] = [at < oldEnd ? (old[at] ?? null) : null, at < newEnd ? (now[at] ?? null) : null]
    if (isSameLength || (a !== null && b !== null)) compare(`${path}[${at}]`, a, b, depth + 1, changes)
    else changes.push({ path: `${path}[${at}]`, old: a, new: b })
  }
}

const step = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `.${JSON.stringify(name)}`)

/** A path for people: without the sign of the whole. */
export const pathWords = (path: string): string => (path === "$" ? "(all)" : path.replace(/^\$\.?/, ""))
