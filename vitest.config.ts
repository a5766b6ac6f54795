// npm test: everything that needs nothing but Node; the server is the embedded one unless PGTRAIL_TEST_URL is set.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** These take longest and come first, so that at the end no worker waits for another. */
const longest = [
  "data/migrate-lifecycle",
  "data/migrate-path",
  "data/purge-verify",
  "data/subject-find",
  "data/redact-model",
  "data/lifecycle-model",
  "data/lanes-volume",
  "data/lifecycle-crash-tool",
  "data/lifecycle-crash-server",
  "data/verify-redact-attacks",
  "data/verify-lifecycle-concurrent",
  "data/subject-erase-concurrent",
  "data/redact-concurrent-partition",
  "data/verify-archive-concurrent",
  "cli/log",
  "data/redact-physical",
  "data/subject-erase",
  "data/retention-run-evidence",
  "data/redact-archive",
  "data/import-crash",
  "data/subject-export-places",
  "data/subject-pseudonym",
  "data/migrate-archive",
  "data/verify-hostile",
  "data/purge-concurrent",
  "data/privilege-temp",
  "data/install",
  "data/verify-lifecycle",
  "data/follow",
  "cli/export",
  "data/concurrent-verify-partitions",
  "data/partition-concurrent",
  "cli/connect-server",
  "data/redact-archive-s3",
  "data/subject-reapply",
  "data/migrate-tampered",
  "data/migrate-down",
  "data/migrate-upgrade",
  "data/query-filter",
  "data/verification-incident",
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
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 60_000,
    passWithNoTests: true,
  },
})
