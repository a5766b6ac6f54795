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
  return profile.next.map((line) => line.replace(plain, [plain, ...where.map(shellWord)].join(" ")))
}
