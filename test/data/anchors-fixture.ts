// A sample log with a signed checkpoint and its keys in a folder: for tests of what something outside the database knows.
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { VerifyOptions, VerifyReport } from "../../src/data/index.js"
import { testKey } from "./signing.js"
import { type Log, sampleLog } from "./verify-fixture.js"

export interface AnchoredLog extends Log {
  /** A file in the folder. */
  file(name: string): string
  readonly publicKey: string
  /** Makes a checkpoint, and returns its file. */
  checkpoint(name: string): Promise<string>
  append(organization: string, count?: number): Promise<void>
  /** Verifies with the key, one job, unrecorded unless told otherwise. */
  check(options?: VerifyOptions): Promise<VerifyReport>
  drop(): Promise<void>
}

/** `own`: with a log id of its own. */
export async function anchoredLog(options: { own?: boolean } = {}): Promise<AnchoredLog> {
  const log = await sampleLog(options)
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-anchors-"))
  const file = (name: string) => join(folder, name)
  const key = testKey("test")
  await writeFile(file("key.pub"), `${key.line}\n`)
  return {
    ...log,
    file,
    publicKey: file("key.pub"),
    async checkpoint(name) {
      await log.trail.createCheckpoint({ key: key.text, out: file(name) })
      return file(name)
    },
    async append(organization, count = 1) {
      await log.db.query(
        "insert into pgtrail.event (organization_id, event_type) select $1, 'more' from generate_series(1, $2::int)",
        [organization, count],
      )
    },
    check: (options = {}) =>
      log.trail.verify({ jobs: 1, record: false, publicKeys: [file("key.pub")], ...options }),
    async drop() {
      await rm(folder, { recursive: true })
      await log.db.drop()
    },
  }
}
