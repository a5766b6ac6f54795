// Whether an object is there, and by whose work.
import { type S3Client, S3Failure } from "./s3-client.js"

export const isMissing = (error: unknown): boolean =>
  error instanceof S3Failure && error.status === 404 && error.code !== "NoSuchBucket"

export interface Head {
  readonly bytes: bigint
  readonly etag: string
  /** Of the `put` that made it. */
  readonly token: string | undefined
}

/** `sure`: with another request, by which an object that is missing is told from a bucket that is. */
export async function headOf(
  client: S3Client,
  key: string,
  { signal, sure = false }: { signal?: AbortSignal | undefined; sure?: boolean } = {},
): Promise<Head | undefined> {
  try {
    const { headers } = await client.ask({ method: "HEAD", key, signal })
    const token = headers["x-amz-meta-pgtrail-put"]
    return {
      bytes: BigInt(headers["content-length"] ?? 0),
      etag: String(headers.etag ?? "").replaceAll('"', ""),
      token: typeof token === "string" ? token : undefined,
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
