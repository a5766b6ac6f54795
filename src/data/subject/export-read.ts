// Finds and reads the events of a subject in the log: oldest partition first, and of a log that is not small the next one while one is written.
import type { Client } from "pg"
import type { CopyToStreamQuery } from "pg-copy-streams"
import { type ConnectionTarget, connect, destroy, fixedTarget } from "../connection.js"
import { type RowSink, SubjectReader, type SubjectReading } from "./export-reader.js"
import { partitionsIn } from "./stage.js"

export interface ReadPartitions {
  /** By their names, oldest first. */
  readonly partitions: readonly string[]
  /** Those of them that are detached. */
  readonly detached: readonly string[]
}

/** Bytes of partitions below which a second connection costs more than it saves. */
const smallLog = 16_777_216

/** `client` can be used on. `small`: what a second connection is worth from. */
export async function readPartitions(
  client: Client,
  target: ConnectionTarget,
  reading: SubjectReading,
  sink: RowSink,
  small = smallLog,
): Promise<ReadPartitions> {
  const first = new SubjectReader(client, reading)
  await first.begin()
  const partitions = await partitionsIn(client, reading.scope)
  const known = await states(client)
  // Nothing was ever in the others: a log has many that were made in advance.
  const filled = partitions.filter((name) => known.get(name)?.bytes !== 0)
  const bytes = filled.reduce((sum, name) => sum + (known.get(name)?.bytes ?? 0), 0)
  // Where the server has none for it, one does.
  const other =
    bytes < small || filled.length < 2 ? undefined : await connect(fixedTarget(target)).catch(() => undefined)
  const readers = other === undefined ? [first] : [first, new SubjectReader(other, reading)]
  try {
    await readInTurn(readers, filled, sink)
    for (const reader of readers) await reader.end()
  } catch (error) {
    // One may have been opened that nobody reads any more, and would be waited for.
    for (const reader of readers) destroy(reader.client)
    throw error
  } finally {
    await other?.end().catch(() => undefined)
  }
  return { partitions, detached: partitions.filter((name) => known.get(name)?.isDetached === true) }
}

async function readInTurn(
  readers: readonly SubjectReader[],
  partitions: readonly string[],
  sink: RowSink,
): Promise<void> {
  let ahead: Promise<CopyToStreamQuery | undefined> | undefined
  const open = (at: number) => readers[at % readers.length]?.open(partitions[at] ?? "", sink)
  for (const at of partitions.keys()) {
    const opened = await (ahead ?? open(at))
    ahead = readers.length > 1 && at + 1 < partitions.length ? open(at + 1) : undefined
    // It is heard of when its turn comes.
    ahead?.catch(() => undefined)
    if (opened !== undefined) await readers[at % readers.length]?.write(opened, sink)
  }
}

async function states(client: Client): Promise<Map<string, { isDetached: boolean; bytes: number }>> {
  const { rows } = await client.query<{ name: string; detached: string; bytes: string }>(
    "select p.name, not p.attached as detached, pg_relation_size(p.oid) as bytes from pgtrail.partitions() p",
  )
  return new Map(
    rows.map(({ name, detached, bytes }) => [name, { isDetached: detached === "t", bytes: Number(bytes) }]),
  )
}
