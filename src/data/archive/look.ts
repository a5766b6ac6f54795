// Looks at the place that archives are to go to, before anything is read: what is typed wrong is no failure to note and to try again.
import { constants } from "node:fs"
import { access, open } from "node:fs/promises"
import { fileError } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { pathOf } from "../store/location.js"
import type { Store } from "../store/store.js"

/** Throws where it is not there, cannot be reached or cannot be written; never writes anything itself: some places keep what they have for ever. */
export const lookAt = (store: Store): Promise<void> => lookAtPlace(store, "nothing was archived")

/** The same for other work: `nothing` says what was not done. */
export async function lookAtPlace(store: Store, nothing: string): Promise<void> {
  try {
    if (store.location.startsWith("file:")) await lookAtFolder(pathOf(store.location))
    // Of what is not there a bucket and a table tell as little as an empty one: but whoever asks must reach it, and may ask.
    else await store.size("pgtrail/manifest.json")
  } catch (error) {
    const known = toTrailError(error)
    if (!(known instanceof TrailError)) throw known
    const rest = known.hint?.replace(/^nothing was \w+; /, "")
    const hint = [nothing, rest].filter(Boolean).join("; ")
    throw new TrailError(known.code, known.message, { hint, sqlstate: known.sqlstate, cause: error })
  }
}

async function lookAtFolder(path: string): Promise<void> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_DIRECTORY)).close()
    await access(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT") {
      throw new TrailError("file", `there is no folder ${path}`, {
        hint: "make it, or mount it; pgtrail makes none, as an unmounted disk would look the same",
        cause: error,
      })
    }
    if (code === "ENOTDIR") {
      throw new TrailError("file", `${path} is no folder, or a part of it is none`, {
        hint: "name a folder or s3://BUCKET/PREFIX",
        cause: error,
      })
    }
    throw fileError(error, "write", path)
  }
}
