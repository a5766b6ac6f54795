// A store in the database itself: pgtrail.archive_storage, in parts of a mebibyte.
import type { Client, ClientBase } from "pg"
import { type ConnectionTarget, connect, withClient, withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { checkKey, existsAlready, notFound, type Store, type StoredObject } from "./store.js"

const mebibyte = 1_048_576

/**
 * The server lets go of the files of an archive only in the transaction of the act that says so: whoever makes that calls
 * pgtrail.remove_stored himself.
 */
export function openTable(target: ConnectionTarget): Store {
  const reading = new Set<Client>()

  return {
    location: "table:",
    async put(key, content, { signal } = {}) {
      checkKey(key)
      return await withClient(target, (client) => write(client, target, key, content, signal))
    },
    async link(from, key, { signal } = {}) {
      if ((await this.size(key)) !== undefined) throw existsAlready(shown(key))
      await this.put(key, await this.get(from, { signal }), { signal })
    },
    async get(key, { signal } = {}) {
      checkKey(key)
      const client = await connect(target)
      reading.add(client)
      const end = async (): Promise<void> => {
        if (reading.delete(client)) await client.end().catch(() => undefined)
      }
      try {
        const found = await partsOf(client, key)
        if (found === undefined) throw notFound(shown(key))
        // A standby counts nothing.
        await client.query(
          "select pgtrail.note_retrieved($1) where current_setting('transaction_read_only') = 'off'",
          [key],
        )
        return read(client, key, found.parts, signal, end)
      } catch (error) {
        await end()
        throw toTrailError(error)
      }
    },
    async size(key) {
      checkKey(key)
      return (await withClient(target, (client) => partsOf(client, key)))?.bytes
    },
    async *list(prefix) {
      const { rows } = await withClient(target, (client) =>
        client.query<{ id: string; bytes: string; modified: string }>(
          `select id, bytes, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as modified
           from pgtrail.stored_files($1)`,
          [prefix],
        ),
      )
      yield* rows.map(
        ({ id, bytes, modified }): StoredObject => ({ key: id, bytes: BigInt(bytes), modified }),
      )
    },
    // What was not committed is nowhere.
    async *unfinished() {},
    async remove(key) {
      checkKey(key)
      await withClient(target, (client) => client.query("select pgtrail.remove_stored($1)", [key]))
    },
    // The server lets go of what an act removes.
    stays: async () => undefined,
    async close() {
      await Promise.all([...reading].map((client) => client.end().catch(() => undefined)))
      reading.clear()
    },
  }
}

const shown = (key: string): string => `file ${key} in the database (table:)`

async function write(
  client: ClientBase,
  target: ConnectionTarget,
  key: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<bigint> {
  let transaction: string | undefined
  let isWhole = false
  let bytes = 0n
  try {
    await withTransaction(client, "begin isolation level read committed", async () => {
      let number = 0
      for await (const part of partsWithin(content)) {
        signal?.throwIfAborted()
        number += 1
        bytes += BigInt(part.length)
        await client.query("select pgtrail.store_file($1, $2, $3)", [key, number, part])
      }
      signal?.throwIfAborted()
      const { rows } = await client.query<{ transaction: string }>(
        "select pg_current_xact_id()::text as transaction from pgtrail.store_done($1, $2)",
        [key, String(bytes)],
      )
      transaction = rows[0]?.transaction
      isWhole = true
    })
  } catch (error) {
    if ((error as { code?: unknown }).code === "42710") throw existsAlready(shown(key))
    const words = toTrailError(error)
    const isLost = words instanceof TrailError && words.code === "connection-lost"
    if (!isWhole || !isLost || !(await isCommitted(target, transaction, key))) throw error
  }
  return bytes
}

/** Whether a commit whose answer was lost was done. */
async function isCommitted(
  target: ConnectionTarget,
  transaction: string | undefined,
  key: string,
): Promise<boolean> {
  return await withClient(target, async (client) => {
    // The session that was lost may be at it still.
    for (let tries = 0; tries < 50; tries += 1) {
      const { rows } = await client.query<{ status: string | null }>(
        "select pg_xact_status($1::xid8) as status, pg_sleep(case when $2 then 0.1 else 0 end)",
        [transaction, tries > 0],
      )
      const status = rows[0]?.status
      if (status === "committed") return true
      if (status === "aborted") return false
    }
    throw new TrailError("connection-lost", `whether ${shown(key)} was stored is not known`, {
      hint: "the connection to the database was lost; see whether it is there before it is put there again",
    })
  })
}

/** The same bytes in parts of a mebibyte; one that is empty where there are none. */
async function* partsWithin(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  // A statement is sent before the next part is read, so one buffer serves all of them.
  const part = Buffer.allocUnsafe(mebibyte)
  let filled = 0
  let isAny = false
  for await (const chunk of content) {
    for (let taken = 0; taken < chunk.length; ) {
      const some = chunk.subarray(taken, taken + mebibyte - filled)
      part.set(some, filled)
      filled += some.length
      taken += some.length
      if (filled < mebibyte) continue
      yield part
      isAny = true
      filled = 0
    }
  }
  if (filled > 0 || !isAny) yield part.subarray(0, filled)
}

async function* read(
  client: ClientBase,
  key: string,
  parts: number,
  signal: AbortSignal | undefined,
  end: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let number = 1; number <= parts; number += 1) {
      signal?.throwIfAborted()
      const { rows } = await client.query<{ data: string | null }>(
        "select pgtrail.read_stored($1, $2) as data",
        [key, number],
      )
      const data = rows[0]?.data ?? undefined
      if (data === undefined) {
        throw new TrailError("not-found", `${shown(key)} was removed while it was read`)
      }
      yield Buffer.from(data.slice(2), "hex")
    }
  } catch (error) {
    throw toTrailError(error)
  } finally {
    await end()
  }
}

async function partsOf(
  client: ClientBase,
  key: string,
): Promise<{ readonly parts: number; readonly bytes: bigint } | undefined> {
  const { rows } = await client.query<{ parts: string; bytes: string }>(
    "select parts, bytes from pgtrail.stored_parts($1)",
    [key],
  )
  const [found] = rows
  return found === undefined ? undefined : { parts: Number(found.parts), bytes: BigInt(found.bytes) }
}
