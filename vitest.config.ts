// npm test: everything that needs nothing but Node; the server is the embedded one unless PGTRAIL_TEST_URL is set.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** These take longest and come first, so that at the end no worker waits for another. */
const longest = [
  "data/migrate-path",
  "data/backup-restore-lost",
  "data/lanes-volume",
  "cli/log",
  "data/lifecycle-crash-tool",
  "data/purge-verify",
  "data/lifecycle-crash-server",
  "data/backup-verify-files",
  "data/backup-create-large",
  "data/backup-create-incremental",
  "data/backup-restore-after",
  "data/backup-compare",
  "data/lifecycle-model",
  "data/verify-lifecycle-concurrent",
  "data/purge-concurrent",
  "data/archive-crash",
  "data/query-kept",
  "docs/readme",
  "data/subject-erase-concurrent",
  "data/verify-archive-concurrent",
  "data/backup-restore-level",
  "data/purge",
  "data/crash",
  "data/redact-model",
  "data/redact-concurrent-partition",
  "data/migrate-lifecycle",
  "data/backup-create-lost",
  "data/migrate-upgrade",
  "data/backup-restore-refused",
  "data/partition-concurrent",
  "data/import-crash",
  "data/retention-run-evidence",
  "data/backup-restore-crash",
  "data/backup-create-killed",
  "data/archive",
  "data/archive-failure",
  "data/subject-erase",
  "data/backup-verify-part",
  "data/verify-hostile",
  "data/subject-find",
  "data/retention-run",
  "data/lanes-snapshot",
  "data/backup-verify-live",
  "data/migrate-people",
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
      return found === -1 ? longest.length : found
    }
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/tools/**", "node_modules/**"],
    globalSetup: "test/setup.ts",
    setupFiles: "test/each-file.ts",
    sequence: { sequencer: LongestFirst },
    pool: "forks",
    // Node compiles what the tests share once a worker, and not once a file: a fifth of the processor time of all.
    isolate: false,
    // A test waits half of its time, for the server, a lock, a process: by three two cores stood still for a fifth of the time.
    maxWorkers: 4,
    // Against a hang: on a slow machine a test takes twice what it does here.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    // What is waited for comes by itself: a second, which is the default, passes on a machine that is busy.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    passWithNoTests: true,
  },
})
