// A spinner on stderr, on a terminal only, and not before a run has taken half a second.
import type { Ora } from "ora"
import type { Io } from "./io.js"

export interface Progress {
  show(text: string): void
  /** Takes the spinner off the screen; the next `show` brings it back. */
  clear(): void
  stop(): void
}

/** Milliseconds: what is over sooner needs no spinner, and ora is not even loaded for it. */
const patience = 500

/** A terminal may say that it is no columns wide (over a serial line, in a container): ora divides by that, and would clear lines for ever. */
const isWide = ({ stderr }: Io): boolean => {
  const { columns } = stderr as { readonly columns?: number }
  return columns === undefined || columns > 0
}

export function createProgress(io: Io, quiet: boolean): Progress {
  if (quiet || !io.stderrIsTTY) return { show() {}, clear() {}, stop() {} }
  const start = Date.now()
  let spinner: Ora | undefined
  let latest = ""
  let isLoading = false
  let isStopped = false

  async function load(): Promise<void> {
    isLoading = true
    const { default: ora } = await import("ora")
    if (isStopped) return
    // discardStdin would take the terminal's input away from a command that reads it.
    spinner = ora({ stream: io.stderr, discardStdin: false, isEnabled: true, text: latest })
    // Before it draws again: it asks for the width each time.
    io.stderr.on("resize", hide)
    if (isWide(io)) spinner.start()
  }

  const hide = (): void => {
    if (!isWide(io)) spinner?.stop()
  }

  return {
    show(text) {
      latest = text
      if (isStopped || Date.now() - start < patience || !isWide(io)) return
      if (spinner !== undefined) {
        spinner.text = text
        if (!spinner.isSpinning) spinner.start()
      } else if (!isLoading) {
        // Without a spinner the work goes on all the same.
        load().catch(() => {})
      }
    },
    clear() {
      spinner?.stop()
    },
    stop() {
      isStopped = true
      spinner?.stop()
      io.stderr.removeListener("resize", hide)
    },
  }
}
