// What a gzip file holds, with the words for one that cannot be read.
import { Readable } from "node:stream"
import { createGunzip } from "node:zlib"
import { TrailError } from "../errors.js"
import { AgeFailure } from "./age.js"

const chunkSize = 262_144

/** Throws TrailError `broken` for what is no gzip, and `config` for what no identity opens. */
export async function* gunzipped(
  source: AsyncIterable<Uint8Array>,
  key: string,
): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip({ chunkSize })
  const input = Readable.from(source, { objectMode: true, highWaterMark: 4 })
  input.once("error", (error) => gunzip.destroy(error))
  gunzip.once("close", () => input.destroy())
  try {
    yield* input.pipe(gunzip)
  } catch (error) {
    throw worded(error, key)
  }
}

function worded(error: unknown, key: string): unknown {
  if (error instanceof AgeFailure && error.why === "identity") {
    return new TrailError("config", `none of the private keys given opens ${key}`, {
      hint: `pgtrail ${/^backup-/.test(key) ? "backup show PLACE/NAME" : "archive show NAME"} tells to which public keys it was encrypted; age-keygen -y KEYFILE prints that of a private key`,
    })
  }
  const isZlib = error instanceof Error && "code" in error && String(error.code).startsWith("Z_")
  if (!isZlib && !(error instanceof AgeFailure)) return error
  return new TrailError("broken", `${key} cannot be read: it was altered or cut off`, {
    hint: `pgtrail ${/^backup-/.test(key) ? "backup" : "archive"} verify tells what is wrong with it`,
  })
}
