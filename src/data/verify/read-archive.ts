// Reads one archive where it lies, in the calling thread or in one of its own: whether it is whole by itself.
import { createHash } from "node:crypto"
import { checkArchive } from "../archive/check.js"
import type { RedactedGroup } from "../archive/check-events.js"
import type { ArchiveCheck } from "../archive/findings.js"
import { openStore, type StoreContext } from "../store/store.js"
import { RedactionSum } from "./redaction-sum.js"

/** Plain data: it goes to another thread. */
export interface ArchiveJob {
  readonly location: string
  readonly name: string
  readonly context: Pick<StoreContext, "target" | "s3">
  readonly identities: readonly string[]
  /** Places whose hashes are wanted, by chain key. */
  readonly known: ReadonlyMap<string, ReadonlySet<number>>
  /** 32 bytes, drawn for this verification. */
  readonly key: Uint8Array
}

export interface ArchiveRead {
  readonly check: Omit<ArchiveCheck, "manifest">
  readonly logId: string | undefined
  /** What its redacted groups add up to. */
  readonly redactions: bigint
}

export async function readArchive(
  { location, name, context, identities, known, key }: ArchiveJob,
  progress?: (events: number) => void,
  signal?: AbortSignal,
): Promise<ArchiveRead> {
  const store = await openStore(location, context)
  try {
    const sum = new RedactionSum(key)
    const redaction = (group: RedactedGroup) => sum.add(group)
    const options = { identities, known, redaction, progress, signal }
    const { manifest, ...check } = await checkArchive(store, name, options)
    return { check, logId: manifest?.log_id, redactions: sum.value }
  } finally {
    await store.close()
  }
}

/** Each file that lies there, in the order of their names, with its sha256: what tells this state of an archive from any other. */
export async function filesOf(
  { location, name, context }: Pick<ArchiveJob, "location" | "name" | "context">,
  signal?: AbortSignal,
): Promise<(readonly [name: string, sha256: string])[]> {
  const store = await openStore(location, context)
  try {
    const files: (readonly [string, string])[] = []
    for await (const { key } of store.list(`${name}/`)) {
      const digest = createHash("sha256")
      for await (const chunk of await store.get(key, { signal })) digest.update(chunk)
      files.push([key.slice(name.length + 1), digest.digest("hex")])
    }
    return files
  } finally {
    await store.close()
  }
}
