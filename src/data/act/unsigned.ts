// Does something that is recorded as an act which needs no signature: it takes nothing away.
import type { ClientBase } from "pg"
import { withTransaction } from "../connection.js"
import { refuseForeignFunctions } from "../verify/foreign.js"

/** The commit waits for the disk: nobody is told of an act that a crash takes back. */
export function performUnsigned<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  return withTransaction(client, "begin isolation level read committed", async () => {
    await client.query("set local synchronous_commit = on")
    await refuseForeignFunctions(client)
    return work()
  })
}
