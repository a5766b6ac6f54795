// Finds the finding that somebody names by its id, or by the beginning of it, among those that verifications have recorded.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"

export interface NamedFinding {
  readonly id: string
  /** The newest verification that has it. */
  readonly act: string
}

/** Throws `usage` where it is no id or fits several findings, `not-found` where no verification has it. */
export async function findFinding(client: ClientBase, typed: string): Promise<NamedFinding> {
  const prefix = typed.toLowerCase()
  if (!/^[0-9a-f]{6,16}$/.test(prefix)) {
    throw new TrailError("usage", `${JSON.stringify(typed)} is no id of a finding`, {
      hint: "give its 16 hexadecimal digits, or the first 6 at least: pgtrail verification show",
    })
  }
  const { rows } = await client.query<NamedFinding>(
    `select f->>'id' as id, max(a.seq) as act
     from pgtrail.act a, jsonb_array_elements(
       case when jsonb_typeof(a.parameters->'findings') = 'array' then a.parameters->'findings' else '[]' end) f
     where a.kind = 'verify' and left(f->>'id', $2::int) = $1 group by 1 order by 1 limit 2`,
    [prefix, prefix.length],
  )
  const [found, other] = rows
  if (found === undefined) {
    throw new TrailError("not-found", `no recorded verification has the finding ${prefix}`, {
      hint: "pgtrail verification list",
    })
  }
  if (other !== undefined) {
    throw new TrailError("usage", `several findings begin with ${prefix}`, {
      hint: "give more of its digits: pgtrail verification show",
    })
  }
  return found
}
