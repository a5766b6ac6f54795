// Checks the receipt of an erasure with the signature beside it: that it says what was signed, and by whom. Needs no database.
import { createHash } from "node:crypto"
import { readFile, stat } from "node:fs/promises"
import { fileError } from "../checkpoint/files.js"
import { readKeyFiles } from "../checkpoint/keys.js"
import { splitNote, verifyText } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { receiptSchema, signedText } from "./receipt.js"

export interface CheckedReceipt {
  readonly schema: "pgtrail.receipt_check/1"
  readonly verdict: "intact" | "tampered"
  /** Why it is not as it was signed; null where it is. */
  readonly finding: string | null
  readonly sha256: string
  readonly log_id: string
  readonly time: string
  readonly request: string | null
  readonly complete: boolean
  /** Who signed it, name and key id; null without the public keys of whom is believed. */
  readonly key: string | null
}

type Said = Pick<CheckedReceipt, "log_id" | "time" | "request" | "complete">

/** Undefined for what is no receipt. Throws `file` where it, or its signature, cannot be read, `config` for one of an unknown key. */
export async function verifyReceipt(
  path: string,
  publicKeys: readonly string[],
): Promise<CheckedReceipt | undefined> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile) return undefined
  const bytes = await read(path)
  const said = saidBy(bytes)
  if (said === undefined) return undefined
  const keys = await readKeyFiles(publicKeys)
  const { log_id, time, request, complete } = said
  const digest = createHash("sha256").update(bytes).digest()
  const about = { schema: "pgtrail.receipt_check/1", sha256: digest.toString("hex") } as const
  const tampered = (finding: string): CheckedReceipt => ({
    ...{ ...about, log_id, time, request, complete },
    ...{ verdict: "tampered", finding, key: null },
  })
  const note = splitNote((await read(`${path}.sig`)).toString("utf8"))
  if (note?.text !== signedText(said, digest)) return tampered("it is not what was signed")
  if (keys.length === 0) return { ...tampered(""), verdict: "intact", finding: null }
  try {
    const { name, keyId } = verifyText(note.text, note.signatures, keys, time)
    return { ...tampered(""), verdict: "intact", finding: null, key: `${name}+${keyId}` }
  } catch (error) {
    if (error instanceof TrailError && error.code === "forged") return tampered(error.message)
    throw error
  }
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw fileError(error, "read", path)
  }
}

/** It is pgtrail's own, not evidence, and may be parsed. */
function saidBy(bytes: Buffer): Said | undefined {
  try {
    const value = JSON.parse(bytes.toString("utf8"))
    return value?.schema === receiptSchema ? value : undefined
  } catch {
    return undefined
  }
}

export function describeCheckedReceipt({
  verdict,
  finding,
  log_id,
  time,
  request,
  complete,
  key,
}: CheckedReceipt): string {
  const of = `the receipt of an erasure${request === null ? "" : ` for request ${request}`}, log ${log_id}, ${time}`
  if (verdict === "tampered") return `tampered: ${of}: ${finding}`
  const by = key === null ? "as it was signed; by whom, --public-key tells" : `as ${key} signed it`
  return `intact: ${of}: ${by}\nit says that the erasure is ${complete ? "complete" : "not complete"}`
}
