// Whether the files of a backup bear out what its manifest says of its acts and heads: what has come since is judged by these.
import { headsDigest } from "../canonical.js"
import type { Store } from "../store/store.js"
import { linesOf, valuesOf } from "./copy-text.js"
import type { BackupManifest } from "./manifest.js"
import { backupText, type ReadBackupOptions } from "./open.js"
import { SeenActs } from "./seen-acts.js"
import { backupTables } from "./verify-tables.js"

/** In words that go on from "the manifest of NAME "; undefined where nothing is wrong. Throws `broken`, `config`, as whoever reads the files. */
export async function unborne(
  store: Store,
  manifest: BackupManifest,
  { identities, signal }: ReadBackupOptions,
): Promise<string | undefined> {
  const tables = backupTables({ store, manifest, identities, signal, unreadable: new Map() })
  const seen = new SeenActs()
  for await (const _ of seen.of(tables.acts())) signal?.throwIfAborted()
  const [wrong] = seen.against(manifest)
  if (wrong !== undefined) return wrong
  const heads = (await tables.heads()).map((head) => ({ ...head, hash: `\\x${head.hash}` }))
  const isOther = headsDigest(heads) !== manifest.heads.digest
  if (isOther || (await listDigest(store, manifest, signal)) !== manifest.heads.digest)
    return "tells of other heads than the backup has"
  return undefined
}

async function listDigest(
  store: Store,
  { name, lists }: BackupManifest,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const file = lists.find((list) => list.name === "heads")?.file
  if (file === undefined) return undefined
  const heads: { organization_id: string; lane: string; seq: string; hash: string }[] = []
  for await (const line of linesOf(backupText(store, name, file, { signal }), `${name}/${file.name}`)) {
    const [organization_id, lane, seq, hash] = valuesOf(line)
    heads.push({
      organization_id: organization_id ?? "",
      lane: lane ?? "",
      seq: seq ?? "",
      hash: hash ?? "",
    })
  }
  return headsDigest(heads)
}
