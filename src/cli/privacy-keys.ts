// The option --privacy-key: keys of pseudonyms by their names and references, each read when it is first needed.
import { resolve } from "node:path"
import { TrailError } from "../data/errors.js"
import type { PrivacyKeys } from "../data/subject/keys.js"
import { configurable, references } from "./options.js"
import { readSecret } from "./secret.js"
import type { Session } from "./session.js"

export const privacyKey = configurable(
  references(
    "--privacy-key <name=reference>",
    "a key of pseudonyms, by its name: k1=file:PATH, k1=env:NAME or k1=cmd:COMMAND; repeat it for several",
  ),
)

/** Throws TrailError `config` where a name stands twice; what a reference leads to is told when it is read. */
export function privacyKeys(typed: readonly string[], { io }: Pick<Session, "io">): PrivacyKeys {
  const references = new Map<string, string>()
  for (const one of typed) {
    const equals = one.indexOf("=")
    const id = one.slice(0, equals)
    if (references.has(id)) {
      throw new TrailError("config", `the privacy key ${id} is given twice`, {
        hint: "nothing was changed; give each name once",
      })
    }
    references.set(id, one.slice(equals + 1))
  }
  return {
    ids: [...references.keys()],
    async read(id) {
      const reference = references.get(id)
      return reference === undefined ? undefined : readSecret(reference, io)
    },
    file(id) {
      const reference = references.get(id)
      return reference?.startsWith("file:") ? resolve(io.cwd, reference.slice("file:".length)) : undefined
    },
  }
}
