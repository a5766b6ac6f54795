// What the roles of an application get on a profile's objects.

import { aloneSql } from "./alone.js"
import type { Ground } from "./place.js"
import { ident } from "./quote.js"
import type { Profile } from "./shape.js"
import { objectsOf } from "./sql.js"
import { namedName, visibleName } from "./visible.js"

interface Grant {
  readonly object: string
  readonly right: "insert" | "select" | "update" | "delete" | "usage" | "execute"
  /** Of a right to some columns. */
  readonly columns?: readonly string[]
  readonly to: "writers" | "readers" | "all"
}

/**
 * UPDATE and DELETE of a writer are refused by a trigger, which tells what to run instead; they give him nothing (heldSql). Not to a reader: who may
 * DELETE may ask for LOCK TABLE too. It is refused, but only once the view is his, and until then everybody who inserts waits behind him.
 */
function grantsOf(profile: Profile, { isHeld }: Pick<Ground, "isHeld">): Grant[] {
  const refused = isHeld ? (["update", "delete"] as const) : []
  const grants: Grant[] = [
    // What a view calls, whoever reads it calls. RETURNING reads it too.
    { object: namedName(profile), right: "execute", to: "all" },
    { object: visibleName(profile), right: "execute", to: "all" },
  ]
  for (const view of profile.views) {
    // What RETURNING may tell: the id, and what the database decided.
    const [first] = view.columns
    const columns = [...new Set([first?.name ?? "", ...Object.keys(view.answers ?? {})])]
    grants.push({ object: view.name, right: "insert", to: "writers" })
    grants.push({ object: view.name, right: "select", columns, to: "writers" })
    for (const right of refused) grants.push({ object: view.name, right, to: "writers" })
    grants.push({ object: view.name, right: "select", to: "readers" })
    if (view.sequence !== undefined) grants.push({ object: view.sequence, right: "usage", to: "writers" })
  }
  for (const { name: object, kind, isPrivate, isAppendOnly, rights = [] } of profile.companions) {
    if (isPrivate !== true)
      grants.push({ object, right: kind === "function" ? "execute" : "select", to: "all" })
    for (const right of [...rights, ...(isAppendOnly === true ? refused : [])])
      grants.push({ object, right, to: "writers" })
  }
  return grants
}

/** As the owner: what applications that write and people that read get. Names of roles are quoted already. */
export function grantSql(
  profile: Profile,
  place: Pick<Ground, "schema" | "isHeld">,
  writers: readonly string[],
  readers: readonly string[],
  /** On these objects alone. */
  only?: readonly string[],
): string {
  const roles = { writers, readers, all: [...new Set([...writers, ...readers])] }
  const objects = new Map(objectsOf(profile).map((object) => [object.name, object]))
  return grantsOf(profile, place)
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

export interface Roles {
  readonly writers: readonly string[]
  readonly readers: readonly string[]
}

/**
 * As the owner: takes from these roles what they have on the objects that are there; who stays a writer or a reader keeps what the act says of that.
 * The functions are everybody's. `quoted` has the roles concerned.
 */
export function withdrawSql(
  profile: Profile,
  place: Pick<Ground, "schema">,
  { writers, readers, rights = rightsOf(profile, { isHeld: false }) }: Roles & { readonly rights?: Rights },
  quoted: ReadonlyMap<string, string>,
  there: readonly string[],
): string {
  const staying = [...quoted].filter(([role]) => writers.includes(role) || readers.includes(role))
  const going = [...quoted.values()].filter((word) => !staying.some(([, other]) => other === word))
  const objects = objectsOf(profile).filter(({ name, kind }) => kind !== "function" && there.includes(name))
  const names = objects.map(({ name }) => name)
  return [
    aloneSql(place, there, going),
    aloneSql(
      place,
      names,
      staying.map(([, word]) => word),
    ),
    ...objects.flatMap(({ name, kind }) =>
      staying.flatMap(([role, word]) => {
        const kept = [
          ...(writers.includes(role) ? (rights[name]?.writers ?? []) : []),
          ...(readers.includes(role) ? (rights[name]?.readers ?? []) : []),
        ]
        const on = `${kind === "sequence" ? kind : "table"} ${place.schema}.${ident(name)}`
        return [...new Set(kept)].map((right) => `grant ${inSql(right)} on ${on} to ${word};`)
      }),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n")
}

/** `SELECT (id)` with the column quoted. */
const inSql = (right: string): string =>
  right.replace(/^(\w+) \((.*)\)$/s, (_, word: string, column: string) => `${word} (${ident(column)})`)

/** By object, in the words of the catalog: `INSERT`, `SELECT (id)`. */
export type Rights = Readonly<
  Record<string, { readonly writers?: readonly string[]; readonly readers?: readonly string[] }>
>

/** What the act that installs it says of that. */
export function rightsOf(profile: Profile, held: Pick<Ground, "isHeld">): Rights {
  const rights: Record<string, { writers?: string[]; readers?: string[] }> = {}
  for (const { object, right, columns, to } of grantsOf(profile, held)) {
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
