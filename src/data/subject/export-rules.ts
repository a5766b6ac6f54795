// The rules that say which data of events are personal, as an export goes by them.
import type { JsonPath } from "./export-json.js"

/** What says that data are personal, as it is in force: pgtrail.subject_rule. */
export interface SubjectRules {
  /** Types of resources whose id names a person. */
  readonly resources: ReadonlySet<string>
  readonly paths: readonly {
    /** Events of this type, and of those that begin with it and a dot; null: of all. */
    readonly eventType: string | null
    readonly column: string
    readonly path: JsonPath
  }[]
}

/** The paths that are for events of a type, by column. */
export function pathsOf({
  paths,
}: SubjectRules): (eventType: string) => ReadonlyMap<string, readonly JsonPath[]> {
  const remembered = new Map<string, ReadonlyMap<string, readonly JsonPath[]>>()
  return (eventType) => {
    const known = remembered.get(eventType)
    if (known !== undefined) return known
    const found = new Map<string, JsonPath[]>()
    for (const rule of paths) {
      const fits =
        rule.eventType === null || rule.eventType === eventType || eventType.startsWith(`${rule.eventType}.`)
      if (fits) found.set(rule.column, [...(found.get(rule.column) ?? []), rule.path])
    }
    // Types come from applications: of a log that has more than these, none is remembered for ever.
    if (remembered.size < 10_000) remembered.set(eventType, found)
    return found
  }
}
