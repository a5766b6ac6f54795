// npm test: everything that needs nothing but Node; the server is the embedded one unless PGTRAIL_TEST_URL is set.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/tools/**", "node_modules/**"],
    globalSetup: "test/setup.ts",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 60_000,
    passWithNoTests: true,
  },
})
