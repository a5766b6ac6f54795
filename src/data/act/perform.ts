// Does something that is recorded as an act, and signs that act in the same transaction where a key is given.
import type { ClientBase } from "pg"
import { type SigningKey, signText } from "../checkpoint/note.js"
import { withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { actText } from "./text.js"

/**
 * `work` makes the act by one of the functions of the log and returns its seq, or null where nothing was to be done. Without a key it
 * is not begun where the log wants signed acts. The commit waits for the disk: nobody is told of an act that a crash takes back.
 */
export async function performAct(
  client: ClientBase,
  key: SigningKey | undefined,
  work: () => Promise<string | null>,
): Promise<string | null> {
  return withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("set local synchronous_commit = on")
    if (key === undefined && (await wantsSignatures(client))) {
      throw new TrailError("config", "this log takes signed acts only, and no key was given", {
        hint: "nothing was changed; run it again with --key file:PATH",
      })
    }
    await refuseForeignFunctions(client)
    const seq = await work()
    if (seq !== null && key !== undefined) await sign(client, key, seq)
    return seq
  })
}

export async function wantsSignatures(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query(
    "select from pgtrail.setting where name = 'require-signed-acts' and value = 'on'",
  )
  return rows.length > 0
}

export async function sign(client: ClientBase, key: SigningKey, seq: string): Promise<void> {
  const { rows } = await client.query<{ log_id: string; hash: string }>(
    `select i.log_id, encode(a.hash, 'hex') as hash from pgtrail.act a, pgtrail.incarnation i
     where a.organization_id = 'pgtrail' and a.seq = $1 and i.number = 1`,
    [seq],
  )
  const { log_id: logId = "", hash = "" } = rows[0] ?? {}
  await client.query("select pgtrail.sign_act($1, $2)", [seq, signText(actText(logId, seq, hash), key)])
}
