// The spinner on a terminal, which says itself how wide it is.
import { Writable } from "node:stream"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import type { Io } from "../../src/cli/io.js"
import { createProgress } from "../../src/cli/progress.js"

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"] }))
afterEach(() => void vi.useRealTimers())

/** A terminal as Node has one, of so many columns. */
class Terminal extends Writable {
  readonly isTTY = true
  columns: number | undefined
  written = ""
  cleared = 0

  constructor(columns: number | undefined) {
    super({ decodeStrings: false })
    this.columns = columns
  }

  override _write(text: string, _: string, done: () => void): void {
    this.written += text
    done()
  }

  cursorTo(): void {}
  moveCursor(): void {}
  clearLine(): void {
    // Whoever divides by a width of 0 clears lines for ever.
    if (++this.cleared > 1_000) throw new Error("there is no end to the lines that are cleared")
  }
}

function progressOn(columns: number | undefined) {
  const stderr = new Terminal(columns)
  const io = { stderr, stderrIsTTY: true } as unknown as Io
  return { stderr, progress: createProgress(io, false) }
}

test("a terminal of width 0 gets no spinner, before or after its width changes", async () => {
  const { stderr, progress } = progressOn(0)
  vi.advanceTimersByTime(600)
  progress.show("reading")
  vi.advanceTimersByTime(500)
  expect(stderr.written).toBe("")
  stderr.columns = 80
  await vi.waitFor(() => {
    progress.show("reading on")
    vi.advanceTimersByTime(100)
    expect(stderr.written).toContain("reading on")
  }, 20_000)
  stderr.columns = 0
  stderr.emit("resize")
  const before = stderr.written.length
  for (const text of ["narrow", "still narrow"]) {
    progress.show(text)
    vi.advanceTimersByTime(500)
  }
  expect(stderr.written.slice(before)).toBe("")
  progress.stop()
  expect(stderr.listenerCount("resize")).toBe(0)
})

test("a terminal that does not say how wide it is gets one", async () => {
  const { stderr, progress } = progressOn(undefined)
  vi.advanceTimersByTime(600)
  await vi.waitFor(() => {
    progress.show("reading")
    vi.advanceTimersByTime(100)
    expect(stderr.written).toContain("reading")
  }, 20_000)
  progress.stop()
})
