// Reads an object to its end, however often it is cut on the way.
import type { IncomingMessage } from "node:http"
import { TrailError } from "../errors.js"
import { type Asked, failureOf, pauseAfter, type S3Client, S3Failure } from "./s3-client.js"
import { wordsOf } from "./s3-words.js"

/** Goes on where it was cut, as long as it is the same object. */
export async function* read(
  client: S3Client,
  asked: Asked,
  first: IncomingMessage,
  what: string,
): AsyncGenerator<Uint8Array> {
  const { etag } = first.headers
  const size = Number(first.headers["content-length"] ?? Number.NaN)
  let answer = first
  let done = 0
  let failures = 0
  try {
    for (;;) {
      try {
        for await (const chunk of answer as AsyncIterable<Buffer>) {
          yield chunk
          done += chunk.length
          failures = 0
        }
        if (Number.isNaN(size) || done === size) return
        throw new S3Failure("ECONNRESET")
      } catch (error) {
        asked.signal?.throwIfAborted()
        const failure = failureOf(error)
        failures += 1
        if (!(failure instanceof S3Failure) || !failure.mayPass || failures >= client.patience.attempts)
          throw failure
        await pauseAfter(failures, failure, client.patience, asked.signal)
        answer = await goOn(client, asked, done, etag, what)
      }
    }
  } catch (error) {
    throw wordsOf(error, "read", what, client)
  } finally {
    answer.destroy()
  }
}

async function goOn(
  client: S3Client,
  asked: Asked,
  done: number,
  etag: string | undefined,
  what: string,
): Promise<IncomingMessage> {
  const headers = { range: `bytes=${done}-`, ...(etag === undefined ? {} : { "if-match": etag }) }
  const answer = await client.open({ ...asked, headers: done === 0 ? {} : headers }).catch((error) => {
    if (error instanceof S3Failure && (error.status === 412 || error.status === 404)) throw changed(what)
    throw error
  })
  const isRest = done === 0 || answer.headers["content-range"]?.startsWith(`bytes ${done}-`) === true
  if (isRest && answer.headers.etag === etag) return answer
  answer.destroy()
  throw changed(what)
}

const changed = (what: string): TrailError =>
  new TrailError("retry", `${what} was changed or removed while it was read`, { hint: "read it again" })
