// Runs scripts/verify.py, the second verifier, on the folder that FORMAT.md tells to make, and compares what it finds with verify.
import { execFile } from "node:child_process"
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect } from "vitest"
import type { Finding, VerifyReport } from "../../src/data/index.js"

const run = promisify(execFile)
const root = join(import.meta.dirname, "../..")

export interface Second {
  readonly verdict: VerifyReport["verdict"]
  readonly covered: {
    readonly events: string
    readonly purged: string
    readonly archived: string
    readonly lost: string
  }
  readonly findings: readonly Finding[]
  readonly accepted: readonly Finding[]
  readonly exit: number
}

/** The script for psql that stands in FORMAT.md, as a reader would copy it. */
export async function statements(): Promise<string> {
  const text = await readFile(join(root, "FORMAT.md"), "utf8")
  const block = /^ {4}\\set catalog [\s\S]*?^ {4}commit;\n/m.exec(text)?.[0]
  if (block === undefined) throw new Error("FORMAT.md has no statements that make the folder")
  return block.replace(/^ {4}/gm, "")
}

/** Makes the folder, runs verify.py on it, and removes it. */
export async function verifySecond(url: string, options: readonly string[] = []): Promise<Second> {
  const folder = await mkdtemp(join(tmpdir(), "pgtrail-second-"))
  try {
    await copyFile(join(root, "sql/catalog.sql"), join(folder, "catalog.sql"))
    await writeFile(join(folder, "dump.sql"), await statements())
    await run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "dump.sql", url], { cwd: folder })
    const { exit, stdout } = await runSecond([folder, ...options])
    return { ...(JSON.parse(stdout) as Omit<Second, "exit">), exit }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** verify.py with an exit code that is a verdict; any other is an error of this test. */
export async function runSecond(argv: readonly string[]): Promise<{ exit: number; stdout: string }> {
  const script = join(root, "scripts/verify.py")
  return run("python3", [script, ...argv], { maxBuffer: 1 << 28 }).then(
    ({ stdout }) => ({ exit: 0, stdout }),
    (error: { code?: unknown; stdout?: string }) => {
      if (error.code !== 1 && error.code !== 4) throw error
      return { exit: error.code, stdout: error.stdout ?? "" }
    },
  )
}

/** What both must say of a finding. The words of a control table's finding are everybody's own, and so is its id. */
function compared(findings: readonly Finding[]): string[] {
  return findings
    .map(({ id, kind, organization_id, lane, seq, event_id, group }) =>
      JSON.stringify({
        kind,
        organization_id,
        lane,
        seq,
        event_id,
        group,
        id: kind === "control_altered" ? null : id,
      }),
    )
    .sort()
}

const exits = { intact: 0, tampered: 1, rolled_back: 1, incomplete: 4, unchecked: 3 } as const

/** Fails unless verify.py says what `report` says. */
export async function expectSame(
  url: string,
  report: VerifyReport,
  options: readonly string[] = [],
): Promise<void> {
  const second = await verifySecond(url, options)
  expect({
    verdict: second.verdict,
    exit: second.exit,
    events: second.covered.events,
    purged: second.covered.purged,
    archived: second.covered.archived,
    lost: second.covered.lost,
    findings: compared(second.findings),
    accepted: compared(second.accepted),
  }).toEqual({
    verdict: report.verdict,
    exit: exits[report.verdict],
    events: report.covered.events,
    purged: report.covered.purged,
    archived: report.covered.archived,
    lost: report.covered.lost,
    findings: compared(report.findings),
    accepted: compared(report.accepted),
  })
}
