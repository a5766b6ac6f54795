// The manifest for the answer of a query that was written into a file: what was asked, how much there is, how much of it is here.
import { sha256 } from "../canonical.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { writeManifest } from "../manifest-form.js"
import type { EventFilter } from "../query/criteria.js"
import { abortable } from "./abortable.js"
import { boundFilter } from "./bound.js"
import { beginSnapshot } from "./facts.js"
import { Lanes } from "./lanes.js"
import { makeManifest } from "./make-manifest.js"
import type { Manifest, ManifestSample } from "./manifest.js"
import type { WrittenFile } from "./pages.js"
import { countPopulation } from "./read.js"
import { type RecordedExport, recordExport } from "./record.js"
import type { ExportFormat } from "./shape.js"

export interface Answer {
  readonly file: WrittenFile
  readonly format: ExportFormat
  readonly columns: readonly string[]
  readonly filter: EventFilter
  /** As it was typed, the size of the page and the rest too. */
  readonly typed: string
  /** Where it was drawn by chance. */
  readonly sample?: ManifestSample | undefined
  readonly signal?: AbortSignal | undefined
}

export interface DescribedAnswer extends RecordedExport {
  readonly manifest: Manifest
  /** The manifest as it is to be written, and its sha256 in hex. */
  readonly text: string
  readonly sha256: string
}

/** What was appended since the answer counts as omitted. */
export async function describeAnswer(
  target: ConnectionTarget,
  { file, format, columns, typed, sample, signal, ...asked }: Answer,
): Promise<DescribedAnswer> {
  return withClient(target, (client) =>
    abortable(client, signal, async () => {
      const facts = await beginSnapshot(client)
      const filter = await boundFilter(client, asked.filter, facts.source)
      const counted = await countPopulation(target, filter, facts, signal)
      const population = counted < BigInt(file.rows) ? BigInt(file.rows) : counted
      const manifest = await makeManifest(
        client,
        facts,
        {
          shape: { format, columns, isExcel: false, excluded: [], isWhole: false },
          source: "query",
          isExtract: true,
          filter,
          checkpoints: [],
          typed,
          sample,
          unknown: [],
          verification: undefined,
        },
        { lanes: new Lanes(false), population, files: [file] },
      )
      await client.query("commit")
      const text = writeManifest(manifest)
      const digest = sha256(Buffer.from(text)).toString("hex")
      return { manifest, text, sha256: digest, ...(await recordExport(client, manifest, digest)) }
    }),
  )
}
