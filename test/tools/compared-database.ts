// testDatabase() whose every whole verification is done a second time, by scripts/verify.py, and compared.
import { fileURLToPath } from "node:url"
import type { VerifyOptions } from "../../src/data/verify/verify.js"
import type * as Database from "../database.js"
import { expectSame } from "./second-verifier.js"

/** What verify.py has no option for: parts of a log, and the file that is the tool's own. */
const onlyOurs = [
  "organization",
  "since",
  "until",
  "from",
  "maxSeconds",
  "incremental",
  "state",
  "identities",
] as const

export function compareAll(database: typeof Database): typeof Database {
  return {
    ...database,
    async testDatabase(options) {
      const db = await database.testDatabase(options)
      return {
        ...db,
        async trail(target) {
          const trail = await db.trail(target)
          const verify = trail.verify.bind(trail)
          trail.verify = async (given: VerifyOptions = {}) => {
            const report = await verify(given)
            const places = given.archives ?? []
            const isFolders = places.every((place) => place.startsWith("file:"))
            if (isFolders && onlyOurs.every((name) => given[name] === undefined)) {
              const checkpoints = (given.checkpoints ?? []).flatMap((path) => ["--checkpoint", path])
              const archives = places.flatMap((place) => ["--archive", fileURLToPath(place)])
              await expectSame(db.url, report, [
                ...checkpoints,
                ...archives,
                ...(given.strict ? ["--strict"] : []),
              ])
            }
            return report
          }
          return trail
        },
      }
    },
  }
}
