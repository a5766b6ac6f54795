// Checkpoints without a database: keys, heads and the two files, for tests that edit, swap and cut them.
import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { headsDigest } from "../../src/data/canonical.js"
import { eventsOf, headLines } from "../../src/data/checkpoint/heads-file.js"
import {
  readVerifierKeys,
  type SigningKey,
  signingKey,
  signText,
  type VerifierKey,
  writeVerifierKey,
} from "../../src/data/checkpoint/note.js"
import { body, type Statement } from "../../src/data/checkpoint/statement.js"
import type { VerifiedHead } from "../../src/data/verify/acts.js"

/** A folder of a test file's own; `remove` in afterAll. */
export function folder(): { path(name: string): string; remove(): void } {
  const base = mkdtempSync(join(tmpdir(), "pgtrail-checkpoint-"))
  return { path: (name) => join(base, name), remove: () => rmSync(base, { recursive: true, force: true }) }
}

export interface Pair {
  readonly key: SigningKey
  readonly verifier: VerifierKey
  /** The private key, as its file has it. */
  readonly secret: string
  /** The line of its public key. */
  readonly line: string
}

/** `period`: " since=... until=...". */
export function keyPair(name = "audit.example.com/log", period = ""): Pair {
  const seed = randomBytes(32)
  const key = signingKey(name, seed)
  const line = `${writeVerifierKey(key)}${period}`
  const [verifier] = readVerifierKeys(line, "test")
  if (verifier === undefined) throw new Error("no key")
  const data = Buffer.concat([Buffer.of(1), seed]).toString("base64")
  return { key, verifier, secret: `PRIVATE+KEY+${name}+${key.keyId}+${data}`, line }
}

export const head = (organization_id: string, lane = "0", seq = "1"): VerifiedHead => ({
  organization_id,
  lane,
  seq,
  hash: `\\x${createHash("sha256").update(`${organization_id} ${lane} ${seq}`).digest("hex")}`,
})

/** `heads` in the order in which they are to stand. */
export function statementOf(heads: readonly VerifiedHead[], more: Partial<Statement> = {}): Statement {
  return {
    logId: "6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001",
    incarnation: "1",
    events: eventsOf(heads),
    lanes: String(heads.length),
    digest: headsDigest(heads),
    act: { seq: "7", hash: "ab".repeat(32) },
    time: "2026-11-21T09:30:00.000001Z",
    ...more,
  }
}

export const noteOf = (text: string, ...pairs: readonly Pair[]): string =>
  `${text}\n${pairs.map(({ key }) => signText(text, key)).join("")}`

/** Writes the note and its list of heads. */
export function writeCheckpoint(
  path: string,
  heads: readonly VerifiedHead[],
  pair: Pair,
  more: Partial<Statement> = {},
): void {
  writeFileSync(path, noteOf(body(statementOf(heads, more)), pair))
  writeFileSync(`${path}.heads`, [...headLines(heads)].join(""))
}
