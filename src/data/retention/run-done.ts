// What a run of retention did so far, partition by partition.
import type { PurgedPartition } from "./run-options.js"

export class Done {
  readonly partitions: PurgedPartition[] = []
  readonly failed: { name: string; message: string }[] = []
  partitionsLeft = 0

  sum(column: "events" | "held" | "unsound" | "remaining" | "bytes_freed" | "fresh" | "unarchived"): bigint {
    return this.partitions.reduce((sum, partition) => sum + BigInt(partition[column]), 0n)
  }

  /** Null where it did not look at all of them. */
  get remaining(): string | null {
    return this.notLookedAt > 0 ? null : String(this.sum("remaining"))
  }

  get notLookedAt(): number {
    return this.partitionsLeft + this.failed.length
  }

  get acts(): string[] {
    return this.partitions.flatMap(({ acts }) => acts)
  }

  /** Partitions from which something went. */
  get changed(): number {
    return this.partitions.filter(({ method }) => method !== "none").length
  }
}
