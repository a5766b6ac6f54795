// Events of a subject in archives: those of an archive that can be read go into the export as those of a partition do; the others are named.
import type { Client } from "pg"
import type { ConnectionTarget } from "../connection.js"
import { type ArchiveAccess, visitArchives } from "./archives.js"
import type { SubjectManifestArchive } from "./export-manifest.js"
import { openFound, type RowSink, type SubjectReading, writeFound } from "./export-reader.js"
import { stageSubject, viewInPartition } from "./stage.js"

/** `client` has the snapshot of the export: what came back before it is in the log, and what went after it is too. */
export async function readArchived(
  client: Client,
  target: ConnectionTarget,
  reading: SubjectReading,
  sink: RowSink,
  options: Pick<ArchiveAccess, "store" | "identities"> & { readonly archives?: boolean | undefined },
): Promise<SubjectManifestArchive[]> {
  const { identifiers, scope, signal } = reading
  const { rows } = await client.query<{ name: string }>(
    `select a.name from pgtrail.archive a
     where a.removed_seq is null and a.restored_seq is null and ($1::timestamptz is null or a.newest_occurred_at >= $1)
       and ($2::timestamptz is null or a.oldest_occurred_at < $2)
     order by a.oldest_occurred_at, a.act_seq`,
    [scope.since ?? null, scope.until ?? null],
  )
  const names = new Set(rows.map(({ name }) => name))
  if (names.size === 0) return []
  if (options.archives === false) {
    return [...names].map((name) => leftOut(name, "archives were not to be read", "leave --no-archives out"))
  }
  let broken: { readonly error: unknown } | undefined
  const found: SubjectManifestArchive[] = []
  let isFound = false
  const visited = visitArchives<string>(target, {
    ...scope,
    stage: (within) => stageSubject(within, identifiers),
    async plan(within, partition) {
      isFound = await viewInPartition(within, partition, scope)
    },
    store: options.store,
    identities: options.identities,
    signal,
    async visit(within, archive) {
      if (!names.has(archive) || !isFound) return "0"
      const before = sink.events.rows
      try {
        await writeFound(within, await openFound(within, sink.select), reading, sink)
      } catch (error) {
        // A part of its events may be written already.
        broken = { error }
        throw error
      }
      return String(sink.events.rows - before)
    },
  })
  for await (const { archive, searched, why, result } of visited) {
    if (broken !== undefined) throw broken.error
    if (!names.delete(archive)) continue
    found.push(
      searched
        ? { name: archive, included: true, events: result, why, next: null }
        : leftOut(
            archive,
            why ?? "it could not be read",
            why?.endsWith("--identity") === true
              ? "the export again with --identity and another --out"
              : `pgtrail archive restore ${archive}, and the export again`,
          ),
    )
  }
  // Of other organizations alone: nothing of what was asked for is there.
  return found
}

const leftOut = (name: string, why: string, next: string): SubjectManifestArchive => ({
  name,
  included: false,
  events: null,
  why,
  next,
})
