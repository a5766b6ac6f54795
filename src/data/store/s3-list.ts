// Lists what is in a bucket, page by page.
import { type S3Client, S3Failure } from "./s3-client.js"
import type { StoredObject } from "./store.js"
import { elementOf, elementsOf } from "./xml.js"

/** A server that has removed many objects may send some; one that sends no others would be asked for ever. */
const mostEmptyPages = 20

export async function* objects(
  client: S3Client,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<StoredObject> {
  let empty = 0
  for (let token: string | undefined; ; ) {
    const { text } = await client.ask({
      method: "GET",
      signal,
      query: { "list-type": "2", prefix, ...(token === undefined ? {} : { "continuation-token": token }) },
    })
    if (!text.includes("<ListBucketResult")) throw new S3Failure("NotS3")
    const elements = elementsOf(text, "Contents")
    empty = elements.length === 0 ? empty + 1 : 0
    for (const element of elements) {
      const key = elementOf(element, "Key") ?? ""
      const size = elementOf(element, "Size") ?? ""
      const modified = elementOf(element, "LastModified") ?? ""
      if (/^\d+$/.test(size)) yield { key, bytes: BigInt(size), modified }
    }
    const next =
      elementOf(text, "IsTruncated") === "true" ? elementOf(text, "NextContinuationToken") : undefined
    if (next === undefined || next === token) return
    if (empty >= mostEmptyPages) throw new S3Failure("NotS3")
    token = next
  }
}

/** Not every server tells of them, and not every key may ask. */
export async function* uploads(
  client: S3Client,
  prefix: string,
  signal?: AbortSignal,
): AsyncGenerator<StoredObject & { readonly upload: string }> {
  let empty = 0
  for (let marker: Record<string, string> = {}; ; ) {
    const answer = await client
      .ask({ method: "GET", signal, query: { uploads: "", prefix, ...marker } })
      .catch((error) => {
        if (error instanceof S3Failure && [400, 403, 404, 405, 501].includes(error.status ?? 0))
          return undefined
        throw error
      })
    if (answer === undefined) return
    const { text } = answer
    const elements = elementsOf(text, "Upload")
    empty = elements.length === 0 ? empty + 1 : 0
    for (const element of elements) {
      const key = elementOf(element, "Key") ?? ""
      const upload = elementOf(element, "UploadId") ?? ""
      if (upload !== "") yield { key, bytes: 0n, modified: elementOf(element, "Initiated") ?? "", upload }
    }
    const key = elementOf(text, "NextKeyMarker") ?? ""
    const upload = elementOf(text, "NextUploadIdMarker") ?? ""
    if (elementOf(text, "IsTruncated") !== "true" || key === "") return
    if (key === marker["key-marker"] && upload === marker["upload-id-marker"]) return
    if (empty >= mostEmptyPages) throw new S3Failure("NotS3")
    marker = { "key-marker": key, ...(upload === "" ? {} : { "upload-id-marker": upload }) }
  }
}
