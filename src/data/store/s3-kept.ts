// What a bucket keeps of objects that were removed: their versions, behind the markers that hide them.
import { type S3Client, S3Failure } from "./s3-client.js"
import { headOf, keepsVersions, staysWords } from "./s3-head.js"
import type { Stays } from "./store.js"
import { elementOf, elementsOf } from "./xml.js"

export interface Kept {
  readonly stays: Stays
  /** By key, of what has been removed; missing where they may not be listed. */
  readonly versions?: ReadonlyMap<string, string>
}

/** Of the objects whose key begins with `prefix`, none of which is there. `beside` is one that is. */
export async function keptOf(
  client: S3Client,
  prefix: string,
  beside: string,
  signal: AbortSignal | undefined,
): Promise<Kept | undefined> {
  const versions = await versionsOf(client, prefix, signal)
  if (versions === undefined) return (await mayKeep(client, beside, signal)) ? unlisted : undefined
  let first: Stays | undefined
  for (const [key, version] of versions) {
    const head = await headOf(client, key, { signal, query: { versionId: version } }).catch(passedOver)
    const stays = staysWords(client.bucket, key, { version, locked: head?.locked })
    if (head?.locked !== undefined) return { stays, versions }
    first ??= stays
  }
  return first === undefined ? undefined : { stays: first, versions }
}

const unlisted: Kept = {
  stays: {
    why: "the bucket keeps versions of what is removed, and this key may not list them",
    isNameless: true,
    next: "give it s3:ListBucketVersions and s3:GetObjectVersion, and run it again",
  },
}

/** Not every server knows versions, and not every key may ask. */
const refused: ReadonlySet<number> = new Set([400, 403, 404, 405, 501])

function passedOver(error: unknown): undefined {
  if (error instanceof S3Failure && refused.has(error.status ?? 0)) return undefined
  throw error
}

async function versionsOf(
  client: S3Client,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string> | undefined> {
  const answer = await client
    .ask({ method: "GET", query: { versions: "", prefix }, signal })
    .catch(passedOver)
  if (answer?.text.includes("<ListVersionsResult") !== true) return undefined
  const found = new Map<string, string>()
  // The newest of each first.
  for (const element of elementsOf(answer.text, "Version")) {
    const [key, version = "null"] = [elementOf(element, "Key") ?? "", elementOf(element, "VersionId")]
    // What is there was not removed: others tell of it.
    const isHidden = elementOf(element, "IsLatest") !== "true" && /^[\w.:+-]{1,200}$/.test(version)
    if (key.startsWith(prefix) && isHidden && !found.has(key)) found.set(key, version)
  }
  return found
}

async function mayKeep(client: S3Client, beside: string, signal: AbortSignal | undefined): Promise<boolean> {
  const version = (await headOf(client, beside, { signal }))?.version
  return version !== undefined && version !== "null" && (await keepsVersions(client, signal))
}
