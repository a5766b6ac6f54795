// Erasures of the same subject that came before: a run that was killed after its commit left no receipt, and the next one has nothing to erase.
import type { Client } from "pg"
import { type Erasure, readRegister } from "./register-read.js"

export interface EarlierErasure {
  readonly act: string
  readonly time: string
  readonly events: string
  readonly fields: readonly { readonly field: string; readonly events: string }[]
  /** The archive that was redacted by it; null: the log itself. */
  readonly archive: string | null
}

export interface EarlierScope {
  /** In the register of requests: acts name it. */
  readonly request?: string | undefined
  /** The register of erasures, which tells by the keyed hash of the main identifier; both or none. */
  readonly register?: string | undefined
  readonly subject: { readonly key: string; readonly hashes: readonly string[] } | null
  /** The acts of this run. */
  readonly own: readonly string[]
}

type Hashes = Exclude<EarlierScope["subject"], null>

async function registeredOf(path: string, { key, hashes }: Hashes): Promise<Erasure[]> {
  const { erasures, subjects } = await readRegister(path)
  return erasures.filter(({ id }) => {
    const of = subjects.get(id)
    return of?.key === key && of.subject?.[0] === hashes[0]
  })
}

/** By what the log and the register say and nothing else does: without a request and a key nobody can tell whom an act was about. */
export async function earlierErasures(
  client: Client,
  { request, register, subject, own }: EarlierScope,
): Promise<EarlierErasure[]> {
  const same = register === undefined || subject === null ? [] : await registeredOf(register, subject)
  if (request === undefined && same.length === 0) return []
  const { rows } = await client.query<Omit<EarlierErasure, "fields"> & { fields: string }>(
    `select a.seq as act, a.parameters->>'at' as time, a.parameters->>'events' as events, a.parameters #>> '{archive,archive}' as archive,
       (select coalesce(json_agg(json_build_object('field', f.key, 'events', f.value) order by f.key), '[]')::text
        from jsonb_each_text(a.parameters->'fields') f) as fields
     from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.parameters->>'strategy' = 'erase' and a.seq <> all ($1::bigint[])
       and (a.parameters->>'request' = $2 or exists (
         select from unnest($3::bigint[], $4::text[]) r (act, hash) where r.act = a.seq and r.hash = encode(a.hash, 'hex')))
     order by a.seq`,
    [own, request ?? null, same.map(({ act }) => act), same.map(({ act_hash }) => act_hash)],
  )
  return rows.map((row) => ({ ...row, fields: JSON.parse(row.fields) as EarlierErasure["fields"] }))
}
