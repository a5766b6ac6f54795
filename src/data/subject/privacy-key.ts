// Keys of pseudonyms, and what is derived from them.
/**
 * A key of pseudonyms, and all that is derived from it. The key is 32 random bytes outside the database; every use has a key of its own:
 *
 *     derived(purpose, domain) = HKDF-SHA-256(key, salt = id of the log, info = 'pgtrail ' purpose 00 domain), 32 bytes
 *     hash     p1:h:KEYID: HMAC-SHA-256(derived(pseudonym, ORG), NFC(id))
 *     token    p1:t:KEYID: 16 random bytes
 *     encrypt  p1:e:KEYID: nonce, AES-256-GCM(derived(encrypt, ''), id in blocks of 16 bytes), tag;
 *              nonce = the first 12 bytes of HMAC-SHA-256(derived(nonce, ORG), id), so that the same id gives the same pseudonym
 *     lookup   HMAC-SHA-256(derived(pseudonym, ORG), 'lookup' 00 NFC(id)): no id has a 00, so that no hash is ever a lookup
 *     original length, nonce, AES-256-GCM(derived(original, ''), identifiers as JSON in blocks of 64 bytes), tag; several, one after another
 *
 * ORG is the organization, or empty for pseudonyms that are the same in all of them. What is behind the last colon is base64url.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto"
import { TrailError } from "../errors.js"
import type { Identifier } from "./identifiers.js"

/** A KeyObject prints nothing of itself, whatever logs it. */
export interface PrivacyKey {
  readonly id: string
  /** Of the log's first incarnation: a copy of the log goes on with its pseudonyms. */
  readonly logId: string
  readonly secret: KeyObject
}

export type PseudonymStrategy = "hash" | "token" | "encrypt"

export const newPrivacyKey = (): string => randomBytes(32).toString("base64")

/** 32 bytes in base64, or undefined. */
export function secretOf(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text.trim(), "base64")
  return bytes.length === 32 && bytes.toString("base64") === text.trim() ? createSecretKey(bytes) : undefined
}

const hmac = (key: KeyObject | Uint8Array, ...parts: readonly string[]): Buffer =>
  createHmac("sha256", key).update(parts.join("\0")).digest()

const derived = ({ secret, logId }: PrivacyKey, purpose: string, domain = ""): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, logId, `pgtrail ${purpose}\0${domain}`, 32))

/** What the log has of a key, to know it again. */
export const checkValueOf = (secret: KeyObject): Buffer => hmac(secret, "pgtrail privacy key")

/** Where a pseudonym of this subject is found again. */
export const lookupOf = (key: PrivacyKey, domain: string, id: string): Buffer =>
  hmac(derived(key, "pseudonym", domain), "lookup", id.normalize("NFC"))

/** Of an identifier, for the register of erasures outside the database: whoever has the key can say whether a line is about somebody. */
export const registerHash = (key: PrivacyKey, identifier: Identifier): string =>
  registerHasher(key)(identifier)

/** For many of them: the key is derived once. */
export function registerHasher(key: PrivacyKey): (identifier: Identifier) => string {
  const own = derived(key, "register")
  return ({ kind, value }) => {
    const normal = value.normalize("NFC")
    const form = kind === "email" || kind === "ip" ? normal.toLowerCase() : normal
    return hmac(own, kind, form).toString("hex")
  }
}

/** A new one each time with token, else the same for the same id. */
export function pseudonymOf(
  key: PrivacyKey,
  strategy: PseudonymStrategy,
  domain: string,
  id: string,
): string {
  const name = (letter: string, bytes: Buffer): string =>
    `p1:${letter}:${key.id}:${bytes.toString("base64url")}`
  switch (strategy) {
    case "hash":
      return name("h", hmac(derived(key, "pseudonym", domain), id.normalize("NFC")))
    case "token":
      return name("t", randomBytes(16))
    case "encrypt": {
      const normal = id.normalize("NFC")
      const padded = inBlocks(Buffer.from(normal), 16, 0)
      if (padded.length > longestEncrypted) {
        throw new TrailError("usage", "this id is too long to be encrypted into a pseudonym", {
          hint: "nothing was changed; use --strategy hash or token",
        })
      }
      const nonce = hmac(derived(key, "nonce", domain), normal).subarray(0, 12)
      return name("e", encrypted(derived(key, "encrypt"), nonce, padded, `p1:e:${key.id}`))
    }
  }
}

/** What 2000 characters of base64url hold beside nonce and tag, in whole blocks. */
const longestEncrypted = 1472

/** The id that is encrypted in the pseudonym itself; undefined where it was not made with this key. */
export function openPseudonym(key: PrivacyKey, pseudonym: string): string | undefined {
  const [, , , body = ""] = pseudonym.split(":")
  const opened = decrypted(derived(key, "encrypt"), Buffer.from(body, "base64url"), `p1:e:${key.id}`)
  return opened?.toString("utf8").replace(/\0+$/, "")
}

/** The identifiers, for the log to keep: bound to this pseudonym. */
export function sealOriginal(key: PrivacyKey, pseudonym: string, identifiers: readonly Identifier[]): Buffer {
  const plain = Buffer.from(JSON.stringify(identifiers.map(({ kind, value }) => [kind, value])))
  const sealed = encrypted(derived(key, "original"), randomBytes(12), inBlocks(plain, 64, 0x20), pseudonym)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(sealed.length)
  return Buffer.concat([length, sealed])
}

/** All of them that were ever noted; undefined where one was altered, or was not made with this key. */
export function openOriginals(
  key: PrivacyKey,
  pseudonym: string,
  originals: Buffer,
): readonly Identifier[] | undefined {
  const found = new Map<string, Identifier>()
  for (let at = 0; at < originals.length; ) {
    if (at + 4 > originals.length) return undefined
    const end = at + 4 + originals.readUInt32BE(at)
    if (end > originals.length) return undefined
    const opened = decrypted(derived(key, "original"), originals.subarray(at + 4, end), pseudonym)
    if (opened === undefined) return undefined
    for (const [kind, value] of JSON.parse(opened.toString("utf8")) as [Identifier["kind"], string][]) {
      found.set(`${kind}=${value}`, { kind, value })
    }
    at = end
  }
  return [...found.values()]
}

/** How long a value is would say something of it. */
function inBlocks(plain: Buffer, size: number, filler: number): Buffer {
  const rest = plain.length % size
  return rest === 0 && plain.length > 0 ? plain : Buffer.concat([plain, Buffer.alloc(size - rest, filler)])
}

function encrypted(key: Buffer, nonce: Buffer, plain: Buffer, about: string): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce)
  cipher.setAAD(Buffer.from(about))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypted(key: Buffer, whole: Buffer, about: string): Buffer | undefined {
  if (whole.length < 28) return undefined
  const decipher = createDecipheriv("aes-256-gcm", key, whole.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(about))
  decipher.setAuthTag(whole.subarray(-16))
  try {
    return Buffer.concat([decipher.update(whole.subarray(12, -16)), decipher.final()])
  } catch {
    return undefined
  }
}
