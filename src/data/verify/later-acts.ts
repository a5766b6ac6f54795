// Acts that came after those that were replayed: whether they are sound by themselves. Their place in the chain the next verification looks at.
import { createHash } from "node:crypto"
import type { ClientBase } from "pg"
import { parametersOf, readParameters, word } from "../act/about.js"
import { recomputeAct, type TextRow } from "../canonical.js"
import { type PurgeRecord, purgeRecord, purgeRecords } from "../purge/records.js"
import { type ArchivedPurge, hasArchive, restoredBy } from "./archives.js"

async function soundAct(client: ClientBase, seq: string, kind: string): Promise<TextRow | undefined> {
  const { rows } = await client.query<TextRow>(
    "select * from pgtrail.act where organization_id = 'pgtrail' and seq = $1 and kind = $2",
    [seq, kind],
  )
  const [act] = rows
  return act !== undefined && `\\x${recomputeAct(act)}` === act.hash ? act : undefined
}

/** What a sound act of a purge has the digest of; undefined where there is none, or its records are others. */
export async function recordedPurge(
  client: ClientBase,
  seq: string,
): Promise<{ readonly isArchived: boolean } | undefined> {
  const act = await soundAct(client, seq, "purge")
  if (act === undefined) return undefined
  const digest = createHash("sha256")
  for await (const row of purgeRecords(client, "p.act_seq = $1", [seq])) digest.update(purgeRecord(row))
  if (`\\x${digest.digest("hex")}` !== act.digest) return undefined
  return { isArchived: hasArchive(readParameters(act.parameters)) }
}

/** Whether a sound act brought back what a record says is gone. */
export async function isRestored(client: ClientBase, row: PurgeRecord): Promise<boolean> {
  if (row.restored_seq === null) return false
  const act = await soundAct(client, row.restored_seq, "restore")
  return act !== undefined && restoredBy(readParameters(act.parameters)) === row.act_seq
}

/** Whether a sound act purged what a record says, and none brought it back. */
export async function isGone(client: ClientBase, row: PurgeRecord): Promise<boolean> {
  return (await recordedPurge(client, row.act_seq)) !== undefined && !(await isRestored(client, row))
}

/** Whether a sound act has removed or restored an archive. */
export async function isClosed(client: ClientBase, name: string): Promise<boolean> {
  const { rows } = await client.query<{
    act_seq: string
    restored_seq: string | null
    removed_seq: string | null
  }>("select act_seq, restored_seq, removed_seq from pgtrail.archive where name = $1", [name])
  const [row] = rows
  const by = async (seq: string | null | undefined, kind: string) => {
    if (row === undefined || seq === null || seq === undefined) return false
    const act = await soundAct(client, seq, kind)
    const given = readParameters(act?.parameters)
    return act !== undefined && word(given.archive) === name && word(given.purge) === row.act_seq
  }
  return (await by(row?.removed_seq, "remove_archive")) || (await by(row?.restored_seq, "restore"))
}

/** The archive that a sound act of a redaction put in the place of one; else that one. */
export async function rewrittenArchive(client: ClientBase, archive: ArchivedPurge): Promise<ArchivedPurge> {
  const { rows } = await client.query<{ name: string; seq: string }>(
    `select a.name, r.seq from pgtrail.archive a
     join pgtrail.act r on r.organization_id = 'pgtrail' and r.kind = 'redact' and r.parameters #>> '{archive,name}' = a.name
     where a.act_seq = $1 and a.name <> $2 order by r.seq desc limit 1`,
    [archive.act, archive.name],
  )
  const [row] = rows
  const act = row === undefined ? undefined : await soundAct(client, row.seq, "redact")
  const to = parametersOf(readParameters(act?.parameters).archive)
  if (row === undefined || word(to.purge) !== archive.act || word(to.name) !== row.name) return archive
  const { location, bytes, manifest } = to
  return {
    ...archive,
    name: row.name,
    location: word(location),
    bytes: word(bytes),
    manifest: word(manifest),
  }
}
