// The receipt of an erasure: what was done and what was not, and why. It names the request and never the subject.
import { createHash } from "node:crypto"
import { probe, refuseExisting, type Staged, stage } from "../checkpoint/files.js"
import { type SigningKey, signText } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { writeManifest } from "../manifest-form.js"
import { version } from "../version.js"
import type { Copies } from "./copies.js"
import type { EarlierErasure } from "./earlier.js"
import type { FoundCase, FoundLaw } from "./found.js"
import type { ArchiveRedacted } from "./redact-archives.js"

export const receiptSchema = "pgtrail.erasure_receipt/1"

/** What the files of the tables still have after the erasure. */
export interface Remains {
  readonly partitions: readonly {
    readonly name: string
    readonly method: string
    readonly why: string | null
  }[]
  /** Whether the statistics of the planner were made anew, which hold values too. */
  readonly statistics: boolean
  /** What somebody else must do, in words. */
  readonly left: readonly string[]
}

export interface ErasedField {
  readonly group: "identity" | "content"
  readonly field: string
  readonly events: string
}

export interface Receipt {
  readonly schema: typeof receiptSchema
  readonly tool: string
  readonly log_id: string
  readonly time: string
  /** Its number in the register of requests; null where none was named. */
  readonly request: string | null
  /** seq of the act; null where nothing in the log was to be erased. */
  readonly act: string | null
  /** What was erased before by the same request, or, as the register tells, of the same subject: a run that was killed left no receipt. */
  readonly earlier: readonly EarlierErasure[]
  readonly searched: {
    readonly organizations: readonly string[] | null
    readonly since: string | null
    readonly until: string | null
    readonly text: boolean
    readonly archives: boolean
    /** Keys whose pseudonyms nobody could look for, and how many archives were left out: with any of them it is not complete. */
    readonly missing_keys: readonly string[]
    readonly archives_left: number
  }
  readonly events: string
  readonly fields: readonly ErasedField[]
  readonly organizations: readonly { readonly organization_id: string; readonly events: string }[]
  /** Kept by law: with a token that leads nowhere in the place of the identifier. */
  readonly kept: readonly FoundLaw[]
  /** What stays as it is. */
  readonly held: { readonly events: string; readonly cases: readonly FoundCase[] }
  readonly unsound: string
  /** Columns in which an identifier stands and that the chain needs as they are. */
  readonly frame: readonly { readonly field: string; readonly events: string }[]
  /** Physical: the files of the tables were written anew. Logical: no query returns the values, and their bytes stay in files until those are. */
  readonly method: "logical" | "physical"
  readonly remains: Remains | null
  readonly archives: readonly ArchiveRedacted[]
  /** Where else the log names the subject, in words, as long as nobody takes it away: a restriction, a hold. */
  readonly named: readonly string[]
  /** What nobody can take away, in words: the digest of a hold that an earlier pgtrail placed, whose names are gone. */
  readonly proof: readonly string[]
  /** What was not searched, in words. */
  readonly limits: readonly string[]
  /** What went wrong after the erasure was committed, in words. */
  readonly failed: readonly string[]
  readonly copies: Copies
  /** Of the register outside the database: the sha256 by which its lines are found; null without one. */
  readonly register: string | null
  /** Nothing stays that was to go. */
  readonly complete: boolean
}

export const toolName = `pgtrail ${version}`

/** Refuses before anything is erased what could not be written down after. */
export async function refuseUnwritable(path: string): Promise<void> {
  for (const name of [path, `${path}.sig`]) {
    await refuseExisting(name).catch((error: unknown) => {
      if (!(error instanceof TrailError) || error.code !== "usage") throw error
      throw new TrailError("usage", error.message, {
        hint: "nothing was erased; name another file with --receipt",
      })
    })
  }
  await probe(path)
}

/** What the signature beside it is of. */
export const signedText = (receipt: Pick<Receipt, "log_id" | "time">, sha256: Buffer): string =>
  `pgtrail receipt\n${receipt.log_id}\n${sha256.toString("base64")}\ntime ${receipt.time}\n`

/** Writes it for its user alone, and its signature beside it where there is a key. Returns its sha256. */
export async function writeReceipt(
  path: string,
  receipt: Receipt,
  key: SigningKey | undefined,
): Promise<string> {
  const text = writeManifest(receipt)
  const sha256 = createHash("sha256").update(text).digest()
  const staged: Staged[] = []
  try {
    if (key !== undefined) {
      const signed = signedText(receipt, sha256)
      staged.push(await stage(`${path}.sig`, [`${signed}\n${signText(signed, key)}`], 0o600))
    }
    staged.push(await stage(path, [text], 0o600))
    for (const file of staged) await file.place()
  } finally {
    for (const file of staged) await file.drop()
  }
  return sha256.toString("hex")
}
