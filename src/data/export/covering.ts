// Which signed checkpoint covers an export: one whose heads lie at or after the last exported event of each lane.
import { type Checkpoint, openCheckpoint, readKeyFiles } from "../checkpoint/anchor.js"
import { TrailError } from "../errors.js"
import type { VerifiedHead } from "../verify/acts.js"
import type { Lane } from "./lanes.js"
import type { ManifestCheckpoint } from "./manifest.js"

/** Opens them before anything is read. Throws as `openCheckpoint`, and `usage` where no key is given. */
export async function openCheckpoints(
  paths: readonly string[],
  keyFiles: readonly string[],
): Promise<Checkpoint[]> {
  if (paths.length > 0 && keyFiles.length === 0) {
    throw new TrailError("usage", "a checkpoint is believed by its signature, and no public key was given", {
      hint: "nothing was read; name the file of the key with --public-key",
    })
  }
  const keys = await readKeyFiles(keyFiles)
  return Promise.all(paths.map((path) => openCheckpoint(path, keys)))
}

export const laneKey = (organization: string, lane: string): string => `${lane}/${organization}`

export function headsByLane(heads: readonly VerifiedHead[]): Map<string, VerifiedHead> {
  return new Map(heads.map((head) => [laneKey(head.organization_id, head.lane), head]))
}

export function refuseOthers(checkpoints: readonly Checkpoint[], logIds: readonly string[]): void {
  const other = checkpoints.find(({ logId }) => !logIds.includes(logId))
  if (other === undefined) return
  throw new TrailError("other-log", `${other.name} is of another log, ${other.logId}`, {
    hint: "nothing was written; name a checkpoint of this log",
  })
}

/** The newest that covers every lane; where none does, the newest. */
export function covering(
  checkpoints: readonly Checkpoint[],
  lanes: readonly Lane[],
): ManifestCheckpoint | undefined {
  const judged = checkpoints.map((checkpoint) => {
    const heads = headsByLane(checkpoint.heads)
    const covered = lanes.filter(({ organization, lane, last }) => {
      const head = heads.get(laneKey(organization, lane))
      return head !== undefined && BigInt(head.seq) >= BigInt(last)
    })
    return { checkpoint, covered: covered.length }
  })
  const newest = (a: (typeof judged)[number], b: (typeof judged)[number]) =>
    Number(b.covered === lanes.length) - Number(a.covered === lanes.length) ||
    (a.checkpoint.time < b.checkpoint.time ? 1 : -1)
  const [best] = judged.sort(newest)
  if (best === undefined) return undefined
  const { act, time, digest, key } = best.checkpoint
  return {
    act: act?.seq ?? null,
    time,
    digest,
    key: `${key.name}+${key.keyId}`,
    covered_lanes: String(best.covered),
  }
}
