// Signed notes of C2SP with Ed25519 keys, as Go's sumdb/note writes them: text, an empty line, signature lines.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto"
import { sha256 } from "../canonical.js"
import { TrailError } from "../errors.js"

/** Who is believed, and for what time: a checkpoint's own time must lie in it. */
export interface VerifierKey {
  readonly name: string
  /** Eight hex digits. */
  readonly keyId: string
  readonly publicKey: KeyObject
  /** First moment, as `2026-11-21T09:30:00.000000Z`. */
  readonly since?: string
  /** First moment that no longer belongs to it. */
  readonly until?: string
}

export interface SigningKey {
  readonly name: string
  readonly keyId: string
  readonly privateKey: KeyObject
}

/** The one algorithm: Ed25519, whose signature is over the text itself. */
const ed25519 = 0x01
// What stands before the 32 bytes in the DER form that Node reads.
const privatePrefix = Buffer.from("302e020100300506032b657004220420", "hex")
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex")
/** More than any note needs; each costs a verification. */
const mostSignatures = 100

/** A name must not look like a part of the line that it stands in. */
export function isKeyName(name: string): boolean {
  return /^[^\s+\p{C}\p{Z}]{1,200}$/u.test(name)
}

/** Reads `PRIVATE+KEY+<name>+<key id>+<base64>`. Nothing of the text ever stands in an error. */
export function readSigningKey(text: string): SigningKey {
  const refuse = (why: string): never => {
    throw new TrailError("config", `the signing key cannot be used: ${why}`, {
      hint: "pgtrail checkpoint keygen --name NAME --out FILE",
    })
  }
  const [, name = "", keyId = "", base64 = ""] =
    /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.*)$/.exec(text.trim()) ??
    refuse("it has not the form PRIVATE+KEY+name+id+data")
  if (!isKeyName(name)) refuse("its name has a character that no name may have")
  const bytes = readBase64(base64)
  if (bytes?.length !== 33 || bytes[0] !== ed25519) return refuse("it is no Ed25519 key")
  const key = signingKey(name, bytes.subarray(1))
  return key.keyId === keyId ? key : refuse("its id does not fit it")
}

export function signingKey(name: string, seed: Uint8Array): SigningKey {
  const der = Buffer.concat([privatePrefix, seed])
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" })
  return { name, keyId: keyIdOf(name, rawPublic(createPublicKey(privateKey))), privateKey }
}

/** `<name>+<key id>+<base64>`: what a verifier needs. */
export function writeVerifierKey({ name, keyId, privateKey }: SigningKey): string {
  const raw = rawPublic(createPublicKey(privateKey))
  return `${name}+${keyId}+${Buffer.concat([Buffer.of(ed25519), raw]).toString("base64")}`
}

/** Lines of `<name>+<key id>+<base64>`, each with ` since=TIME` and ` until=TIME` behind if the key has a period; `#` begins a comment. */
export function readVerifierKeys(text: string, file: string): VerifierKey[] {
  const keys: VerifierKey[] = []
  for (const [at, line] of text.split("\n").entries()) {
    const words = line.trim()
    if (words !== "" && !words.startsWith("#")) keys.push(readVerifierKey(words, `${file}, line ${at + 1}`))
  }
  if (keys.length > 0) return keys
  throw new TrailError("config", `there is no public key in ${file}`, {
    hint: "name the file that ends in .pub, which pgtrail checkpoint keygen wrote",
  })
}

function readVerifierKey(line: string, where: string): VerifierKey {
  const refuse = (why: string): never => {
    throw new TrailError("config", `${where}: ${why}`, {
      hint: "a line is name+id+data, then since=TIME and until=TIME if the key has a period, as pgtrail checkpoint keygen writes it",
    })
  }
  const [key = "", ...periods] = line.split(/\s+/)
  if (key.startsWith("PRIVATE+KEY+")) refuse("this is the private key, and must stay with whoever signs")
  const [, name = "", keyId = "", base64 = ""] =
    /^([^+]+)\+([0-9a-f]{8})\+(.*)$/.exec(key) ?? refuse("this is no public key")
  const bytes = readBase64(base64)
  if (!isKeyName(name) || bytes === undefined) return refuse("this is no public key")
  if (bytes.length !== 33 || bytes[0] !== ed25519) return refuse("this is no Ed25519 key")
  const raw = bytes.subarray(1)
  if (keyIdOf(name, raw) !== keyId) refuse("the id of the key does not fit it")
  const publicKey = createPublicKey({
    key: Buffer.concat([publicPrefix, raw]),
    format: "der",
    type: "spki",
  })
  const period: { since?: string; until?: string } = {}
  for (const word of periods) {
    const [, side, time = ""] =
      /^(since|until)=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)$/.exec(word) ??
      refuse("what follows the key is neither since=TIME nor until=TIME, with a time as 2026-11-21T09:30:00Z")
    const bound = side === "until" ? "until" : "since"
    if (period[bound] !== undefined) refuse(`it has two times ${bound}=`)
    period[bound] = sixDigits(time)
  }
  return { name, keyId, publicKey, ...period }
}

/** The signature line of `text`, which must be whole lines without control characters. */
export function signText(text: string, key: SigningKey): string {
  if (!isNoteText(text)) throw new TypeError("only whole lines without control characters can be signed")
  const signature = sign(null, Buffer.from(text), key.privateKey)
  const blob = Buffer.concat([Buffer.from(key.keyId, "hex"), signature]).toString("base64")
  return `\u2014 ${key.name} ${blob}\n`
}

/**
 * Which of `keys` vouches for `text`. Signatures of unknown keys are passed over; one of a known key that does not fit is an alarm,
 * whatever the others say. Throws TrailError `config` where no key is known, `forged` where a signature does not fit, or where its key
 * was not valid at `time`, which is what the text says of its own time.
 */
export function verifyText(
  text: string,
  signatureLines: string,
  keys: readonly VerifierKey[],
  time: string,
): VerifierKey {
  const lines = signatureLines.split("\n")
  if (!isNoteText(text) || lines.pop() !== "" || lines.length === 0 || lines.length > mostSignatures) {
    throw new TrailError("forged", "it is no signed note: it was cut off or edited, or never was one", {
      hint: original,
    })
  }
  const bytes = Buffer.from(text)
  const fitting: VerifierKey[] = []
  const ids: string[] = []
  for (const line of lines) {
    const [, name = "", base64 = ""] = /^\u2014 ([^\s+]+) (\S+)$/u.exec(line) ?? []
    const blob = readBase64(base64)
    if (blob === undefined || blob.length < 5) {
      throw new TrailError("forged", "a line of its signatures is damaged", { hint: original })
    }
    const keyId = blob.toString("hex", 0, 4)
    ids.push(keyId)
    const known = keys.filter((key) => key.name === name && key.keyId === keyId)
    const vouching = known.filter((key) => verify(null, bytes, key.publicKey, blob.subarray(4)))
    if (known.length > 0 && vouching.length === 0) {
      throw new TrailError("forged", `the signature of ${name} (${keyId}) does not fit the text`, {
        hint: original,
      })
    }
    fitting.push(...vouching)
  }
  const valid = fitting.find((key) => isValidAt(key, time))
  if (valid !== undefined) return valid
  const expired = fitting[0]
  if (expired === undefined) {
    // The name beside an id is whatever somebody wrote there, and proves nothing.
    throw new TrailError("config", `none of the public keys made its signature, by key ${ids.join(", ")}`, {
      hint: "name the file of that key with --public-key, if you know whose it is",
    })
  }
  throw new TrailError(
    "forged",
    `the key ${expired.name} (${expired.keyId}) was not valid at ${time}: only ${describePeriod(expired)}`,
    { hint: "whoever had the key at another time may have signed it: ask who holds it" },
  )
}

const original = "compare it with another copy of the file"

/** Times have one form and sort as text. */
function isValidAt({ since, until }: VerifierKey, time: string): boolean {
  return (since === undefined || time >= since) && (until === undefined || (time !== "" && time < until))
}

function describePeriod({ since, until }: VerifierKey): string {
  return [since === undefined ? "" : `since ${since}`, until === undefined ? "" : `until ${until}`]
    .filter((part) => part !== "")
    .join(", ")
}

/** Text and signature lines of a note, cut at its last empty line; undefined where there is none. */
export function splitNote(note: string): { text: string; signatures: string } | undefined {
  const at = note.lastIndexOf("\n\n")
  return at === -1 ? undefined : { text: note.slice(0, at + 1), signatures: note.slice(at + 2) }
}

function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note must not have any
  return text.endsWith("\n") && !/[\u0000-\u0009\u000b-\u001f\p{Cs}]/u.test(text)
}

function keyIdOf(name: string, raw: Uint8Array): string {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), raw])).toString("hex", 0, 4)
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(publicPrefix.length)
}

/** Only the one form of it: Buffer.from passes over whatever it does not know. */
function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64")
  return text !== "" && bytes.toString("base64") === text ? bytes : undefined
}

const sixDigits = (time: string): string => `${time.slice(0, 19)}.${time.slice(20, -1).padEnd(6, "0")}Z`
