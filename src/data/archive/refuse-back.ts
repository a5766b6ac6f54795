// Events come back once: who asks for it again is told whether they are still there, and else how to get at them.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { plural } from "../words.js"
import type { ArchiveRow } from "./options.js"

/** Throws `usage`. */
export async function refuseBack(client: Client, { name, act, restored_act }: ArchiveRow): Promise<never> {
  const { rows } = await client.query<{ act: string; archive: string | null }>(
    `select distinct l.act_seq as act, a.name as archive
     from pgtrail.purge p
     join pgtrail.purge l on l.organization_id = p.organization_id and l.lane = p.lane and l.ranges && p.ranges
       and l.act_seq > $2 and l.restored_seq is null
     left join pgtrail.archive a on a.act_seq = l.act_seq and a.removed_seq is null
     where p.act_seq = $1 order by 1`,
    [act, restored_act],
  )
  if (rows.length === 0) {
    throw new TrailError("usage", `the events of ${name} are back in the log, by act ${restored_act}`, {
      hint: "nothing was changed",
    })
  }
  const later = rows.flatMap(({ archive }) => archive ?? [])
  const acts = some(rows.map((row) => row.act))
  const message = `act ${restored_act} brought the events of ${name} back, and ${rows.length === 1 ? "act" : "acts"} ${acts} purged of them again: an archive comes back into the log once`
  const beside = `pgtrail archive restore ${name} --schema SCHEMA brings them beside the log`
  throw new TrailError("usage", message, {
    hint:
      later.length === 0
        ? `nothing was restored; ${beside}`
        : `nothing was restored; restore ${later.length === 1 ? "the later archive" : plural(later.length, "later archive")} of them: ${some(later)}; or ${beside}`,
  })
}

const some = (names: readonly string[]): string =>
  names.slice(0, 3).join(", ") + (names.length > 3 ? " ..." : "")
