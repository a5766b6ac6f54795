// Signs a request to S3: AWS Signature Version 4, with the digest of the body in it.
import { createHash, createHmac } from "node:crypto"

export interface Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly region: string
}

export interface Unsigned {
  readonly method: string
  /** With the port, where it is not the usual one. */
  readonly host: string
  /** Of the URL, escaped already. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
}

/** All headers to be sent. */
export function sign(request: Unsigned, by: Signer, now: Date): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "")
  const digest = sha256(request.body ?? "")
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.host,
    "x-amz-content-sha256": digest,
    "x-amz-date": time,
    ...(by.sessionToken === undefined ? {} : { "x-amz-security-token": by.sessionToken }),
  }
  const names = Object.keys(headers).sort()
  const canonical = [
    request.method,
    request.path,
    queryText(request.query),
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    "",
    names.join(";"),
    digest,
  ].join("\n")
  const scope = [time.slice(0, 8), by.region, "s3", "aws4_request"]
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${by.secretAccessKey}`)
  const text = ["AWS4-HMAC-SHA256", time, scope.join("/"), sha256(canonical)].join("\n")
  const signature = Buffer.from(hmac(key, text)).toString("hex")
  const credential = [by.accessKeyId, ...scope].join("/")
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${names.join(";")},Signature=${signature}`
  return headers
}

export function queryText(query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
  return pairs.sort().join("&")
}

/** As S3 wants it: RFC 3986, in which more is reserved than encodeURIComponent knows. */
export const escaped = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex")
const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest()
