// The tables that all three scripts are made of: a left side to match, and what is true there. No shell's syntax in here.
import type { Flag, Place, Typed, Values } from "./words.js"

export interface Tables {
  /** What stands there already and the next word, to the place where that leads. */
  readonly enter: readonly (readonly [typed: string, path: string])[]
  /** "PATH --flag" or "* --flag", to what the flag takes; no row where it takes nothing. */
  readonly flags: readonly (readonly [patterns: readonly string[], values: Values])[]
  /** "PATH 0", "PATH *": an argument by its number, to what it takes. */
  readonly args: readonly (readonly [pattern: string, values: Values])[]
}

export function tables({ places, hidden }: Typed): Tables {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => [path, path] as const)
  return {
    enter: [...known, ...hidden.map(({ typed, path }) => [typed, path] as const)],
    flags: flagTable(places),
    args: places.flatMap(({ path, values, repeats }) =>
      values.map((taken, at) => {
        const number = repeats && at === values.length - 1 ? "*" : String(at)
        return [`${path} ${number}`, taken] as const
      }),
    ),
  }
}

/** A flag of pgtrail itself has one row for all places, below those of the places where it takes something else. */
function flagTable(places: readonly Place[]): Tables["flags"] {
  const common = new Map(places.find(({ path }) => path === "")?.flags.map((flag) => [flag.word, flag]))
  const rows = new Map<string, { patterns: string[]; values: Values }>()
  const add = (pattern: string, { values }: Flag): void => {
    if (values === undefined) return
    const key = `${pattern.startsWith("* ")} ${JSON.stringify(values)}`
    const row = rows.get(key) ?? { patterns: [], values }
    rows.set(key, row)
    row.patterns.push(pattern)
  }
  for (const { path, flags } of places) {
    for (const flag of flags) {
      if (
        JSON.stringify(common.get(flag.word)?.values) === JSON.stringify(flag.values) &&
        common.has(flag.word)
      ) {
        continue
      }
      add(`${path} ${flag.word}`, flag)
    }
  }
  for (const flag of common.values()) add(`* ${flag.word}`, flag)
  return [...rows.values()].map(({ patterns, values }) => [patterns, values])
}
