// How this server writes the views of a profile: where another version of PostgreSQL told their definitions, the same view is told in other words.
import type { ClientBase } from "pg"
import { literal } from "../migrate/script.js"
import { ident } from "./quote.js"
import type { Place, Profile } from "./shape.js"
import { createSql } from "./sql.js"

/**
 * Of the views named, those that are what this pgtrail makes. Both are made as temporary views and rolled back: what stands there, and what would be
 * made, each from this server's own words for it, since a dump writes it in these. Undefined where this session may make none, as on a standby.
 */
export async function asMadeHere(
  client: ClientBase,
  profile: Profile,
  place: Place,
  names: readonly string[],
): Promise<string[] | undefined> {
  const script = createSql(profile, place)
  const same: string[] = []
  try {
    await client.query("begin; set local search_path = pg_catalog, pg_temp; set local lock_timeout = '2s'")
    for (const name of names) {
      const made = queryOf(script, place, name)
      const stands = await definition(
        client,
        `(select c.oid from pg_class c join pg_namespace s on s.oid = c.relnamespace where quote_ident(s.nspname) = ${literal(place.schema)} and c.relname = ${literal(name)})`,
      )
      if (made === undefined || stands === undefined) continue
      const first = await inWordsOfThisServer(client, made)
      const [here, there] = [
        await inWordsOfThisServer(client, first),
        await inWordsOfThisServer(client, stands),
      ]
      if (here === there) same.push(name)
    }
    return same
  } catch {
    return undefined
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

/** The query of a view in the script that makes it. */
function queryOf(script: string, { schema }: Place, name: string): string | undefined {
  for (const full of [`${schema}.${ident(name)}`, `${schema}.${name}`]) {
    for (const options of [" with (security_barrier = true)", ""]) {
      const head = `create or replace view ${full}${options} as\n`
      const begin = script.indexOf(head)
      if (begin < 0) continue
      const end = script.slice(begin).search(/;\n/)
      return end < 0 ? undefined : script.slice(begin + head.length, begin + end)
    }
  }
  return undefined
}

async function inWordsOfThisServer(client: ClientBase, query: string): Promise<string> {
  await client.query(`create temporary view pgtrail_profile_rebuilt as ${query.trim().replace(/;$/, "")}`)
  const words = await definition(client, "'pg_temp.pgtrail_profile_rebuilt'::regclass")
  await client.query("drop view pg_temp.pgtrail_profile_rebuilt")
  return words ?? ""
}

async function definition(client: ClientBase, oid: string): Promise<string | undefined> {
  const { rows } = await client.query<{ words: string | null }>(`select pg_get_viewdef(${oid}) as words`)
  return rows[0]?.words ?? undefined
}
