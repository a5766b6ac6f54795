// Whether the newest backups were verified, and what that came to: their acts tell where they lie, and the results lie beside them.
import type { ClientBase } from "pg"
import { resultWords } from "../backup/describe.js"
import { openPlace } from "../backup/locate.js"
import { backupName } from "../backup/manifest.js"
import { type BackupResult, knownResult, readResults, verifyLevels } from "../backup/results.js"
import { TrailError } from "../errors.js"
import type { Store, StoreContext } from "../store/store.js"
import { visible } from "../words.js"
import { type Check, check } from "./checks.js"

export interface VerifiedBackup extends Pick<BackupResult, "verdict" | "level" | "findings" | "at"> {
  readonly name: string
  readonly location: string
  /** By the clock of this machine. */
  readonly age_seconds: string
}

export interface BackupVerifications {
  /** What counts against one of the newest backups; else the newest result, and the one of an older backup that looked closer. */
  readonly verified: readonly VerifiedBackup[]
  /** Why nobody could look; null where all was looked at. */
  readonly verified_unknown: string | null
}

interface Recorded {
  readonly name: string
  readonly location: string
  readonly manifest: string
}

/** Of who backs up every night and verifies every week, with some to spare. */
const most = 10
/** A place that is mounted may not answer at all. */
const patienceMs = 5_000

export async function backupVerifications(
  client: ClientBase,
  stores: StoreContext = {},
): Promise<BackupVerifications> {
  const { rows } = await client.query<Recorded>(
    `select a.parameters->>'name' as name, a.parameters->>'location' as location, a.parameters->>'manifest' as manifest
     from pgtrail.act a
     where a.kind = 'backup' and a.parameters->>'partition' is null and a.parameters->>'organization' is null
     order by a.seq desc limit ${most}`,
  )
  const recorded = rows.filter(
    ({ name, location, manifest }) =>
      backupName.test(name) && /^(file:\/\/\/|s3:\/\/)/.test(location) && /^[0-9a-f]{64}$/.test(manifest),
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => {
    const tooLate = new TrailError("unreachable", "the place of the backups does not answer")
    timer = setTimeout(() => fail(tooLate), patienceMs)
  })
  try {
    return { verified: await Promise.race([newestResults(recorded, stores), late]), verified_unknown: null }
  } catch (error) {
    if (!(error instanceof TrailError)) throw error
    return { verified: [], verified_unknown: error.message }
  } finally {
    clearTimeout(timer)
  }
}

async function newestResults(recorded: readonly Recorded[], stores: StoreContext): Promise<VerifiedBackup[]> {
  const signal = AbortSignal.timeout(patienceMs)
  const open = new Map<string, Store>()
  const shown: VerifiedBackup[] = []
  let closest = -1
  try {
    for (const backup of recorded) {
      const { name, location, manifest } = backup
      const store = open.get(location) ?? (await openPlace(location, { ...stores, signal }))
      open.set(location, store)
      const known = knownResult(await readResults(store, name, { manifest, signal }))
      if (known === undefined) continue
      const rank = verifyLevels.indexOf(known.level)
      // A newer backup shares files with an older one: what looked at less refutes nothing.
      if (rank <= closest) continue
      const found = verified(backup, known)
      if (isBad(found)) return [found]
      const isGood = found.verdict === "intact" || found.verdict === "whole"
      if (isGood || shown.length === 0) shown.push(found)
      if (isGood) closest = rank
    }
    return shown
  } finally {
    for (const store of open.values()) await store.close()
  }
}

function verified(
  { name, location }: Recorded,
  { verdict, level, findings, at }: BackupResult,
): VerifiedBackup {
  const age_seconds = String(Math.floor((Date.now() - Date.parse(at)) / 1000))
  return { name, location, verdict, level, findings, at, age_seconds }
}

const isBad = ({ verdict }: VerifiedBackup): boolean => verdict === "tampered" || verdict === "rolled_back"

/** One that was found bad is a problem until as close a look at it or at a newer one finds none. That none was verified is told alone. */
export function verifiedCheck(
  newest: { readonly name: string; readonly location: string },
  { verified, verified_unknown: unknown }: BackupVerifications,
  now = Date.now(),
): Check {
  const told = (state: Check["state"], message: string): Check => check("backup-verification", state, message)
  // Who watches from another machine than the one that backs up need not see the place.
  if (unknown !== null) return told("ok", `not known here: ${visible(unknown)}`)
  const [first] = verified
  if (first === undefined)
    return told("ok", `never verified: pgtrail backup verify ${visible(newest.location)}`)
  const words = verified.map(
    (one) => `${resultWords(one, now)}${one.name === newest.name ? "" : ` (${one.name})`}`,
  )
  if (!isBad(first)) return told("ok", words.join("; "))
  return told("critical", `${words[0]}: pgtrail backup show ${visible(first.location)}/${first.name}`)
}
