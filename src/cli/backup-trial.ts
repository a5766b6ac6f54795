// pgtrail backup verify --restore-test: what it tells, and its exit code.
import process from "node:process"
import { restoreTest } from "../data/backup/restore-test.js"
import { TrailError } from "../data/errors.js"
import type { Store } from "../data/store/store.js"
import { describeReport } from "../data/verify/describe.js"
import { plural, visible } from "../data/words.js"
import { userName } from "./backup.js"
import type { Report } from "./report.js"
import type { Session } from "./session.js"
import { storeContext } from "./store.js"

interface TrialOptions {
  readonly quick: boolean
  readonly identities: readonly string[]
  readonly checkpoint: readonly string[]
  readonly publicKey: readonly string[]
  readonly jobs: number | undefined
  readonly strict: boolean
  readonly record: boolean
}

const exits = { intact: 0, tampered: 1, rolled_back: 1, unchecked: 3, incomplete: 4 } as const

/** Only a database that the line itself names is tried in: one that a variable names is mostly the log that was backed up. */
export async function restoreTested(
  store: Store,
  name: string,
  { quick, checkpoint, publicKey, record, ...options }: TrialOptions,
  session: Session,
): Promise<Report> {
  if (quick) throw new TrailError("usage", "--quick and --restore-test contradict each other")
  if (checkpoint.length > 0) {
    throw new TrailError("usage", "--checkpoint is compared with the files of a backup, not with its trial", {
      hint: "nothing was done; leave out --restore-test, or --checkpoint",
    })
  }
  const target = session.typed.url === undefined ? undefined : await session.target()
  const done = await restoreTest(store, name, {
    ...options,
    target,
    publicKeys: publicKey.map((path) => session.path(path)),
    starter: { pid: process.pid, isAlive },
    stores: { ...storeContext(session), signal: session.signal },
    ...(record ? { keep: { by: userName(), at: new Date().toISOString().replace(/Z$/, "000Z") } } : {}),
    signal: session.signal,
    progress: (doing) => session.progress(`${name}: ${doing}`),
  })
  const { report, not_kept: notKept } = done
  const where = done.server === "embedded" ? "an embedded server" : `database ${visible(done.server)}`
  const facts = `restored ${done.name} into ${where}, PostgreSQL ${done.server_version}: ${plural(done.events, "event")} in ${done.restore_seconds} s, with their verification ${done.seconds} s; all of it is gone again`
  return {
    schema: "pgtrail.backup_restore_test/1",
    columns: ["id", "kind", "organization_id", "lane", "seq", "event_id", "message"].map((column) => ({
      name: column,
    })),
    rows: report.findings.map((finding) => ({ ...finding })),
    document: { schema: "pgtrail.backup_restore_test/1", ...done },
    text: `${facts}\n${describeReport(report)}`,
    ...(notKept === null ? {} : { note: `the result was not kept beside the backup: ${notKept}` }),
    exit: exits[report.verdict],
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}
