// Writes the figures as a table for people or as one JSON object.
import type { Figure } from "./measure.js"

export interface Setting {
  readonly name: string
  readonly value: string
}

export interface BenchReport {
  readonly schema: "pgtrail.bench/1"
  readonly events: number
  readonly rounds: number
  readonly machine: readonly Setting[]
  readonly figures: readonly Figure[]
  readonly notes: readonly string[]
}

const heads = ["what", "ours", "baseline", "ratio", "spread", "must", "goal", ""]

export function table(report: BenchReport): string {
  const rows = report.figures.map((figure) => [
    figure.what,
    figure.ours,
    figure.baseline,
    figure.ratio?.toFixed(2) ?? "",
    figure.spread === undefined ? "" : `${figure.spread[0].toFixed(2)} to ${figure.spread[1].toFixed(2)}`,
    figure.must === undefined ? "" : String(figure.must),
    figure.goal === undefined ? "" : String(figure.goal),
    figure.ok === undefined ? "" : figure.ok ? "ok" : "MISSED",
  ])
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) =>
        at === 0 || at === 7 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      )
      .join("  ")
      .trimEnd()
  const rule = widths.map((width) => "-".repeat(width)).join("  ")
  const machine = report.machine.map(({ name, value }) => `${name}: ${value}`)
  return `${[...machine, "", line(heads), rule, ...rows.map(line), ...report.notes.map((note) => `note: ${note}`)].join("\n")}\n`
}
