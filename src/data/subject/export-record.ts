// Records that a subject was given what the log has of him: an act that names him not, and the request that it answers.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { recordTaken } from "../export/record.js"
import type { SubjectManifest } from "./export-manifest.js"
import type { Identifier } from "./identifiers.js"
import type { SubjectScope } from "./stage.js"

/** Unlike other exports one of a subject that cannot be recorded is not made: who was given what must be known. */
export async function recordSubjectExport(
  client: Client,
  identifiers: readonly Identifier[],
  options: SubjectScope & { readonly request?: string | undefined },
  { manifest, digest }: { readonly manifest: SubjectManifest; readonly digest: string },
): Promise<string> {
  const kinds = new Set(identifiers.map(({ kind }) => kind))
  const { act, not_recorded } = await recordTaken(client, {
    kind: "subject",
    format: manifest.format,
    organizations: options.organizations ?? [],
    since: options.since,
    until: options.until,
    filters: [...kinds, ...(options.inText === true ? ["in-text"] : [])],
    excluded: [],
    events: manifest.counts.events,
    sha256: digest,
  })
  if (act === null) {
    throw new TrailError("server", `the export could not be recorded: ${not_recorded ?? ""}`, {
      hint: `nothing was written; pgtrail status --grants tells who may`,
    })
  }
  if (options.request !== undefined) {
    await client.query("select pgtrail.note_request_act($1, $2)", [options.request, act])
  }
  return act
}

export function withoutFiles(error: unknown, act: string): unknown {
  if (!(error instanceof TrailError)) return error
  return new TrailError(error.code, `act ${act} records the export, but it has no files: ${error.message}`, {
    hint: "nothing is lost, and the act does no harm; when the cause is gone, run it again",
    cause: error,
  })
}
