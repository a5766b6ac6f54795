// npm run test:tools: what needs psql, pg_dump, pgbench, python3 or age, against the server in PGTRAIL_TEST_URL.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/tools/**/*.test.ts"],
    globalSetup: "test/setup.ts",
    setupFiles: "test/each-file.ts",
    pool: "forks",
    // As in vitest.config.ts.
    isolate: false,
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    // What is waited for comes by itself: a second, which is the default, passes on a machine that is busy.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    passWithNoTests: true,
  },
})
