// What lies beside a backup and came after it: what verifications of it came to. Read as anybody's hand may have left it.
import { strictText } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import {
  count,
  flag,
  hash,
  matches,
  object,
  oneOf,
  parseManifest,
  text,
  writeManifest,
} from "../manifest-form.js"
import type { Store, StoreOptions } from "../store/store.js"
import { backupName } from "./manifest.js"

/** Beside the files of a backup, in no manifest; several of them, each from another second. */
export const resultName = /^verified-\d{8}T\d{6}Z\.json$/

/** The lesser first: what one of them found no lesser one can refute. */
export const verifyLevels = ["quick", "full", "restore-test"] as const
export type VerifyLevel = (typeof verifyLevels)[number]

/** `whole`: its files are those of its manifest, and nobody looked at what is in them; `unchecked`: it could not be read. */
export const backupVerdicts = [
  "intact",
  "whole",
  "incomplete",
  "unchecked",
  "rolled_back",
  "tampered",
] as const
export type BackupVerdict = (typeof backupVerdicts)[number]

export interface BackupResult {
  /** Of the backup. */
  readonly name: string
  /** SHA-256 of the manifest that was judged; hex. */
  readonly manifest: string
  readonly level: VerifyLevel
  readonly verdict: BackupVerdict
  /** Whether its files or its manifest are other than they were written, whatever the log in them is. */
  readonly damaged: boolean
  /** How many. */
  readonly findings: string
  /** 2026-11-22T01:30:00.000000Z */
  readonly at: string
  readonly tool_version: string
  /** Who ran it, as the machine calls him. */
  readonly by: string
}

export const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/
const most = 65_536
const mostRead = 2000
const schema = "pgtrail.backup_result/1"

const form = object({
  schema: oneOf(schema),
  name: matches(backupName),
  manifest: hash,
  level: oneOf(...verifyLevels),
  verdict: oneOf(...backupVerdicts),
  damaged: flag,
  findings: count,
  at: matches(timeForm),
  tool_version: text,
  by: text,
})
const isResult = (value: unknown): value is BackupResult => form(value)

/** Why it was not kept; undefined where it was. A store that takes nothing more (write once, a right to read alone) is no failure of the verification. */
export async function writeResult(
  store: Store,
  name: string,
  result: BackupResult,
  options: StoreOptions = {},
): Promise<string | undefined> {
  const content = writeManifest({ schema, ...result })
  for (let later = 0; ; later += 1) {
    try {
      await store.put(`${name}/${fileOf(result.at, later)}`, bytesOf(content), options)
      return undefined
    } catch (error) {
      if (!(error instanceof TrailError)) throw error
      // Another one of the same second.
      if (error.code !== "exists" || later === 9) return error.message
    }
  }
}

/**
 * The newest first; what is none, and what is of another manifest than this one, is passed over. All of them, as far as anybody makes so
 * many: an old one that found it bad counts until another refutes it.
 */
export async function readResults(
  store: Store,
  name: string,
  { manifest, files, ...options }: ReadResultsOptions = {},
): Promise<readonly BackupResult[]> {
  const names = (files ?? (await namesOf(store, name))).filter((file) => resultName.test(file)).sort()
  const results: BackupResult[] = []
  for (const file of names.reverse().slice(0, mostRead)) {
    const read = parseManifest(
      (await readSmallFile(store, `${name}/${file}`, options)) ?? "",
      "pgtrail.backup_result",
      isResult,
    )
    if (read === undefined || "later" in read || read.manifest.name !== name) continue
    if (manifest === undefined || read.manifest.manifest === manifest) results.push(read.manifest)
  }
  return results.sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1))
}

export interface ReadResultsOptions extends StoreOptions {
  /** SHA-256 of the manifest that they are to be of. */
  readonly manifest?: string | undefined
  /** What lies in the folder, where that is known already. */
  readonly files?: readonly string[] | undefined
}

/** What is best known of it: what counts against it, else the closest look that came to an end. A hasty one after it takes nothing back. */
export function knownResult(results: readonly BackupResult[]): BackupResult | undefined {
  const done = results.filter(({ verdict }) => verdict !== "incomplete" && verdict !== "unchecked")
  const closest = verifyLevels.findLast((level) => done.some((result) => result.level === level))
  return badResult(results) ?? done.find(({ level }) => level === closest) ?? results[0]
}

/** The newest that found the backup or the log in it tampered with, and that no later one of at least its level refuted. */
export const badResult = (results: readonly BackupResult[]): BackupResult | undefined =>
  unrefuted(
    results,
    ({ verdict }) => verdict === "tampered",
    ({ verdict }) => verdict === "intact" || verdict === "whole",
  )

/**
 * The same of those that found its files to be other than they were written. A log that was tampered with is something else: a true copy of
 * it is a good backup, and evidence.
 */
export const damageResult = (results: readonly BackupResult[]): BackupResult | undefined =>
  unrefuted(
    results,
    ({ damaged }) => damaged,
    ({ verdict, damaged }) => !damaged && ["intact", "whole", "tampered"].includes(verdict),
  )

function unrefuted(
  results: readonly BackupResult[],
  isBad: (result: BackupResult) => boolean,
  isGood: (result: BackupResult) => boolean,
): BackupResult | undefined {
  const rank = ({ level }: BackupResult): number => verifyLevels.indexOf(level)
  let refuted = -1
  for (const result of results) {
    if (isBad(result) && rank(result) > refuted) return result
    if (isGood(result)) refuted = Math.max(refuted, rank(result))
  }
  return undefined
}

/** Undefined where it is gone, larger than such a file ever is, or no text. */
export async function readSmallFile(
  store: Store,
  key: string,
  options: StoreOptions = {},
): Promise<string | undefined> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of await store.get(key, options)) {
      bytes += chunk.length
      if (bytes > most) return undefined
      parts.push(chunk)
    }
  } catch (error) {
    if (error instanceof TrailError && error.code === "not-found") return undefined
    throw error
  }
  return strictText(Buffer.concat(parts))
}

export async function* bytesOf(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content)
}

async function namesOf(store: Store, name: string): Promise<string[]> {
  const names: string[] = []
  for await (const { key } of store.list(`${name}/`)) names.push(key.slice(name.length + 1))
  return names
}

function fileOf(at: string, later: number): string {
  const time = new Date(Date.parse(at) + later * 1000).toISOString()
  return `verified-${time.replace(/\.\d+Z$/, "Z").replace(/[-:]/g, "")}.json`
}
