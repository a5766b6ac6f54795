// Encryption to recipients of age (age-encryption.org), as a stream; the tool `age` opens it. Loaded only when it is used.
import { TrailError } from "../errors.js"

const recipientForm = /^age1[0-9a-z]{20,4000}$/
const identityForm = /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+$/

/** Throws TrailError `usage` for what is no recipient, or one of a plugin. */
export async function readRecipients(texts: readonly string[]): Promise<readonly string[]> {
  const { Encrypter } = await import("age-encryption")
  for (const text of texts) {
    try {
      if (!recipientForm.test(text)) throw new RangeError("not a recipient")
      new Encrypter().addRecipient(text)
    } catch {
      // Whatever was typed instead may be a secret.
      const isSecret = /^AGE-(SECRET-KEY|PLUGIN)/i.test(text)
      throw new TrailError(
        "usage",
        isSecret ? "that is a private key of age, and no recipient" : "that is no recipient of age: age1...",
        { hint: "nothing was written; age-keygen -y KEYFILE prints the recipient of a key" },
      )
    }
  }
  return texts
}

/** The private keys in a file of age-keygen. Throws TrailError `config` where there is none that can be used; never with the text. */
export async function readIdentities(text: string): Promise<readonly string[]> {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const found = lines.filter((line) => line !== "" && !line.startsWith("#"))
  const { Decrypter } = await import("age-encryption")
  try {
    if (found.length === 0) throw new RangeError("no identity")
    for (const line of found) {
      if (!identityForm.test(line)) throw new RangeError("not an identity")
      new Decrypter().addIdentity(line)
    }
  } catch {
    throw new TrailError("config", "that is no file of private keys of age", {
      hint: "nothing was read; it has a line AGE-SECRET-KEY-1..., as age-keygen writes it",
    })
  }
  return found
}

export async function* encrypted(
  source: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): AsyncGenerator<Uint8Array> {
  const { Encrypter } = await import("age-encryption")
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  yield* chunksOf(await encrypter.encrypt(webStream(source)))
}

/** Why a file cannot be decrypted: no identity is one of its recipients, or it is not what was encrypted. */
export class AgeFailure extends Error {
  readonly why: "identity" | "broken"

  constructor(why: "identity" | "broken", cause: unknown) {
    super("it cannot be decrypted", { cause })
    this.why = why
  }
}

/** Throws AgeFailure; what the source throws comes back as it is. */
export async function* decrypted(
  source: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncGenerator<Uint8Array> {
  const { Decrypter } = await import("age-encryption")
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  let failed: { readonly error: unknown } | undefined
  async function* noting(): AsyncGenerator<Uint8Array> {
    try {
      yield* source
    } catch (error) {
      failed = { error }
      throw error
    }
  }
  try {
    yield* chunksOf(await decrypter.decrypt(webStream(noting())))
  } catch (error) {
    if (failed !== undefined) throw failed.error
    const isOther = error instanceof Error && error.message.startsWith("no identity matched")
    throw new AgeFailure(isOther ? "identity" : "broken", error)
  }
}

function webStream(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 1 },
  )
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      isDone = done
      if (done) return
      yield value
    }
  } catch (error) {
    isDone = true
    throw error
  } finally {
    if (!isDone) await reader.cancel().catch(() => undefined)
  }
}
