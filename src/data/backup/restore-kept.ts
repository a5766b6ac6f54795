// What becomes of a log that was replaced: it is dropped when the restored one was found intact, and until then it is there to be taken back.
import type { Client } from "pg"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { dropRoom, replacedRoom, withRestoreLock } from "./restore-room.js"

/** How the comment of one that was kept begins. */
export const keptMark = "The log that a restore replaced"

export interface Settled {
  /** The schema in which it stays; null where it was dropped. */
  readonly keptAs: string | null
  readonly warnings: readonly string[]
}

/** `isGood`: undefined where the restored log was not verified. Never throws: the restored log is there, whatever fails now. */
export async function settleReplaced(
  target: ConnectionTarget,
  isGood: boolean | undefined,
  lockTimeoutMs: number,
): Promise<Settled> {
  const work = async (client: Client): Promise<Settled> => {
    if (isGood !== true) return await keep(client, isGood === undefined)
    await dropRoom(client, replacedRoom, lockTimeoutMs)
    return { keptAs: null, warnings: [] }
  }
  return await withClient(target, (client) => withRestoreLock(client, () => work(client))).catch(
    (error: unknown) => {
      const { message } = toTrailError(error) as Error
      const what = isGood === true ? "dropped" : "given another name, and the next restore drops it"
      return {
        keptAs: replacedRoom,
        warnings: [
          `the log that was replaced is still in schema ${replacedRoom}, and could not be ${what}: ${message}`,
        ],
      }
    },
  )
}

/** Under a name that no later restore takes for its own. */
async function keep(client: Client, isUnseen: boolean): Promise<Settled> {
  const { rows } = await client.query<{ name: string }>(
    `select '${replacedRoom}_' || to_char(clock_timestamp() at time zone 'UTC', 'YYYYMMDD_HH24MISS_US') as name`,
  )
  const name = rows[0]?.name ?? ""
  const why = isUnseen ? "was not verified" : "was not found intact"
  await client.query(
    `begin; alter schema ${replacedRoom} rename to ${name};
     comment on schema ${name} is '${keptMark}, kept because the restored one ${why}'; commit`,
  )
  return {
    keptAs: name,
    warnings: [
      `the restored log ${why}: the log that was replaced is kept, whole, in schema ${name}`,
      `to take it back, as its owner: begin; alter schema pgtrail rename to pgtrail_not_intact; alter schema ${name} rename to pgtrail; comment on schema pgtrail is 'Tamper-evident audit trail'; commit`,
      ...(isUnseen
        ? [
            `to drop it, as its owner, when pgtrail verify finds the restored one intact: drop schema ${name} cascade`,
          ]
        : []),
    ],
  }
}

/** An error of what comes after the log has appeared, with where the log that was replaced is. */
export function keepingReplaced(error: unknown, settled: Settled | undefined): unknown {
  if (settled === undefined || !(error instanceof TrailError)) return error
  return new TrailError(error.code, error.message, {
    hint: [error.hint ?? [], settled.warnings].flat().join("; "),
    sqlstate: error.sqlstate,
    cause: error,
  })
}
