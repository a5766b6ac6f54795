// Which acts had to be signed, and whether each signature fits, also those of the checkpoints that acts name. The setting counts as the acts before had it, not as its table has it.
import { actText } from "../act/text.js"
import { splitNote, type VerifierKey, verifyText } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"

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
  /** Of an act that opens an incarnation: the signed note of the checkpoint that told what was lost. */
  readonly note: string | undefined
  readonly reason: string
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

interface Checked {
  /** seq of those that count for nothing: not signed though they had to be, or signed by somebody else. */
  readonly bad: ReadonlySet<string>
  /** How many had to be signed, and have a signature that could not be checked without a key. */
  readonly unverified: number
}

export async function checkSignatures(tables: LogTables, known: Known, findings: Findings): Promise<Checked> {
  const signatures = await readSignatures(tables, known, findings)
  const bad = new Set<string>()
  let required = false
  let unverified = 0
  for (const { seq, kind, hash, requires, note } of known.acts) {
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
    if (required && !wrong && known.keys.length === 0) unverified += 1
    const doubt = note === undefined ? undefined : problemOfNote(note, known.keys)
    if (doubt !== undefined && (required || doubt.state === "forged")) {
      const message =
        doubt.state === "forged"
          ? `the checkpoint of act ${seq} (${kind}) is not what its key signed: ${doubt.message}`
          : `the checkpoint of act ${seq} (${kind}) is signed by a key that was not given, and the setting require-signed-acts was on`
      findings.add({ kind: "unsigned_act", seq, message, evidence: `${message} ${hash}` })
    }
    // Whoever turns it off without a signature has not turned it off.
    if (requires !== undefined && !wrong) required = requires === "on"
  }
  return { bad, unverified }
}

async function readSignatures(
  tables: LogTables,
  { actLogId, keys, newest }: Known,
  findings: Findings,
): Promise<Map<string, Signature>> {
  const signatures = new Map<string, Signature>()
  for (const { organization_id, seq, signature, kind, hash, recorded_at } of await tables.signatures()) {
    if (hash === null || organization_id !== "pgtrail") {
      // An act that is missing between others is a finding of its own.
      if (organization_id === "pgtrail" && BigInt(seq) > 0n && BigInt(seq) <= newest) continue
      const whose = organization_id === "pgtrail" ? "" : ` of organization ${shown(organization_id)}`
      const why = whose === "" ? "there is no such act" : "acts belong to pgtrail alone"
      const message = `pgtrail.act_signature has a signature of act ${seq}${whose}, and ${why}`
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

type Problem = { readonly state: "unknown" | "forged"; readonly message: string }

/** Undefined where a key that was given made it, or where there are no keys to tell. */
function problemOfNote(note: string, keys: readonly VerifierKey[]): Problem | undefined {
  const parts = splitNote(note)
  if (keys.length === 0) return undefined
  if (parts === undefined) return { state: "forged", message: "it has no signature" }
  return problemOf(parts.text, parts.signatures, keys, /^time (\S+)$/m.exec(parts.text)?.[1] ?? "")
}

/** Undefined where it fits, or where there are no keys to tell. */
function problemOf(
  text: string,
  signature: string,
  keys: readonly VerifierKey[],
  time: string,
): Problem | undefined {
  if (keys.length === 0) return undefined
  try {
    verifyText(text, signature, keys, time)
    return undefined
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    return { state: error.code === "config" ? "unknown" : "forged", message: error.message }
  }
}
