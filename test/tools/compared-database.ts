// testDatabase() whose every whole verification is done a second time, by scripts/verify.py, and compared.
import type { VerifyOptions } from "../../src/data/verify/verify.js"
import type * as Database from "../database.js"
import { expectSame } from "./second-verifier.js"

/** What verify.py has no option for: parts of a log, and the file that is the tool's own. */
const onlyOurs = ["organization", "since", "until", "from", "maxSeconds", "incremental", "state"] as const

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
            if (onlyOurs.every((name) => given[name] === undefined)) {
              const checkpoints = (given.checkpoints ?? []).flatMap((path) => ["--checkpoint", path])
              await expectSame(db.url, report, [...checkpoints, ...(given.strict ? ["--strict"] : [])])
            }
            return report
          }
          return trail
        },
      }
    },
  }
}
