// Key files: a pair is made here and never overwrites one; public keys are read from as many files as there are.
import { randomBytes } from "node:crypto"
import { TrailError } from "../errors.js"
import { readSmall, refuseExisting, stage, strictText } from "./files.js"
import { isKeyName, readVerifierKeys, signingKey, type VerifierKey, writeVerifierKey } from "./note.js"

export interface NewKey {
  readonly name: string
  readonly keyId: string
  readonly since: string
  readonly until: string | null
}

/** Far more than anybody trusts. */
const largestKeyFile = 65_536

/** Writes `path`, the private key, for its user alone, and `path`.pub, its verifier key. Throws TrailError `usage` where one is there. */
export async function createKeyFiles(
  path: string,
  { name, since, until }: { name: string; since: string; until?: string | undefined },
): Promise<NewKey> {
  if (!isKeyName(name)) {
    throw new TrailError(
      "usage",
      "the name of a key takes no blank, no + and no control character, and 200 characters at most",
      {
        hint: "name it as a host and what it is for: audit.example.com/log",
      },
    )
  }
  const publicPath = `${path}.pub`
  await refuseExisting(path)
  await refuseExisting(publicPath)
  const seed = randomBytes(32)
  const key = signingKey(name, seed)
  const data = Buffer.concat([Buffer.of(1), seed]).toString("base64")
  const period = `since=${since}${until === undefined ? "" : ` until=${until}`}`
  const secret = await stage(path, [`PRIVATE+KEY+${name}+${key.keyId}+${data}\n`], 0o600)
  try {
    // The public key first: a private one without it would be of no use, and would be in the way.
    const shown = await stage(publicPath, [`${writeVerifierKey(key)} ${period}\n`])
    await shown.place()
    await secret.place()
  } finally {
    await secret.drop()
  }
  return { name, keyId: key.keyId, since, until: until ?? null }
}

/** The keys of all these files. Throws TrailError `file` or `config`, naming the file. */
export async function readKeyFiles(paths: readonly string[]): Promise<VerifierKey[]> {
  const keys: VerifierKey[] = []
  for (const path of paths) {
    const bytes = await readSmall(path, largestKeyFile)
    const text = bytes === undefined ? undefined : strictText(bytes)
    if (text === undefined) {
      throw new TrailError("config", `${path} is no file of public keys`, {
        hint: "name the file that ends in .pub, which pgtrail checkpoint keygen wrote",
      })
    }
    keys.push(...readVerifierKeys(text, path))
  }
  return keys
}
