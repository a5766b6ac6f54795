// Signing keys for tests: the private one as text, the public one as verify takes it.
import { randomBytes } from "node:crypto"
import {
  readVerifierKeys,
  type SigningKey,
  signingKey,
  type VerifierKey,
  writeVerifierKey,
} from "../../src/data/checkpoint/note.js"

export interface TestKey {
  readonly signing: SigningKey
  /** As it stands in a private key file. */
  readonly text: string
  /** The line of the public key. */
  readonly line: string
  readonly verifier: VerifierKey
}

export function testKey(name: string, period = ""): TestKey {
  const seed = randomBytes(32)
  const signing = signingKey(name, seed)
  const data = Buffer.concat([Buffer.of(1), seed]).toString("base64")
  const line = `${writeVerifierKey(signing)}${period}`
  const [verifier] = readVerifierKeys(line, "test")
  if (verifier === undefined) throw new Error("no key")
  return { signing, text: `PRIVATE+KEY+${name}+${signing.keyId}+${data}\n`, line, verifier }
}
