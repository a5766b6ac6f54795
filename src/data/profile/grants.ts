// What the roles of an application get on a profile's objects.

import { ident } from "./quote.js"
import type { Place, Profile } from "./shape.js"
import { objectsOf } from "./sql.js"
import { visibleName } from "./visible.js"

interface Grant {
  readonly object: string
  readonly right: "insert" | "select" | "update" | "delete" | "usage" | "execute"
  /** Of a right to some columns. */
  readonly columns?: readonly string[]
  readonly to: "writers" | "readers" | "all"
}

function grantsOf(profile: Profile): Grant[] {
  const grants: Grant[] = [
    // What a view calls, whoever reads it calls. RETURNING reads it too.
    { object: visibleName(profile), right: "execute", to: "all" },
  ]
  for (const view of profile.views) {
    // What RETURNING may tell: the id, and what the database decided.
    const [first] = view.columns
    const columns = [...new Set([first?.name ?? "", ...Object.keys(view.answers ?? {})])]
    grants.push({ object: view.name, right: "insert", to: "writers" })
    grants.push({ object: view.name, right: "select", columns, to: "writers" })
    grants.push({ object: view.name, right: "select", to: "readers" })
    if (view.sequence !== undefined) grants.push({ object: view.sequence, right: "usage", to: "writers" })
  }
  for (const { name: object, kind, isPrivate, rights = [] } of profile.companions) {
    if (isPrivate !== true)
      grants.push({ object, right: kind === "function" ? "execute" : "select", to: "all" })
    for (const right of rights) grants.push({ object, right, to: "writers" })
  }
  return grants
}

/** As the owner: what applications that write and people that read get. Names of roles are quoted already. */
export function grantSql(
  profile: Profile,
  place: Place,
  writers: readonly string[],
  readers: readonly string[],
  /** On these objects alone. */
  only?: readonly string[],
): string {
  const roles = { writers, readers, all: [...new Set([...writers, ...readers])] }
  const objects = new Map(objectsOf(profile).map((object) => [object.name, object]))
  return grantsOf(profile)
    .filter(({ object, to }) => roles[to].length > 0 && (only?.includes(object) ?? true))
    .map(({ object, right, columns, to }) => {
      const { kind = "table", signature = "()" } = objects.get(object) ?? {}
      const on = `${place.schema}.${ident(object)}`
      const what =
        kind === "function" ? `function ${on}${signature}` : kind === "sequence" ? `sequence ${on}` : on
      const some = columns === undefined ? "" : ` (${columns.map(ident).join(", ")})`
      return `grant ${right}${some} on ${what} to ${roles[to].join(", ")};`
    })
    .join("\n")
}

/** By object, in the words of the catalog: `INSERT`, `SELECT (id)`. */
export type Rights = Readonly<
  Record<string, { readonly writers?: readonly string[]; readonly readers?: readonly string[] }>
>

/** What the act that installs it says of that. */
export function rightsOf(profile: Profile): Rights {
  const rights: Record<string, { writers?: string[]; readers?: string[] }> = {}
  for (const { object, right, columns, to } of grantsOf(profile)) {
    const words =
      columns === undefined
        ? [right.toUpperCase()]
        : columns.map((column) => `${right.toUpperCase()} (${column})`)
    const of = rights[object] ?? {}
    rights[object] = of
    if (to !== "readers") of.writers = [...(of.writers ?? []), ...words]
    if (to !== "writers") of.readers = [...(of.readers ?? []), ...words]
  }
  return rights
}
