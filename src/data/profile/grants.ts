// What the roles of an application get on a profile's objects.

import { ident } from "./quote.js"
import type { Companion, Place, Profile } from "./shape.js"
import { visibleArguments, visibleName } from "./sql.js"

/** As the owner: what applications that write and people that read get. Names of roles are quoted already. */
export function grantSql(
  profile: Profile,
  place: Place,
  writers: readonly string[],
  readers: readonly string[],
): string {
  const statements: string[] = []
  const grant = (rights: string, on: string, roles: readonly string[]) => {
    if (roles.length > 0) statements.push(`grant ${rights} on ${on} to ${roles.join(", ")};`)
  }
  // What a view calls, whoever reads it calls. RETURNING reads it too.
  const all = [...new Set([...writers, ...readers])]
  grant("execute", `function ${place.schema}.${ident(visibleName(profile))}${visibleArguments}`, all)
  for (const view of profile.views) {
    const on = `${place.schema}.${ident(view.name)}`
    // What RETURNING may tell: the id, and what the database decided.
    const [first] = view.columns
    const told = [...new Set([first?.name ?? "", ...Object.keys(view.answers ?? {})])].map(ident).join(", ")
    grant(`insert, select (${told})`, on, writers)
    grant("select", on, readers)
    if (view.sequence !== undefined)
      grant("usage", `sequence ${place.schema}.${ident(view.sequence)}`, writers)
  }
  for (const companion of profile.companions) {
    const on = objectOf(companion, place)
    if (companion.kind === "function") {
      if (companion.isPrivate === true) continue
      grant("execute", on, all)
      continue
    }
    if (companion.isPrivate !== true) grant("select", on, all)
    const { rights = [] } = companion
    if (rights.length > 0) grant(rights.join(", "), on, writers)
  }
  return statements.join("\n")
}

function objectOf({ name, kind, signature = "()" }: Companion, place: Place): string {
  const named = `${place.schema}.${ident(name)}`
  return kind === "function" ? `function ${named}${signature}` : named
}
