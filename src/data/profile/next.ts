// What comes after an installation, as it is typed.
import { shellWord } from "../job/print-cron.js"
import type { Profile } from "./shape.js"

/** What comes next, as it is typed for this schema and organization. */
export function nextOf(profile: Profile, schema: string, organization: string): string[] {
  const plain = `pgtrail profile install ${profile.name}`
  const where = [
    ...(organization === "default" ? [] : ["--org", organization]),
    ...(schema === "public" ? [] : ["--schema", schema]),
  ]
  const whole = [plain, ...where.map(shellWord)].join(" ")
  // By a function: in a text, `$&` would be read as what was found.
  return profile.next.map((line) => line.replace(plain, () => whole))
}
