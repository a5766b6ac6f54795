// The keys of pseudonyms as the log knows them, and those that a caller has. Each way in which a key can fail has words of its own.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { quoted } from "../words.js"
import { checkValueOf, type PrivacyKey, secretOf } from "./privacy-key.js"

/** What a caller has: keys by their names. They are read when they are needed, and no other is. */
export interface PrivacyKeys {
  readonly ids: readonly string[]
  /** The key as text: 32 bytes in base64. Undefined where the caller has none of that name. */
  read(id: string): Promise<string | undefined>
  /** The file in which it lies, where it lies in one: that is removed when the key is destroyed. */
  file?(id: string): string | undefined
}

export const noPrivacyKeys: PrivacyKeys = { ids: [], read: async () => undefined }

export type KeyState = "active" | "retired" | "destroyed"

export interface KnownKey {
  readonly key_id: string
  readonly state: KeyState
  readonly created_at: string
  /** How many pseudonyms were made with it. */
  readonly pseudonyms: string
  /** For how many of them the log has whom they stand for. */
  readonly originals: string
}

export interface ListedKey extends KnownKey {
  /** Whether the caller has it: `wrong` is another key under its name, `unreadable` one that could not be had. */
  readonly here: "yes" | "no" | "wrong" | "unreadable"
}

interface KeyRow extends KnownKey {
  readonly check: string
}

export const nothingDone = "nothing was changed"

async function keyRows(client: ClientBase): Promise<KeyRow[]> {
  const { rows } = await client.query<KeyRow>(
    `select k.key_id, k.state, to_char(k.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at,
       k.pseudonyms, k.originals, encode(k.check_value, 'hex') as check
     from pgtrail.privacy_keys() k`,
  )
  return rows
}

/** Oldest first. Throws `privilege`. */
export async function listPrivacyKeys(client: ClientBase, keys: PrivacyKeys): Promise<ListedKey[]> {
  const listed: ListedKey[] = []
  for (const { check, ...known } of await keyRows(client)) {
    listed.push({ ...known, here: keys.ids.includes(known.key_id) ? await hereOf(keys, known, check) : "no" })
  }
  return listed
}

async function hereOf(
  keys: PrivacyKeys,
  { key_id: id }: KnownKey,
  check: string,
): Promise<ListedKey["here"]> {
  try {
    const secret = secretOf((await keys.read(id)) ?? "")
    return secret !== undefined && checkValueOf(secret).toString("hex") === check ? "yes" : "wrong"
  } catch {
    return "unreadable"
  }
}

/** The key with which new pseudonyms are made. Throws `config`. */
export async function activeKey(
  client: ClientBase,
  keys: PrivacyKeys,
  nothing = nothingDone,
): Promise<PrivacyKey> {
  const rows = await keyRows(client)
  const active = rows.find(({ state }) => state === "active")
  if (active === undefined) {
    throw new TrailError(
      "config",
      rows.length === 0 ? "this log has no privacy key" : "no privacy key of this log is active any more",
      { hint: `${nothing}; pgtrail gdpr key create --out FILE makes one` },
    )
  }
  return opened(client, keys, active, nothing)
}

/** The key that made a pseudonym. Throws `config`; `not-found` where it was destroyed, or the log never had it. */
export async function namedKey(
  client: ClientBase,
  keys: PrivacyKeys,
  id: string,
  nothing = nothingDone,
): Promise<PrivacyKey> {
  const known = (await keyRows(client)).find(({ key_id }) => key_id === id)
  if (known === undefined) {
    throw new TrailError("not-found", `this log has no privacy key ${quoted(id)}`, {
      hint: `${nothing}; pgtrail gdpr key list`,
    })
  }
  if (known.state === "destroyed") {
    throw new TrailError(
      "not-found",
      `the privacy key ${id} was destroyed: nobody can tell any more whom its pseudonyms stand for`,
      { hint: `${nothing}; pgtrail act list --kind privacy_key tells when, and by whom` },
    )
  }
  return opened(client, keys, known, nothing)
}

/** Those that the caller has and that still are what the log knows: to find pseudonyms of earlier keys. */
export async function usableKeys(
  client: ClientBase,
  keys: PrivacyKeys,
  nothing = nothingDone,
): Promise<PrivacyKey[]> {
  const rows = await keyRows(client)
  const usable: PrivacyKey[] = []
  for (const row of rows) {
    if (row.state === "destroyed" || !keys.ids.includes(row.key_id)) continue
    usable.push(await opened(client, keys, row, nothing))
  }
  return usable
}

async function opened(
  client: ClientBase,
  keys: PrivacyKeys,
  { key_id: id, check, state }: KeyRow,
  nothing: string,
): Promise<PrivacyKey> {
  const name = `the privacy key ${id}${state === "retired" ? ", which was rotated and still reveals," : ""}`
  const text = await keys.read(id)
  if (text === undefined) {
    throw new TrailError("config", `${name} is needed, and was not given`, {
      hint: `${nothing}; give it by --privacy-key ${id}=file:PATH, or in pgtrail.json: "privacy-key": ["${id}=file:PATH"]`,
    })
  }
  const secret = secretOf(text)
  if (secret === undefined) {
    throw new TrailError("config", `what was given as the privacy key ${id} is none: 32 bytes in base64`, {
      hint: `${nothing}; see what --privacy-key ${id}=... leads to`,
    })
  }
  if (checkValueOf(secret).toString("hex") !== check) {
    throw new TrailError("config", `what was given as the privacy key ${id} is another key`, {
      hint: `${nothing}; give the one that was made under this name: --privacy-key ${id}=file:PATH`,
    })
  }
  return { id, logId: await firstLogId(client), secret }
}

async function firstLogId(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ log_id: string }>(
    "select i.log_id from pgtrail.incarnation i where i.number = 1",
  )
  return rows[0]?.log_id ?? ""
}
