// Whether an object is there, and by whose work.
import { type Answer, type S3Client, S3Failure } from "./s3-client.js"
import type { Stays } from "./store.js"
import { elementOf } from "./xml.js"

export const isMissing = (error: unknown): boolean =>
  error instanceof S3Failure && error.status === 404 && error.code !== "NoSuchBucket"

export interface Head {
  readonly bytes: bigint
  readonly etag: string
  /** Of the `put` that made it. */
  readonly token: string | undefined
  /** Undefined where the bucket keeps none. */
  readonly version: string | undefined
  /** Why no version of it may be deleted now; only who may know is told. */
  readonly locked: string | undefined
}

/** `sure`: with another request, by which an object that is missing is told from a bucket that is. */
export async function headOf(
  client: S3Client,
  key: string,
  {
    signal,
    sure = false,
    query = {},
  }: {
    signal?: AbortSignal | undefined
    sure?: boolean
    query?: Readonly<Record<string, string>>
  } = {},
): Promise<Head | undefined> {
  try {
    const { headers } = await client.ask({ method: "HEAD", key, query, signal })
    const token = headers["x-amz-meta-pgtrail-put"]
    return {
      bytes: BigInt(headers["content-length"] ?? 0),
      etag: String(headers.etag ?? "").replaceAll('"', ""),
      token: typeof token === "string" ? token : undefined,
      version: wordOf(headers["x-amz-version-id"]),
      locked: lockOf(headers),
    }
  } catch (error) {
    if (!(error instanceof S3Failure)) throw error
    const { status = 500 } = error
    if (status >= 500) throw error
    if (isMissing(error) && !sure) return undefined
    // The answer to HEAD has no body that says why.
    const asked = client.ask({ method: "GET", key, headers: { range: "bytes=0-0" }, signal })
    const reason: unknown = await asked.then(
      () => error,
      (found) => found,
    )
    if (isMissing(reason)) return undefined
    throw reason instanceof S3Failure && reason.code === "" ? error : reason
  }
}

/** A header of nothing strange, to be shown. */
const wordOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.:+-]{1,200}$/.test(value) ? value : undefined

function lockOf(headers: Answer["headers"]): string | undefined {
  const mode = wordOf(headers["x-amz-object-lock-mode"])
  const until = wordOf(headers["x-amz-object-lock-retain-until-date"])
  const isOver = until !== undefined && Date.parse(until) <= Date.now()
  if (headers["x-amz-object-lock-legal-hold"] === "ON") return "a legal hold of the bucket is on it"
  if (mode === undefined || isOver) return undefined
  return `object lock (${mode.toLowerCase()})${until === undefined ? "" : ` until ${until}`}`
}

/** A bucket that keeps versions, as one with object lock does, forgets a name, and keeps the bytes. */
export async function staysOf(
  client: S3Client,
  key: string,
  signal: AbortSignal | undefined,
): Promise<Stays | undefined> {
  const head = await headOf(client, key, { signal, sure: true })
  if (head === undefined) return undefined
  const { version, locked } = head
  if (locked === undefined && (version === undefined || version === "null")) return undefined
  // Other servers than Amazon's name a version and keep none.
  if (locked === undefined && !(await keepsVersions(client, signal))) return undefined
  return staysWords(client.bucket, key, { version: version ?? "VERSION", locked })
}

export function staysWords(
  bucket: string,
  key: string,
  { version, locked }: { readonly version: string; readonly locked: string | undefined },
): Stays {
  const words = [...(locked === undefined ? [] : [locked]), "the bucket keeps versions of what is removed"]
  const next = `aws s3api delete-object --bucket ${bucket} --key ${key} --version-id ${version}`
  return {
    why: `${words.join("; ")} (version ${version})`,
    isNameless: true,
    next: locked === undefined ? next : `when it lets go: ${next}`,
  }
}

/** Also where that may not be asked. */
export async function keepsVersions(client: S3Client, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const { text } = await client.ask({ method: "GET", query: { versioning: "" }, signal })
    return elementOf(text, "Status") !== undefined
  } catch (error) {
    if (error instanceof S3Failure && error.status !== undefined && error.status < 500) return true
    throw error
  }
}
