// The signature of a manifest: a signed note (C2SP) of four lines that name it, and can be no checkpoint and no act.

import { type SigningKey, signText, splitNote, type VerifierKey, verifyText } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"

interface Signed {
  readonly logId: string
  /** Of manifest.json; hex. */
  readonly sha256: string
  /** The manifest's own. */
  readonly time: string
}

const textOf = ({ logId, sha256, time }: Signed): string =>
  `pgtrail export\n${logId}\n${Buffer.from(sha256, "hex").toString("base64")}\ntime ${time}\n`

export function signManifest(signed: Signed, key: SigningKey): string {
  const text = textOf(signed)
  return `${text}\n${signText(text, key)}`
}

/**
 * Who of `keys` vouches for the manifest. Throws TrailError `forged` where the note is not of this manifest or its signature does not fit,
 * and `config` where none of the keys made it.
 */
export function verifyManifest(note: string, signed: Signed, keys: readonly VerifierKey[]): VerifierKey {
  const parts = splitNote(note)
  if (parts === undefined || !isOf(note, signed)) {
    throw new TrailError("forged", "it was signed for another manifest", {
      hint: "one of the two was exchanged or altered: compare them with another copy",
    })
  }
  return verifyText(parts.text, parts.signatures, keys, signed.time)
}

/** Whether the note names this manifest, whoever signed it. */
const isOf = (note: string, signed: Signed): boolean => splitNote(note)?.text === textOf(signed)

export interface Signature {
  /** Who vouches for the manifest: name and id of the key. */
  readonly signed_by: string | null
  readonly signature: "good" | "bad" | "unchecked" | "none"
}

/** What the note beside a manifest says of it; `found` is told what is wrong. */
export function judgeSignature(
  note: string | undefined,
  signed: Signed,
  keys: readonly VerifierKey[],
  mustBeSigned: boolean,
  found: (message: string) => void,
): Signature {
  const bad = (message: string): Signature => {
    found(message)
    return { signed_by: null, signature: "bad" }
  }
  if (note === undefined) {
    return keys.length === 0 || !mustBeSigned
      ? { signed_by: null, signature: "none" }
      : bad("the manifest is not signed by any key")
  }
  if (!isOf(note, signed)) {
    return bad("it was signed for another manifest: one of the two was exchanged, or altered afterwards")
  }
  if (keys.length === 0) return { signed_by: null, signature: "unchecked" }
  try {
    const key = verifyManifest(note, signed, keys)
    return { signed_by: `${key.name}+${key.keyId}`, signature: "good" }
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    return bad(error.message)
  }
}
