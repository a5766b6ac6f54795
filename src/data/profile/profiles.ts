// The profiles that ship, by name.
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { agenttrace } from "./agenttrace.js"
import { aiFirewall } from "./ai-firewall.js"
import { auditDb } from "./audit-db.js"
import { mem0 } from "./mem0.js"
import { memoric } from "./memoric.js"
import { type Profile, profileNames } from "./shape.js"

export const profiles: readonly Profile[] = [mem0, memoric, agenttrace, auditDb, aiFirewall]

/** Throws `usage` for a name that none has. */
export function profileNamed(name: string): Profile {
  const found = profiles.find((profile) => profile.name === name)
  if (found !== undefined) return found
  const [meant] = near(name, profileNames, 1)
  throw new TrailError("usage", `there is no profile ${JSON.stringify(name)}`, {
    hint: `${meant === undefined ? "" : `did you mean ${meant}? `}they are ${profileNames.join(", ")}`,
  })
}
