// What the commands about people have in common: how a person is named, and which of his events are meant.
import { readPeriod } from "../data/query/time.js"
import type { FindOptions } from "../data/subject/find.js"
import { identity, readIdentity } from "./archive.js"
import { list, text } from "./options.js"
import { privacyKey, privacyKeys } from "./privacy-keys.js"
import type { Session } from "./session.js"
import { storeContext } from "./store.js"

export const subjectOptions = {
  also: list(
    "--also <kind=value>",
    "another identifier: email=, name=, ip=, device=, session=, resource=TYPE/ID, text=, id=",
  ),
  org: list("--org <name>", "only events of this organization; repeat it for several"),
  since: text("--since <time>", "only events that occurred at this time or later"),
  until: text("--until <time>", "only events that occurred before this time"),
  privacyKey,
  identity,
} as const

interface Typed {
  readonly org: readonly string[]
  readonly since: string | undefined
  readonly until: string | undefined
  readonly text: boolean
  readonly archives: boolean
  readonly privacyKey: readonly string[]
  readonly identity: string | undefined
}

export async function findOptions(typed: Typed, session: Session): Promise<FindOptions> {
  return {
    organizations: typed.org.length === 0 ? undefined : typed.org,
    ...readPeriod(typed, new Date()),
    inText: typed.text,
    archives: typed.archives,
    keys: privacyKeys(typed.privacyKey, session),
    identities: await readIdentity(typed.identity, session),
    store: storeContext(session),
    signal: session.signal,
    progress: (doing) => session.progress(doing),
  }
}
