// What comes after an installation, as it is typed.

import { literal } from "../migrate/script.js"
import { shellWord } from "../shell-word.js"
import { ident } from "./quote.js"
import type { Place, Profile, Replacement } from "./shape.js"

/** What comes next, as it is typed for this schema and organization. */
export function nextOf(profile: Profile, schema: string, organization: string): string[] {
  const table = `${schema === "public" ? "" : `${ident(schema)}.`}firewall_configs`
  return profile.next.map((line) =>
    installedThere(line, profile, schema, organization)
      .replace("into firewall_configs", () => `into ${table}`)
      .replace("'ORGANIZATION'", () => literal(organization)),
  )
}

/** What a view cannot answer; what to run instead installs the profile where it is. */
export const replacementsOf = (
  profile: Profile,
  place: Place,
  schema: string,
  organization: string,
): Replacement[] =>
  profile
    .replacements(place)
    .map((one) => ({ ...one, run: installedThere(one.run, profile, schema, organization) }))

function installedThere(line: string, profile: Profile, schema: string, organization: string): string {
  const plain = `pgtrail profile install ${profile.name}`
  const where = [
    ...(organization === "default" ? [] : ["--org", organization]),
    ...(schema === "public" ? [] : ["--schema", schema]),
  ]
  // By a function: in a text, `$&` would be read as what was found.
  return line.replace(plain, () => [plain, ...where.map(shellWord)].join(" "))
}
