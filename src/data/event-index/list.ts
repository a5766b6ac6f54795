// The further indexes of a log: of each kind, which partitions have it, and which lack it.
import type { ClientBase } from "pg"
import { type IndexKind, indexKinds, madeOn } from "./kinds.js"
import { indexedPartitions, isOf } from "./partitions.js"

export interface IndexState {
  readonly kind: IndexKind
  /** The options of `pgtrail query` that it serves. */
  readonly serves: string
  /** How many partitions have it, and of how many. */
  readonly partitions: string
  readonly of: string
  readonly bytes: string
  /** What a run that was stopped has left; `index add` makes them again. */
  readonly invalid: readonly string[]
  /** The partitions that lack it. */
  readonly missing: readonly string[]
}

export async function indexes(client: ClientBase): Promise<IndexState[]> {
  const all = await indexedPartitions(client)
  return indexKinds.map((kind) => {
    const here = all.map(({ name, indexes: found }) => ({
      name,
      indexes: found.filter((index) => index.kind === kind),
    }))
    const missing = here.filter(
      (one) => !madeOn[kind].indexes.every((made) => one.indexes.some((index) => isOf(index, made))),
    )
    const found = here.flatMap((one) => one.indexes)
    return {
      kind,
      serves: madeOn[kind].serves,
      partitions: String(all.length - missing.length),
      of: String(all.length),
      bytes: String(found.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n)),
      invalid: found.filter((index) => !index.isValid).map((index) => index.name),
      missing: missing.map(({ name }) => name),
    }
  })
}
