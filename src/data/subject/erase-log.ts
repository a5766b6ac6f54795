// The transaction of an erasure, with its register: told before the commit, and told after how it ended.
import type { Client } from "pg"
import { isUnsettled } from "../archive/settle.js"
import type { SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { unsettled } from "./after-commit.js"
import type { EraseOptions } from "./erase.js"
import { type Widened, widened } from "./find.js"
import { type Found, staysNothing } from "./found.js"
import type { Identifier } from "./identifiers.js"
import { type PrivacyKeys, usableKeys } from "./keys.js"
import { registerHash } from "./privacy-key.js"
import type { KnownPseudonym } from "./pseudonym.js"
import { type Redacted, redactSubject } from "./redact.js"
import type { Registered, RegisterFile } from "./register.js"
import { liveSpan, type Span } from "./spans.js"

const nothing = "nothing was erased"

export interface EraseJob {
  readonly target: ConnectionTarget
  readonly client: Client
  /** As the subject was named. */
  readonly named: readonly Identifier[]
  readonly options: EraseOptions
  readonly key: SigningKey | undefined
  readonly keys: PrivacyKeys
}

export interface Erased {
  readonly redacted: Redacted
  readonly registered: Registered | undefined
  /** With the pseudonyms under which the log had the subject when nobody else could change that any more. */
  readonly known: Widened
  /** In which time the events stood in the log with what was erased. */
  readonly span: Span | undefined
}

/** The transaction. What the register was told of an attempt that did not commit is taken back there. */
export async function erased(
  { target, client, named, options, key, keys }: EraseJob,
  register: RegisterFile | undefined,
): Promise<Erased> {
  let known: Widened = { all: named, pseudonyms: [] }
  const begun: Registered[] = []
  let span: Span | undefined
  let last: { readonly redacted: Redacted; readonly hash: string } | undefined
  const subject = register === undefined ? null : await hashesOf(client, keys, named)
  const close = async (committed: boolean): Promise<void> => {
    for (const [at, { id }] of begun.entries()) {
      await register?.end(id, committed && at === begun.length - 1 ? "done" : "void")
    }
  }
  let redacted: Redacted
  try {
    redacted = await redactSubject(client, named, {
      ...options,
      strategy: "erase",
      key,
      alsoNamed: async (within) => {
        known = await widened(within, named, keys)
        return known.all.slice(named.length)
      },
      replaced: (found) => forget(client, known.pseudonyms, found, options),
      recorded: async (act, found, partitions, events) => {
        last = { redacted: { act, events, found, partitions }, hash: await hashOf(client, act) }
        span = await liveSpan(client)
        if (register === undefined) return
        const pseudonyms = known.pseudonyms.map(({ pseudonym }) => pseudonym)
        begun.push(await tell(register, client, act, options, subject, pseudonyms))
      },
    })
  } catch (error) {
    // The server may have committed, and the answer was lost with the connection.
    const isDone =
      last !== undefined &&
      isUnsettled(error) &&
      (await isRecorded(target, last.redacted.act ?? "", last.hash, options).catch((cause: unknown) => {
        throw unsettled(last?.redacted.act ?? "", cause)
      }))
    await close(isDone).catch(() => undefined)
    if (!isDone || last === undefined) throw error
    redacted = last.redacted
  }
  await close(true)
  const isAny = redacted.act !== null
  return { redacted, registered: isAny ? begun.at(-1) : undefined, span: isAny ? span : undefined, known }
}

/**
 * Whom the subject's pseudonyms stand for, unless some of its events stay as they are or were not meant: those still have them. A pseudonym
 * of all organizations goes with all of them.
 */
async function forget(
  client: Client,
  pseudonyms: readonly KnownPseudonym[],
  found: Found,
  { organizations, since, until }: EraseOptions,
): Promise<boolean> {
  if (since !== undefined || until !== undefined || !staysNothing(found)) return false
  const gone = pseudonyms.filter(
    ({ organization_id: name }) =>
      organizations === undefined || (name !== null && organizations.includes(name)),
  )
  if (gone.length === 0) return false
  await client.query("select pgtrail.forget_pseudonym($1)", [gone.map(({ pseudonym }) => pseudonym)])
  return true
}

interface Hashes {
  readonly key: string
  readonly hashes: readonly string[]
}

/** In the transaction that is about to commit. */
export const tell = (
  register: RegisterFile,
  client: Client,
  act: string,
  { request = null }: { readonly request?: string | null | undefined },
  subject: Hashes | null,
  pseudonyms: readonly string[] = [],
): Promise<Registered> =>
  register.begin(client, {
    strategy: "erase",
    request,
    act,
    key: subject?.key ?? null,
    subject: subject?.hashes ?? null,
    pseudonyms,
  })

/** Keyed, by which whoever has the key finds the subject in the register: by the newest key at hand, be it a retired one; null without one. */
export async function hashesOf(
  client: Client,
  keys: PrivacyKeys,
  identifiers: readonly Identifier[],
): Promise<Hashes | null> {
  const key = (await usableKeys(client, keys, nothing)).at(-1)
  if (key === undefined) return null
  return { key: key.id, hashes: identifiers.map((identifier) => registerHash(key, identifier)) }
}

async function hashOf(client: Client, act: string): Promise<string> {
  const { rows } = await client.query<{ hash: string }>(
    "select encode(a.hash, 'hex') as hash from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = $1",
    [act],
  )
  return rows[0]?.hash ?? ""
}

/** Whoever gets the lock of the acts after a session that records one knows whether it did. */
function isRecorded(
  target: ConnectionTarget,
  act: string,
  hash: string,
  { patienceMs = 30_000 }: EraseOptions,
): Promise<boolean> {
  return withClient(target, async (client) => {
    await client.query("select set_config('lock_timeout', $1, false)", [`${Math.max(patienceMs, 10_000)}ms`])
    await client.query("select pg_advisory_lock(1885828210, -1)")
    try {
      return (await hashOf(client, act)) === hash
    } finally {
      await client.query("select pg_advisory_unlock(1885828210, -1)")
    }
  })
}
