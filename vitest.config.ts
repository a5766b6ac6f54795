// npm test: everything that needs nothing but Node; the server is the embedded one unless PGTRAIL_TEST_URL is set.
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** These take longest and come first, so that at the end no worker waits for another. */
const longest = [
  "data/redact-model",
  "data/redact-concurrent",
  "data/privilege-temp",
  "data/verify-redact-attacks",
  "data/lanes-volume",
  "data/lanes-snapshot",
  "data/purge-verify",
  "data/lifecycle-model",
  "data/lifecycle-crash-tool",
  "data/lifecycle-crash-server",
  "data/verify-lifecycle-partition",
  "data/migrate-lifecycle",
  "data/migrate-path",
  "data/import-crash",
  "data/crash",
  "data/purge-concurrent",
  "data/migrate-upgrade",
  "data/incarnation",
  "data/verify-conditions",
  "data/verify-attacks",
  "data/concurrent-verify-partitions",
  "data/concurrent-verify",
  "data/verify-hostile",
  "data/follow",
  "data/query-filter",
  "cli/log",
  "data/verify-random",
  "data/verification-against",
  "data/verification-incident",
  "data/query-pages",
  "data/stats",
  "data/purge",
  "embedded/server",
  "data/acts",
  "data/query",
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
    // A test waits for the server half of its time: three keep two cores busy.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 60_000,
    passWithNoTests: true,
  },
})
