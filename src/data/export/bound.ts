// The organizations of a reader bound to some: an export of his is of those that he sees, and names them, for "the whole log" is not his to tell.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import type { EventFilter } from "../query/criteria.js"
import type { Source } from "../query/source.js"
import { quoted } from "../words.js"

/** On the snapshot of the export. Throws TrailError `privilege` where he asks for what he does not see, or sees nothing. */
export async function boundFilter(
  client: ClientBase,
  filter: EventFilter,
  source: Source,
): Promise<EventFilter> {
  if (!source.isBound) return filter
  const { rows } = await client.query<{ name: string }>(
    `select distinct h.organization_id as name from pgtrail.${source.heads} h where h.seq = 0 order by h.organization_id`,
  )
  const seen = rows.map(({ name }) => name)
  const asked = [filter.organization ?? []].flat()
  const hidden = asked.find((name) => !seen.includes(name))
  if (hidden !== undefined || seen.length === 0) {
    const what = hidden === undefined ? "any organization" : `an organization ${quoted(hidden)}`
    throw new TrailError("privilege", `this role does not see ${what}, or it has no events yet`, {
      hint: "nothing was written; leave out --org for all that this role sees, or ask for the right: pgtrail grant reader ROLE --org NAME",
    })
  }
  return asked.length > 0 ? filter : { ...filter, organization: seen }
}
