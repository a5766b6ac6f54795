// The Python scripts beside the tests: run on a database, and compared with what the seeds print.
import { execFile } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { env } from "node:process"
import { promisify } from "node:util"

const run = promisify(execFile)
/** The one that Debian's packages are for; another may come first in PATH. */
const interpreter = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3"

/** Its standard output. `more` goes into its environment. */
export async function python(
  argv: readonly string[],
  options: { cwd?: string; more?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  // Nothing compiled is left beside the tests.
  const environment = {
    ...env,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONPATH: import.meta.dirname,
    ...options.more,
  }
  const { stdout } = await run(interpreter, ["-W", "ignore", ...argv], {
    cwd: options.cwd,
    env: environment,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout
}

export const script = (name: string): string => join(import.meta.dirname, name)

/** The seeds lie beside the checkout, not in it. */
const folder = join(import.meta.dirname, "../../../shared/seeds")
export const hasSeeds = existsSync(folder)

/** By the number of the seed: its Python, fence by fence. */
export function printedPython(seed: string): string[] {
  const file = readdirSync(folder).find((name) => name.startsWith(`${seed}_`)) ?? ""
  const text = readFileSync(join(folder, file), "utf8")
  return [...text.matchAll(/^```python\n([\s\S]*?)\n```$/gm)].map(([, code]) => code ?? "")
}

/** What a script says to have from its seed, part by part. */
export function takenFromSeed(name: string): string[] {
  const text = readFileSync(script(name), "utf8")
  return [...text.matchAll(/^# seed\n([\s\S]*?)\n# end of seed$/gm)].map(([, code]) => code ?? "")
}
