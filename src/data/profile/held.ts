// Views on which the owner of the log has taken from itself all but SELECT: what a writer's rights on a view above them could do ends there.
import { ident } from "./quote.js"
import type { Place, Profile } from "./shape.js"

/** A table of the log as the profile's views read it. */
export const heldName = (profile: Pick<Profile, "name">, table: "event" | "act"): string =>
  `pgtrail_${profile.name.replaceAll("-", "_")}_${table}`

/**
 * Whoever may UPDATE or DELETE through a view may also SELECT ... FOR UPDATE and LOCK TABLE, and both go on through it with the rights of its owner:
 * to the events, and to the acts. What the owner may not do to the first name that they come upon is refused there.
 */
export const heldSql = (name: string): string =>
  `revoke all on ${name} from current_user;\ngrant select on ${name} to current_user;`

/** No barrier: the planner sees through it, and the views above it are one. */
export const tablesSql = (profile: Profile, { schema }: Place): string =>
  tablesOf(profile)
    .map((table) => {
      const name = `${schema}.${ident(heldName(profile, table))}`
      return `create or replace view ${name} as\nselect * from pgtrail.${table} e;\n${heldSql(name)}`
    })
    .join("\n")

const tablesOf = ({ alsoReads = [] }: Profile) => ["event", ...alsoReads] as const

export const tableNames = (profile: Profile): string[] =>
  tablesOf(profile).map((table) => heldName(profile, table))

export const heldNames = (profile: Profile): string[] => [
  ...tableNames(profile),
  ...profile.companions.filter(({ isHeld }) => isHeld === true).map(({ name }) => name),
]
