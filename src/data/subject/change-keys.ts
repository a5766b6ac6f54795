// Makes, rotates and destroys keys of pseudonyms, by acts. The database learns their names and check values, and no key.
import { rm } from "node:fs/promises"
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { fileError, refuseExisting, stage } from "../checkpoint/files.js"
import { readSigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { type KnownKey, listPrivacyKeys, noPrivacyKeys, nothingDone, type PrivacyKeys } from "./keys.js"
import { checkValueOf, newPrivacyKey, secretOf } from "./privacy-key.js"

export interface NewKeyOptions {
  /** Its name; without it k1, k2... */
  readonly id?: string | undefined
  /** The file that a new key is written to, which must not be there. Without it the key is among `keys`. */
  readonly out?: string | undefined
  /** For a key that was made elsewhere. */
  readonly keys?: PrivacyKeys | undefined
  /** The active key is retired: it still reveals. Without it there must be none. */
  readonly rotate?: boolean | undefined
  /** A private signing key, as text: signs the act. */
  readonly signingKey?: string | undefined
}

export interface AddedKey {
  readonly key_id: string
  readonly act: string
  /** The file with the key; null where it was there before. */
  readonly file: string | null
  /** The key that was active before, which is retired now. */
  readonly retired: string | null
}

/** Throws `usage` where the file is there or the name is taken, `config` for a key that is none, `privilege`, `read-only`. */
export async function addPrivacyKey(client: Client, options: NewKeyOptions): Promise<AddedKey> {
  const { out, keys = noPrivacyKeys, rotate = false, signingKey } = options
  const signing = signingKey === undefined ? undefined : readSigningKey(signingKey)
  const known = await listPrivacyKeys(client, noPrivacyKeys)
  const id = options.id ?? nextName(known)
  const given = keys.ids.includes(id) ? await keys.read(id) : undefined
  if (out === undefined && given === undefined) {
    throw new TrailError("usage", `no file was named for the privacy key ${id}, and no key was given`, {
      hint: `${nothingDone}; make one with --out FILE, or name one of yours: --privacy-key ${id}=REFERENCE`,
    })
  }
  if (out !== undefined) await refuseExisting(out)
  const text = out === undefined ? (given ?? "") : newPrivacyKey()
  const secret = secretOf(text)
  if (secret === undefined) {
    throw new TrailError("config", `what was given as the privacy key ${id} is none: 32 bytes in base64`, {
      hint: `${nothingDone}; openssl rand -base64 32 makes one`,
    })
  }
  const file = out === undefined ? undefined : await stage(out, [`${text}\n`], 0o600)
  let isPlaced = false
  try {
    const act = await performAct(client, signing, async () => {
      const { rows } = await client.query<{ act: string }>(
        "select pgtrail.add_privacy_key($1, $2, $3) as act",
        [id, checkValueOf(secret), rotate],
      )
      // Before the commit: a key that the log knows and nobody has would be worse than a file too many.
      await file?.place()
      isPlaced = true
      return rows[0]?.act ?? ""
    })
    const retired = rotate ? known.find(({ state }) => state === "active") : undefined
    return { key_id: id, act: act ?? "", file: out ?? null, retired: retired?.key_id ?? null }
  } catch (error) {
    // Where the connection broke during the commit, it may have come to pass: then the file is all that there is of the key.
    const isKnown = await knows(client, id)
    if (isPlaced && out !== undefined && isKnown === false)
      await rm(out, { force: true }).catch(() => undefined)
    throw error
  } finally {
    await file?.drop()
  }
}

/** Undefined where nobody can tell. */
async function knows(client: Client, id: string): Promise<boolean | undefined> {
  try {
    return (await listPrivacyKeys(client, noPrivacyKeys)).some(({ key_id }) => key_id === id)
  } catch {
    return undefined
  }
}

function nextName(known: readonly KnownKey[]): string {
  const names = new Set(known.map(({ key_id }) => key_id))
  let number = known.length + 1
  while (names.has(`k${number}`)) number += 1
  return `k${number}`
}

export interface DestroyKeyOptions {
  /** The key's name once more. */
  readonly confirm?: string | undefined
  readonly keys?: PrivacyKeys | undefined
  readonly signingKey?: string | undefined
}

export interface DestroyedKey {
  readonly key_id: string
  /** Null where it was destroyed before. */
  readonly act: string | null
  /** Of how many pseudonyms the log had whom they stand for. */
  readonly pseudonyms: string
  /** The file that was removed. */
  readonly file: string | null
}

/**
 * Deletes whom the key's pseudonyms stand for, and then its file. Throws `usage` without the confirmation, `not-found`, `config` where the file
 * holds something else, `file` where it cannot be removed: the log has forgotten by then, and the next run removes it.
 */
export async function destroyPrivacyKey(
  client: Client,
  id: string,
  options: DestroyKeyOptions,
): Promise<DestroyedKey> {
  const { confirm, keys = noPrivacyKeys, signingKey } = options
  const signing = signingKey === undefined ? undefined : readSigningKey(signingKey)
  const known = (await listPrivacyKeys(client, keys)).find(({ key_id }) => key_id === id)
  if (known === undefined) {
    throw new TrailError("not-found", "this log has no privacy key of that name", {
      hint: `${nothingDone}; pgtrail gdpr key list`,
    })
  }
  const path = keys.file?.(id)
  if (path !== undefined && known.here === "wrong") {
    throw new TrailError("config", `${path} holds another key than ${id}, and would have been removed`, {
      hint: `${nothingDone}; give the file of ${id}, or none: then only the log forgets`,
    })
  }
  if (confirm !== id) {
    throw new TrailError(
      "usage",
      `to destroy the privacy key ${id} takes its name once more: nobody can tell then whom its pseudonyms stand for (${known.originals})`,
      { hint: `${nothingDone}; --confirm ${id}` },
    )
  }
  let pseudonyms = "0"
  const act = await performAct(client, signing, async () => {
    const { rows } = await client.query<{ act: string | null; pseudonyms: string }>(
      "select act, pseudonyms from pgtrail.destroy_privacy_key($1)",
      [id],
    )
    pseudonyms = rows[0]?.pseudonyms ?? "0"
    return rows[0]?.act ?? null
  })
  const file = path !== undefined && known.here === "yes" ? path : null
  if (file !== null) await removeFile(file)
  return { key_id: id, act, pseudonyms, file }
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path)
  } catch (error) {
    throw fileError(error, "remove", path)
  }
}
