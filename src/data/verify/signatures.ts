// Which acts had to be signed, and whether each signature fits. The setting counts as the acts before had it, not as its table has it.
import type { ClientBase } from "pg"
import { actText } from "../act/text.js"
import { type VerifierKey, verifyText } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import type { Findings } from "./finding.js"

/** An act of a kind that can be required to be signed. */
export interface SignableAct {
  readonly seq: string
  readonly kind: string
  /** Hex. */
  readonly hash: string
  /** Of an act that sets require-signed-acts: on or off. */
  readonly requires: string | undefined
  /** Of an act that accepts a finding: its id. */
  readonly accepts: string | undefined
  readonly reason: string
}

interface Signed {
  readonly organization_id: string
  readonly seq: string
  readonly signature: string
  readonly kind: string | null
  readonly hash: string | null
  readonly recorded_at: string | null
}

interface Known {
  /** Those that can be required to be signed, in order. */
  readonly acts: readonly SignableAct[]
  readonly newest: bigint
  /** What the signed text names. */
  readonly actLogId: string
  readonly keys: readonly VerifierKey[]
}

type Signature = "good" | "unknown" | "forged"

/** seq of those that count for nothing: not signed though they had to be, or signed by somebody else. */
export async function checkSignatures(
  client: ClientBase,
  known: Known,
  findings: Findings,
): Promise<ReadonlySet<string>> {
  const signatures = await readSignatures(client, known, findings)
  const bad = new Set<string>()
  let required = false
  for (const { seq, kind, hash, requires } of known.acts) {
    const signature = signatures.get(seq)
    const wrong = signature === "forged" || (required && signature !== "good")
    if (wrong) bad.add(seq)
    if (wrong && signature !== "forged") {
      const message =
        signature === undefined
          ? `act ${seq} (${kind}) is not signed, and the setting require-signed-acts was on`
          : `act ${seq} (${kind}) is signed by a key that was not given, and the setting require-signed-acts was on`
      findings.add({ kind: "unsigned_act", seq, message, evidence: `${message} ${hash}` })
    }
    // Whoever turns it off without a signature has not turned it off.
    if (requires !== undefined && !wrong) required = requires === "on"
  }
  return bad
}

async function readSignatures(
  client: ClientBase,
  { actLogId, keys, newest }: Known,
  findings: Findings,
): Promise<Map<string, Signature>> {
  const { rows } = await client.query<Signed>(
    `select s.organization_id, s.seq, s.signature, a.kind, encode(a.hash, 'hex') as hash, a.recorded_at
     from pgtrail.act_signature s
     left join pgtrail.act a on a.organization_id = s.organization_id and a.seq = s.seq
     order by s.organization_id collate "C", s.seq`,
  )
  const signatures = new Map<string, Signature>()
  for (const { organization_id, seq, signature, kind, hash, recorded_at } of rows) {
    if (hash === null || organization_id !== "pgtrail") {
      // An act that is missing between others is a finding of its own.
      if (organization_id === "pgtrail" && BigInt(seq) > 0n && BigInt(seq) <= newest) continue
      const message = `pgtrail.act_signature has a signature of act ${seq}, and there is no such act`
      findings.add({ kind: "control_altered", group: "object", message, evidence: `${message} ${signature}` })
      continue
    }
    const problem = problemOf(actText(actLogId, seq, hash), signature, keys, writeTime(recorded_at) ?? "")
    signatures.set(seq, problem?.state ?? "good")
    if (problem?.state !== "forged") continue
    const message = `the signature of act ${seq} (${kind}) does not fit it: ${problem.message}`
    findings.add({ kind: "unsigned_act", seq, message, evidence: `${message} ${hash} ${signature}` })
  }
  return signatures
}

/** Undefined where it fits, or where there are no keys to tell. */
function problemOf(
  text: string,
  signature: string,
  keys: readonly VerifierKey[],
  time: string,
): { readonly state: "unknown" | "forged"; readonly message: string } | undefined {
  if (keys.length === 0) return undefined
  try {
    verifyText(text, signature, keys, time)
    return undefined
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    return { state: error.code === "config" ? "unknown" : "forged", message: error.message }
  }
}
