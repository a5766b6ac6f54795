// Both ways of looking at a log: verify in its database, and backup verify in a backup of it. They must come to the same.
import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect } from "vitest"
import { type VerifyBackupOptions, verifyBackup } from "../../src/data/backup/verify.js"
import type { BackupVerification } from "../../src/data/backup/verify-report.js"
import type { BackupOptions, Trail, VerifyReport } from "../../src/data/index.js"
import { openFolder } from "../../src/data/store/folder.js"
import { serverFolder } from "../server-folder.js"

export interface Looked {
  readonly live: VerifyReport
  readonly report: BackupVerification
}

export interface Looks {
  readonly folder: string
  readonly to: string
  backUp(options?: Partial<BackupOptions>): Promise<string>
  verify(name: string, options?: VerifyBackupOptions): Promise<BackupVerification>
  /** The log as it is now; the backup is taken away again. */
  both(options?: VerifyBackupOptions): Promise<Looked>
  /** That both have the same verdict and findings, with their ids, but for what only a database can say of its catalog. */
  alike(options?: VerifyBackupOptions): Promise<Looked>
  /** The same; tells how many findings. */
  same(options?: VerifyBackupOptions): Promise<number>
  remove(): Promise<void>
}

const told = ({ verdict, findings, accepted }: Pick<VerifyReport, "verdict" | "findings" | "accepted">) => {
  const lines = (list: VerifyReport["findings"]): string[] =>
    list
      .map(({ id, kind, organization_id, lane, seq, event_id, group, message }) =>
        JSON.stringify({ id, kind, organization_id, lane, seq, event_id, group, message }),
      )
      .sort()
  return { verdict, findings: lines(findings), accepted: lines(accepted) }
}

export async function looks(trail: Trail): Promise<Looks> {
  const folder = await mkdtemp(join(serverFolder, "pgtrail-backup-verify-"))
  const to = pathToFileURL(folder).href
  const backUp = async (options: Partial<BackupOptions> = {}) =>
    (await trail.createBackup({ to, ...options })).name ?? ""
  const verify = (name: string, options?: VerifyBackupOptions) => verifyBackup(openFolder(to), name, options)
  const both = async (options?: VerifyBackupOptions): Promise<Looked> => {
    const live = await trail.verify({ jobs: 1, record: false })
    const name = await backUp()
    const report = await verify(name, options)
    await rm(join(folder, name), { recursive: true })
    return { live, report }
  }
  const alike = async (options?: VerifyBackupOptions): Promise<Looked> => {
    const { live, report } = await both(options)
    const findings = live.findings.filter(
      ({ message }) => !/: expected: column .* actual: column /.test(message),
    )
    expect(told(report as never)).toEqual(told({ ...live, findings }))
    const { events, chains, purged, redacted, archived } = live.covered
    expect(report.covered).toMatchObject({ events, chains, purged, redacted, archived })
    return { live, report }
  }
  return {
    folder,
    to,
    backUp,
    verify,
    both,
    alike,
    same: async (options) => (await alike(options)).live.findings.length,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
