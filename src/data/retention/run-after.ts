// What a run does when events went, and what it asks to tell of those that stayed.
import type { ClientBase } from "pg"
import type { PurgedPartition } from "./run-options.js"
import type { Work } from "./run-partition.js"

/** So that the sizes that are told of the partition are of what is left; one that somebody locks meanwhile is left to autovacuum. */
export async function analyze({ client, options, run }: Work, purged: PurgedPartition): Promise<void> {
  const { name, method } = purged
  if (run === null || (method !== "rewrite" && method !== "delete")) return
  options.progress?.(`${name}: analyzing`)
  await client.query("select pgtrail.analyze_partition($1)", [name]).catch((error: { code?: string }) => {
    if (!["55P03", "40P01", "42P01"].includes(error.code ?? "")) throw error
  })
}

/** Of the holds in force that can be on events of the organization. */
export async function casesInForce(client: ClientBase, organization: string | undefined): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct h.case_id as name from pgtrail.hold h
     where h.released_seq is null and (h.expires_at is null or h.expires_at > now())
       and ($1::text is null or h.organization_id is null or h.organization_id = $1) order by 1`,
    [organization ?? null],
  )
  return rows.map(({ name }) => name)
}
