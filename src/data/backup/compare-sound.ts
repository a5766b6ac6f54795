// What a comparison needs of a backup before it asks the log: a manifest that its files bear out, and all of these.
import { TrailError } from "../errors.js"
import type { Store } from "../store/store.js"
import { unborne } from "./borne-out.js"
import { refuseLater } from "./later.js"
import { contradictions } from "./manifest.js"
import { needManifest, type ReadBackup, type ReadBackupOptions } from "./open.js"
import { wrongFile } from "./restore-files.js"
import { wrongClaims } from "./verify-claims.js"

/** Throws `broken`, `incomplete` for one of a later pgtrail or without a manifest, `config` for one that no identity opens. */
export async function needSound(store: Store, name: string, options: ReadBackupOptions): Promise<ReadBackup> {
  const { identities, signal } = options
  const read = await needManifest(store, name, { signal })
  const { manifest } = read
  const refuse = (wrong: string | undefined): void => {
    if (wrong !== undefined) throw broken(`the manifest of ${name} contradicts itself: ${wrong}`)
  }
  refuse(contradictions(manifest, name)[0])
  refuseLater(manifest, "nothing was compared")
  refuse(wrongClaims(manifest)[0])
  const lacking = await wrongFile(store, manifest, manifest.tables)
  if (lacking !== undefined) throw broken(lacking)
  if (manifest.tables.some(({ file }) => file.age !== null) && (identities ?? []).length === 0) {
    throw new TrailError("config", `${name} is encrypted`, {
      hint: "nothing was compared; name its private key with --identity",
    })
  }
  const claim = await unborne(store, manifest, { identities, signal })
  if (claim !== undefined) throw broken(`the manifest of ${name} ${claim}`)
  return read
}

export const broken = (message: string): TrailError =>
  new TrailError("broken", message, {
    hint: "nothing was compared; pgtrail backup verify tells what is wrong with it",
  })
