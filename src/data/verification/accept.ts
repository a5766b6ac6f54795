// Accepts a finding, by an act with the reason: it stays in every report, and no longer makes the log fail.
import type { Client } from "pg"
import { performAct } from "../act/perform.js"
import { readSigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { findFinding } from "./finding-id.js"
import { acceptances } from "./list.js"

export interface AcceptOptions {
  readonly reason: string
  /** A private signing key, as text: signs the act. */
  readonly key?: string | undefined
}

export interface AcceptedAct {
  /** The whole id. */
  readonly finding: string
  /** seq of the act. */
  readonly act: string
  /** seq of the newest verification that found it. */
  readonly verification: string
  readonly reason: string
}

/**
 * `typed`: the finding's id, or the first six digits of it at least. Throws `read-only` on a standby, `not-found` for an id that no
 * verification recorded, `usage` where it was accepted before or no reason is given.
 */
export async function acceptFinding(
  client: Client,
  typed: string,
  { reason, key }: AcceptOptions,
): Promise<AcceptedAct> {
  if (reason.trim() === "") {
    throw new TrailError("usage", "a finding is accepted for a reason, and none was given", {
      hint: 'nothing was accepted; pgtrail verification accept FINDING --reason "what happened, and who knows of it"',
    })
  }
  const signing = key === undefined ? undefined : readSigningKey(key)
  const { rows } = await client.query<{ standby: string }>("select pg_is_in_recovery() as standby")
  if (rows[0]?.standby === "t") {
    throw new TrailError(
      "read-only",
      "this server is a standby: to accept a finding is an act, and acts are recorded on the primary",
      {
        hint: "nothing was accepted; connect to the primary",
      },
    )
  }
  const { id, act: verification } = await findFinding(client, typed)
  const earlier = (await acceptances(client)).get(id)
  if (earlier !== undefined) {
    throw new TrailError(
      "usage",
      `the finding ${id} was accepted already, by act ${earlier.act}: ${earlier.reason ?? "no reason"}`,
      { hint: `nothing was changed; pgtrail act show ${earlier.act}` },
    )
  }
  const act = await performAct(client, signing, async () => {
    const accepted = await client.query<{ act: string }>("select pgtrail.accept_finding($1, $2) as act", [
      id,
      reason,
    ])
    return accepted.rows[0]?.act ?? null
  })
  return { finding: id, act: act ?? "", verification, reason }
}
