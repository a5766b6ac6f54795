// Measures two things in turn, several times, and compares them: only ratios of one run say something about another machine.

export interface Figure {
  readonly what: string
  readonly ours: string
  readonly baseline: string
  /** Median of the ratios of each round; undefined for a figure that is absolute. */
  readonly ratio: number | undefined
  /** The lowest and the highest ratio of a round. */
  readonly spread: readonly [number, number] | undefined
  /** Absent: for information. */
  readonly must?: number | undefined
  readonly goal?: number | undefined
  /** Which side of the must is good. */
  readonly better: "lower" | "higher"
  /** Undefined where there is no must, or too few events to judge by. */
  readonly ok: boolean | undefined
}

export interface Aim {
  readonly must?: number
  readonly goal?: number
  readonly better?: "lower" | "higher"
  /** False: too few events to say. */
  readonly judged?: boolean
}

/** From so many events on the start of a process is no longer what verify and import are measured by. */
export const fair = 500_000

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** One of the things that are measured in turn, and what was measured so far. */
export interface Series {
  readonly measure: (round: number) => Promise<number>
  readonly values: number[]
}

export function series(measure: (round: number) => Promise<number>): Series {
  return { measure, values: [] }
}

/** Measures each once a round, in an order that turns round by round, so that a slow minute hits all alike. */
export async function takeTurns(rounds: number, all: readonly Series[]): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const one of round % 2 === 0 ? all : [...all].reverse()) one.values.push(await one.measure(round))
  }
}

/** A figure from paired values. `unit` writes a value for people. */
export function compare(
  what: string,
  ours: Series,
  baseline: Series,
  unit: (value: number) => string,
  aim: Aim = {},
): Figure {
  const ratios = ours.values.map((value, round) => value / (baseline.values[round] ?? Number.NaN))
  const ratio = median(ratios)
  return {
    what,
    ours: unit(median(ours.values)),
    baseline: unit(median(baseline.values)),
    ratio,
    spread: [Math.min(...ratios), Math.max(...ratios)],
    ...judged(ratio, aim),
  }
}

/** A figure that has no baseline. */
export function absolute(
  what: string,
  value: number,
  unit: (value: number) => string,
  aim: Aim = {},
): Figure {
  return { what, ours: unit(value), baseline: "", ratio: undefined, spread: undefined, ...judged(value, aim) }
}

function judged(value: number, { must, goal, better = "lower", judged: isJudged = true }: Aim) {
  const ok = must === undefined || !isJudged ? undefined : better === "lower" ? value <= must : value >= must
  return { must, goal, better, ok }
}

export const seconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} s`
export const milliseconds = (value: number): string => `${(value * 1000).toFixed(0)} ms`
export const microseconds = (value: number): string => `${value.toFixed(2)} µs`
export const thousands = (value: number): string => Math.round(value).toLocaleString("en")
export const megabytes = (value: number): string => `${value.toFixed(0)} MB`
export const perSecond = (value: number): string => `${Math.round(value).toLocaleString("en")} tps`
