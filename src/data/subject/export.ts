// What a subject is given of the log (Articles 15 and 20): the events with him, masked, with a manifest, its signature, and an act.
import type { Client } from "pg"
import { sha256 } from "../canonical.js"
import { readSigningKey, type SigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, fixedTarget, withClient } from "../connection.js"
import { abortable } from "../export/abortable.js"
import { beginSnapshot, type Facts } from "../export/facts.js"
import { manifestName, signatureName } from "../export/manifest.js"
import { signManifest } from "../export/note.js"
import { writeManifest } from "../manifest-form.js"
import type { ArchiveAccess } from "./archives.js"
import { inCompanions } from "./companions.js"
import { readArchived } from "./export-archives.js"
import {
  makeSubjectManifest,
  retentionOf,
  type SubjectManifest,
  type SubjectTexts,
  usualTexts,
} from "./export-manifest.js"
import { type SubjectPlace, subjectPlace } from "./export-place.js"
import { readPartitions } from "./export-read.js"
import type { SubjectReading } from "./export-reader.js"
import { readmeName, readmeOf } from "./export-readme.js"
import { recordSubjectExport, withoutFiles } from "./export-record.js"
import { type SubjectFormat, type SubjectRows, subjectRows } from "./export-rows.js"
import { readState, refuseChanged, refuseRequest, rulesInForce } from "./export-state.js"
import { findSignature } from "./find.js"
import { checkIdentifiers, type Identifier } from "./identifiers.js"
import { noPrivacyKeys, type PrivacyKeys } from "./keys.js"
import { misnamed, refuseUnknownOrganization } from "./misnamed.js"
import { refuseUnable } from "./redact.js"
import { refuseShared } from "./shared-address.js"
import type { SubjectScope } from "./stage.js"
import { ungivenOf } from "./ungiven.js"

export interface SubjectExportOptions extends SubjectScope, Pick<ArchiveAccess, "store" | "identities"> {
  /** A file that ends with .json, .csv or .xml, or a folder, which a slash at the end makes it in any case; nothing may lie there. */
  readonly out: string
  /** Of a folder; default csv. */
  readonly format?: SubjectFormat | undefined
  /** Text that may name others is given out as it is, and not withheld for a human. */
  readonly includeText?: boolean | undefined
  /** The request in the register that it answers. */
  readonly request?: string | undefined
  /** A private signing key, as text. */
  readonly key?: string | undefined
  /** Whether archives are read. Default true. */
  readonly archives?: boolean | undefined
  /** Of pseudonyms: what stands under one of his is found too. */
  readonly keys?: PrivacyKeys | undefined
  readonly texts?: Partial<SubjectTexts> | undefined
  readonly signal?: AbortSignal | undefined
  /** Called now and then with the events written so far. */
  readonly progress?: ((events: number) => void) | undefined
}

export interface SubjectExport {
  readonly manifest: SubjectManifest
  /** Where the manifest is, beside `out` or in it. */
  readonly manifest_name: string
  /** Of the manifest; hex. */
  readonly sha256: string
  readonly act: string
  /** Who signed: name and key id. */
  readonly key: string | null
}

const nothing = "nothing was written"

/** Throws `usage`, `privilege`, `read-only`; `retry` where events were redacted or moved meanwhile. */
export async function createSubjectExport(
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: SubjectExportOptions,
): Promise<SubjectExport> {
  checkIdentifiers(identifiers)
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  const place = await subjectPlace(options.out, options.format)
  try {
    return await withClient(target, (client) =>
      abortable(client, options.signal, async () => {
        await refuseUnable(client, findSignature, { nothing })
        await refuseUnknownOrganization(client, options, nothing)
        if (options.request !== undefined) await refuseRequest(client, options.request)
        const names = await namesOf(client, identifiers, options.keys)
        return write(client, target, names, options, { key, place })
      }),
    )
  } finally {
    await place.folder.drop()
  }
}

/** With the pseudonyms under which he stands in the log already. */
async function namesOf(
  client: Client,
  identifiers: readonly Identifier[],
  keys: PrivacyKeys | undefined,
): Promise<readonly Identifier[]> {
  if (keys === undefined || keys.ids.length === 0) return identifiers
  const { knownPseudonyms } = await import("./pseudonym.js")
  const known = await knownPseudonyms(client, keys, identifiers)
  return [...identifiers, ...known.map(({ pseudonym }) => ({ kind: "id" as const, value: pseudonym }))]
}

interface Job {
  readonly key: SigningKey | undefined
  readonly place: SubjectPlace
}

async function write(
  client: Client,
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: SubjectExportOptions,
  { key, place }: Job,
): Promise<SubjectExport> {
  const facts = await beginSnapshot(client)
  const before = await readState(client)
  const { folder, format } = place
  const rules = await rulesInForce(client)
  const { missingKeys } = await import("./pseudonym.js")
  const missing = await missingKeys(client, options.keys ?? noPrivacyKeys)
  const rows = subjectRows({
    identifiers,
    rules,
    includeText: options.includeText === true,
    folder: folder.path,
    format,
  })
  let written: Written
  try {
    written = await writeRows(client, target, identifiers, { ...options, facts }, rows)
  } finally {
    await rows.events.close()
    await rows.review.close()
  }
  refuseShared(rows.actors.all, nothing)
  const { files, searched, slips, companions } = written
  const data = files[0]?.name ?? ""
  const { organizations, since, until, inText = false } = options
  const manifest = makeSubjectManifest(facts, {
    request: options.request,
    format,
    filters: {
      identifiers: String(identifiers.length),
      organizations: organizations ?? null,
      since: since ?? null,
      until: until ?? null,
      text: inText,
    },
    counts: rows.counts,
    includeText: options.includeText === true,
    searched: {
      ...searched,
      missing_keys: missing,
      ungiven: ungivenOf({ email: rows.counts.ungivenEmail, name: rows.counts.ungivenName }),
      misnamed: slips,
      companions,
    },
    texts: textsOf(options.texts ?? {}),
    retention: await retentionOf(client, rows.organizations),
    files: files.map((file) => ({ ...file, name: place.nameOf(file.name, data) })),
  })
  await client.query("commit")
  const text = writeManifest(manifest)
  const digest = sha256(Buffer.from(text)).toString("hex")
  await folder.write(manifestName, text)
  const names = [...files.map(({ name }) => name), manifestName]
  if (key !== undefined) {
    const signed = { logId: manifest.log_id, sha256: digest, time: manifest.created_at }
    await folder.write(signatureName, signManifest(signed, key))
    names.push(signatureName)
  }
  if (place.isFolder) await folder.write(readmeName, readmeOf(manifest, key !== undefined))
  options.signal?.throwIfAborted()
  // Whoever has been erased meanwhile must not leave all the same.
  await refuseChanged(client, before)
  const act = await recordSubjectExport(client, identifiers, options, { manifest, digest })
  await place.place(names, data).catch((error: unknown) => {
    throw withoutFiles(error, act)
  })
  return {
    manifest,
    manifest_name: place.nameOf(manifestName, data),
    sha256: digest,
    act,
    key: key === undefined ? null : `${key.name}+${key.keyId}`,
  }
}

interface Written {
  readonly files: readonly Awaited<ReturnType<SubjectRows["events"]["finish"]>>[number][]
  readonly searched: Pick<SubjectManifest["searched"], "partitions" | "detached" | "archives">
  /** In words: where else he may stand. */
  readonly slips: readonly string[]
  readonly companions: readonly string[]
}

/** Archives first: what is in them is older. */
async function writeRows(
  client: Client,
  target: ConnectionTarget,
  identifiers: readonly Identifier[],
  options: SubjectExportOptions & { readonly facts: Facts },
  rows: SubjectRows,
): Promise<Written> {
  const { organizations, since, until, inText, signal, progress } = options
  const reading: SubjectReading = {
    identifiers,
    scope: { organizations, since, until, inText },
    snapshot: options.facts.snapshot,
    signal,
    progress,
  }
  const archives = await readArchived(client, target, reading, rows, options)
  return withClient(fixedTarget(target), (other) =>
    abortable(other, signal, async () => {
      const read = await readPartitions(other, target, reading, rows)
      const files = [...(await rows.events.finish()), ...(await rows.review.finish())]
      const slips = await misnamed(other, identifiers, options, rows.counts.asActor === 0)
      return {
        files,
        searched: { ...read, archives },
        slips,
        companions: await inCompanions(other, identifiers),
      }
    }),
  )
}

function textsOf(texts: Partial<SubjectTexts>): SubjectTexts {
  const { controller = null, purposes = null, categories = null, recipients = null, transfers = null } = texts
  const { retention = null, source = null, automation = null } = texts
  return {
    controller,
    purposes,
    categories,
    recipients,
    transfers,
    retention,
    source,
    automation,
    rights: texts.rights ?? usualTexts.rights,
    complaint: texts.complaint ?? usualTexts.complaint,
  }
}
