// Takes events out of the log: files, a manifest that says what they are, its signature, and an act that says that it was done.
import type { Client } from "pg"
import { unknownOrganizations } from "../access/organizations.js"
import { sha256 } from "../canonical.js"
import type { Checkpoint } from "../checkpoint/anchor.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient } from "../connection.js"
import { TrailError } from "../errors.js"
import type { EventColumn } from "../event-columns.js"
import { writeManifest } from "../manifest-form.js"
import type { EventFilter } from "../query/criteria.js"
import { refuseDetached } from "../query/detached.js"
import { openEvents } from "../query/source.js"
import { abortable } from "./abortable.js"
import { boundFilter } from "./bound.js"
import { openCheckpoints, refuseOthers } from "./covering.js"
import { rowsOfSheet } from "./excel.js"
import { beginSnapshot } from "./facts.js"
import { type StagedFolder, stageFolder } from "./folder.js"
import { makeManifest } from "./make-manifest.js"
import { type Manifest, type ManifestVerification, manifestName, signatureName } from "./manifest.js"
import { signManifest } from "./note.js"
import { Pages, type WrittenFile } from "./pages.js"
import { type Read, readEvents } from "./read.js"
import { filterNames, type RecordedExport, recordExport } from "./record.js"
import { type ExportFormat, type ExportGroup, refuseTelling, type Shape, shapeOf } from "./shape.js"
import { formOf } from "./text-row.js"

export interface ExportOptions {
  /** A folder that is not there yet. */
  readonly out: string
  /** Default csv. */
  readonly format?: ExportFormat | undefined
  /** With organizations and a period alone the export is evidence; anything else makes it an extract. */
  readonly filter?: EventFilter | undefined
  /** What was typed, for the manifest. */
  readonly typed?: string | undefined
  /** Only these columns: the hashes of the events can then not be computed. */
  readonly columns?: readonly EventColumn[] | undefined
  /** Groups whose columns, and salt, are left out; their digest stands in their place. */
  readonly exclude?: readonly ExportGroup[] | undefined
  /** Rows of a file. Default: one file, or as many as a sheet takes. */
  readonly split?: number | undefined
  /** CSV that spreadsheets show as it is, and that proves nothing. */
  readonly excel?: boolean | undefined
  /** A private signing key, as text. */
  readonly key?: string | undefined
  /** Files of signed checkpoints, of which the newest that covers the export is named; with the keys that vouch for them. */
  readonly checkpoints?: readonly string[] | undefined
  readonly publicKeys?: readonly string[] | undefined
  /** Verifies first what is to be exported. */
  readonly verify?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with the events written so far. */
  readonly progress?: ((events: number) => void) | undefined
}

export interface CreatedExport extends RecordedExport {
  readonly manifest: Manifest
  /** Of manifest.json; hex. */
  readonly sha256: string
  /** What to say of organizations that were asked for, and that the log does not know. */
  readonly warnings: readonly string[]
  /** Who signed: name and key id. */
  readonly key: string | null
}

interface Job {
  readonly shape: Shape
  readonly filter: EventFilter
  readonly isExtract: boolean
  readonly key: SigningKey | undefined
  readonly checkpoints: readonly Checkpoint[]
  readonly folder: StagedFolder
}

export async function createExport(target: ConnectionTarget, options: ExportOptions): Promise<CreatedExport> {
  const { filter = {}, excel: isExcel = false, format = "csv", exclude: excluded = [] } = options
  // Whatever can be refused is refused before anything is read.
  if (isExcel && format !== "csv") throw new TrailError("usage", "only CSV is made for spreadsheets")
  if (options.split !== undefined && options.split < 1) {
    throw new TrailError("usage", "a file takes one row at least")
  }
  const shape = shapeOf({ format, isExcel, excluded, columns: options.columns })
  refuseTelling(excluded, filter)
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  const checkpoints = await openCheckpoints(options.checkpoints ?? [], options.publicKeys ?? [])
  const isExtract = !shape.isWhole || isExcel || filterNames(filter).length > 0
  // Long before the end of a verification; it is asked again on the snapshot, and after it.
  if (!isExtract && options.verify === true)
    await withClient(target, (client) => refuseDetached(client, filter))
  const folder = await stageFolder(options.out)
  try {
    const verification = options.verify === true ? await verifyFirst(target, filter, options) : undefined
    return await withClient(target, (client) =>
      abortable(client, options.signal, () =>
        write(
          client,
          target,
          { ...options, verification },
          { shape, filter, isExtract, key, checkpoints, folder },
        ),
      ),
    )
  } finally {
    await folder.drop()
  }
}

async function verifyFirst(
  target: ConnectionTarget,
  { organization, since, until }: EventFilter,
  { signal }: ExportOptions,
): Promise<ManifestVerification> {
  const { verify } = await import("../verify/verify.js")
  const [only, ...others] = [organization ?? []].flat()
  const asked = {
    ...(only === undefined || others.length > 0 ? {} : { organization: only }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  }
  const { act, verdict, findings_total } = await verify(target, {
    ...asked,
    ...(signal === undefined ? {} : { signal }),
  })
  return {
    act,
    recorded_at: "",
    verdict,
    findings: findings_total,
    organization: asked.organization ?? null,
    since: since ?? null,
    until: until ?? null,
    made_for_export: true,
  }
}

type Given = ExportOptions & { readonly verification: ManifestVerification | undefined }

async function write(
  client: Client,
  target: ConnectionTarget,
  options: Given,
  asked: Job,
): Promise<CreatedExport> {
  const { shape, folder, key } = asked
  const facts = await beginSnapshot(client)
  refuseOthers(asked.checkpoints, facts.logIds)
  const { snapshot, source } = facts
  // What a restriction hides from this role is not in it: it cannot prove that nothing is missing.
  const hides = source === openEvents
  const isExtract = asked.isExtract || hides
  const job: Job = { ...asked, isExtract }
  const filter = await boundFilter(client, job.filter, source)
  if (!isExtract) await refuseDetached(client, filter)
  const { signal, progress } = options
  const pages = new Pages({
    folder: folder.path,
    name: (number) => `export-${String(number).padStart(4, "0")}.${shape.format}`,
    ...formOf(shape),
    split: options.split ?? (shape.isExcel ? rowsOfSheet : undefined),
  })
  let read: Read
  let files: readonly WrittenFile[]
  try {
    read = await readEvents(target, { shape, filter, isExtract, snapshot, source, signal, progress }, pages)
    files = await pages.finish()
    // A partition that was detached after the snapshot was, which holds no lock, was not read either.
    if (!isExtract) await withClient(target, (other) => refuseDetached(other, filter))
  } finally {
    await pages.close()
  }
  // A reader who is bound to some is refused others.
  const unknown =
    facts.readsHeads && !source.isBound
      ? await unknownOrganizations(client, [job.filter.organization ?? []].flat())
      : []
  const manifest = await makeManifest(
    client,
    facts,
    {
      ...job,
      filter,
      source: "export",
      typed: options.typed,
      unknown: unknown.map(({ name }) => name),
      verification: options.verification,
    },
    { ...read, files },
  )
  await client.query("commit")
  const text = writeManifest(manifest)
  const digest = sha256(Buffer.from(text)).toString("hex")
  await folder.write(manifestName, text)
  if (key !== undefined) {
    const signed = { logId: manifest.log_id, sha256: digest, time: manifest.created_at }
    await folder.write(signatureName, signManifest(signed, key))
  }
  signal?.throwIfAborted()
  // What is recorded last is recorded of files that are whole; only their name is missing still.
  const recorded = await recordExport(client, manifest, digest)
  await folder.place().catch((error: unknown) => {
    throw withoutFolder(error, recorded.act)
  })
  return {
    manifest,
    sha256: digest,
    warnings: [...unknown.map(({ warning }) => warning), ...(hides ? [hidden] : [])],
    key: key === undefined ? null : `${key.name}+${key.keyId}`,
    ...recorded,
  }
}

const hidden =
  "the log has a restriction (Article 18): what it hides from this role is left out, so this is an extract and no evidence; a role with the right privacy exports everything"

function withoutFolder(error: unknown, act: string | null): unknown {
  if (!(error instanceof TrailError) || act === null) return error
  return new TrailError(error.code, `act ${act} records the export, but it has no folder: ${error.message}`, {
    hint: "nothing is lost, and the act does no harm; when the cause is gone, run it again",
    cause: error,
  })
}
