// What an S3 server refused, in plain words: which object, why, what became of it, and what to do. Never a word of its answer.
import { type ErrorCode, TrailError } from "../errors.js"
import { type S3Client, S3Failure } from "./s3-client.js"

export type S3Verb = "write" | "read" | "list" | "remove"

interface Words {
  readonly code: ErrorCode
  readonly reason: string
  readonly hint: string
}

const kept: Readonly<Record<S3Verb, string>> = {
  write: "nothing was stored under that name",
  read: "nothing was changed",
  list: "nothing was changed",
  remove: "it may still be there",
}

const rights: Readonly<Record<S3Verb, string>> = {
  write: "s3:PutObject, s3:GetObject, s3:AbortMultipartUpload and s3:ListBucket",
  read: "s3:GetObject and s3:ListBucket",
  list: "s3:ListBucket",
  remove: "s3:DeleteObject, and nothing that locks the object",
}

/** Any other error comes back unchanged. */
export function wordsOf(error: unknown, verb: S3Verb, what: string, client: S3Client): unknown {
  if (!(error instanceof S3Failure)) return error
  const { code, reason, hint } = judged(error, verb, client)
  return new TrailError(code, `cannot ${verb} ${what}: ${reason}`, { hint: `${kept[verb]}; ${hint}` })
}

const network: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name cannot be looked up",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
}

function judged(failure: S3Failure, verb: S3Verb, client: S3Client): Words {
  const { status, code } = failure
  const { bucket, server } = client
  const notS3 = "check AWS_ENDPOINT_URL_S3, and that it is an S3 server"
  if (code === "NotS3")
    return { code: "server", reason: `${server} answered as no S3 server does`, hint: notS3 }
  if (status === undefined) return unreached(code, server)
  const known = named(failure, client)
  if (known !== undefined) return known
  if (status === 403 || status === 401) {
    return { code: "privilege", reason: "access denied", hint: `the key needs ${rights[verb]} on ${bucket}` }
  }
  if (status === 412 || status === 409) {
    return { code: "retry", reason: "another process is at the same object", hint: "run it again" }
  }
  if (status === 507 || /Quota|StorageFull|InsufficientCapacity/.test(code)) {
    return {
      code: "disk-full",
      reason: `${server} has no space left`,
      hint: "free space there and run it again",
    }
  }
  const answered = `${server} answered ${status}${code === "" ? "" : ` ${code}`}`
  if (failure.mayPass) {
    const times = `${answered}, ${client.patience.attempts} times`
    return { code: "unreachable", reason: times, hint: "try it again later" }
  }
  return { code: "server", reason: answered, hint: notS3 }
}

function unreached(code: string, server: string): Words {
  const reason = network[code]
  if (reason === undefined && /CERT|SELF_SIGNED|SSL|TLS|SIGNATURE|EPROTO/.test(code)) {
    const hint = "check the endpoint, or set NODE_EXTRA_CA_CERTS to the file of its authority"
    return { code: "unreachable", reason: `${server} has no trusted certificate (${code})`, hint }
  }
  return {
    code: "unreachable",
    reason: `${server} cannot be reached: ${reason ?? code}`,
    hint: "check the network, AWS_REGION and AWS_ENDPOINT_URL_S3, and run it again",
  }
}

/** What the server's own code says. */
function named(failure: S3Failure, { bucket, region, server }: S3Client): Words | undefined {
  const { status = 0, code } = failure
  const isElsewhere =
    (status >= 300 && status < 400) ||
    code === "AuthorizationHeaderMalformed" ||
    (status === 400 && failure.region !== undefined && failure.region !== region)
  if (isElsewhere) {
    const place = failure.region
    return place === undefined || place === region
      ? {
          code: "config",
          reason: `${server} sends elsewhere for the bucket ${bucket}`,
          hint: "set AWS_REGION to the region of the bucket, and check AWS_ENDPOINT_URL_S3",
        }
      : {
          code: "config",
          reason: `the bucket ${bucket} is in the region ${place}, and ${region} was asked`,
          hint: `set AWS_REGION=${place}`,
        }
  }
  switch (code) {
    case "NoSuchBucket":
      return {
        code: "not-found",
        reason: `there is no bucket ${bucket} at ${server}`,
        hint: "check its name and AWS_ENDPOINT_URL_S3, or create it",
      }
    case "NoSuchUpload":
      return { code: "retry", reason: "the upload was ended by somebody else", hint: "run it again" }
    case "InvalidAccessKeyId":
      return {
        code: "authentication",
        reason: `${server} does not know the key`,
        hint: "check AWS_ACCESS_KEY_ID",
      }
    case "SignatureDoesNotMatch":
      return {
        code: "authentication",
        reason: "the secret is not that of the key",
        hint: "check AWS_SECRET_ACCESS_KEY, and AWS_REGION",
      }
    case "ExpiredToken":
    case "TokenRefreshRequired":
      return {
        code: "authentication",
        reason: "the temporary credentials have expired",
        hint: "get new ones",
      }
    case "InvalidToken":
      return {
        code: "authentication",
        reason: "the session token is not that of the key",
        hint: "unset AWS_SESSION_TOKEN for a lasting key",
      }
    case "RequestTimeTooSkewed":
      return {
        code: "config",
        reason: `this machine's clock is wrong${skew(failure)}`,
        hint: "set the clock",
      }
    default:
      return undefined
  }
}

function skew({ date = "" }: S3Failure): string {
  const minutes = Math.round((Date.now() - Date.parse(date)) / 60_000)
  if (Number.isNaN(minutes) || minutes === 0) return ""
  return `: ${Math.abs(minutes)} minutes ${minutes > 0 ? "ahead of" : "behind"} the server's`
}
