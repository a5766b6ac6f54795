// A restore in words, for people, and its exit code.
import { describeReapplied } from "../subject/describe-erased.js"
import { describeReport } from "../verify/describe.js"
import { grouped, plural, visible } from "../words.js"
import { listedBeside } from "./describe.js"
import { erasedAndBack } from "./restore-erased.js"
import type { RestoredBackup } from "./restore-options.js"
import { describeStanding } from "./restore-replaced.js"

/** As those of verify; what is not erased again leaves it incomplete. */
export function exitOfRestored(done: RestoredBackup): 0 | 1 | 3 | 4 {
  const { verification, reapplied } = done
  const exits = { intact: 0, tampered: 1, rolled_back: 1, unchecked: 3, incomplete: 4 } as const
  const exit = verification === null ? 0 : exits[verification.verdict]
  const isLeft = reapplied?.complete === false || erasedAndBack(done).length > 0
  return exit === 0 && isLeft ? 4 : exit
}

export function describeRestoredBackup(done: RestoredBackup): string {
  const { database, replaced, incarnation, grants, beside, reapplied, verification } = done
  const where =
    done.schema_name === null ? `database ${visible(database)}` : `schema ${visible(done.schema_name)}`
  const of = `${plural(done.events, "event")} in ${plural(done.partitions, "partition")}, and ${plural(done.tables, "table")}`
  const heading = done.dry_run
    ? `would restore ${done.name} into ${where}: ${of}`
    : `restored ${done.name} into ${where}: ${of}`
  return [
    heading,
    `log ${done.log_id}, as it was at ${visible(done.backup_of)}, at migration ${done.level}${done.roles || done.schema_name !== null ? "" : ", without roles"}`,
    ...(replaced === null ? [] : [describeStanding(database, replaced, !done.dry_run)]),
    ...(replaced?.kept_as == null
      ? (replaced?.dependents ?? []).map((name) => `goes with it: ${visible(name)}`)
      : [`it is still there, in schema ${replaced.kept_as}`]),
    ...(done.dry_run
      ? []
      : [`${grouped(done.bytes)} bytes in ${done.load_seconds} s, all in ${done.seconds} s`]),
    ...(incarnation === null ? [] : [opened(incarnation)]),
    ...(grants.length === 0 ? [] : ["had been granted:", ...grants.map(granted)]),
    ...(beside === null || beside.length === 0
      ? []
      : [
          "the log had besides, and a restore does not make it; look at each before you run it:",
          ...listedBeside(beside),
        ]),
    ...(reapplied === null ? [] : [describeReapplied(reapplied)]),
    ...(verification === null ? [] : [describeReport(verification)]),
  ].join("\n")
}

const opened = ({ number, act, lanes_lost }: NonNullable<RestoredBackup["incarnation"]>): string =>
  `incarnation ${number}, act ${act}${lanes_lost === "0" ? "" : `; ${plural(lanes_lost, "lane")} with losses, recorded`}`

function granted({ role, right, organization, exists, member }: RestoredBackup["grants"][number]): string {
  const of = organization === null ? "" : ` of ${visible(organization)}`
  const state = member ? "is one" : exists ? "is none here yet" : "there is no such role here"
  return `  ${visible(role)}: ${right}${of} (${state})`
}
