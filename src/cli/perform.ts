// Runs one parsed command: session, report, rendering, note, exit code. Loaded only when there is a command to run.
import { TrailError } from "../data/errors.js"
import { styleFor } from "./color.js"
import type { Entry } from "./commands.js"
import type { CommonValues, Format } from "./common.js"
import { type Configuration, configure } from "./config/index.js"
import type { ExitCode } from "./exit.js"
import { explain, stopped } from "./failure.js"
import type { Io } from "./io.js"
import { createMessages } from "./messages.js"
import { createOutput, type Output, ReaderGone } from "./output.js"
import type { Invocation } from "./parse.js"
import { createProgress, type Progress } from "./progress.js"
import { render } from "./render/index.js"
import type { Report } from "./report.js"
import { createSession } from "./session.js"

/** Milliseconds that a command has to stop by itself after a signal. */
const patience = 3_000

interface Surroundings {
  readonly io: Io
  readonly argv: readonly string[]
  readonly signal: AbortSignal
  readonly secrets: readonly string[]
  readonly tree: readonly Entry[]
}

export async function perform(invocation: Invocation, around: Surroundings): Promise<ExitCode> {
  const { io, signal, secrets } = around
  const { command, name } = invocation
  const help = `pgtrail ${name} --help`
  let configured: Configuration
  let fields: readonly string[] | undefined
  try {
    configured = await configure(invocation, io, around.tree)
    fields = fieldsOf(configured.common)
  } catch (error) {
    const messages = createMessages(io, { json: isJson(invocation.common), quiet: false, secrets })
    return explain(error, { messages, verbose: invocation.common.verbose, signal, help })
  }
  const { common } = configured
  const progress = createProgress(io, common.quiet)
  const before = (): void => progress.clear()
  const hidden = [...secrets]
  const messages = createMessages(io, {
    json: isJson(common),
    // A document says itself what there is to note ("next"); lines cannot.
    notes: formatName(common) !== "json",
    quiet: common.quiet,
    secrets: hidden,
    before,
  })
  for (const warning of configured.warnings) messages.warning(warning)
  const gone = new AbortController()
  const session = createSession({
    io,
    argv: around.argv,
    url: common.url,
    config: common.config,
    configured,
    fields,
    format: common.json ? "json" : (common.format ?? command.format),
    quiet: common.quiet,
    verbose: common.verbose,
    signal: AbortSignal.any([signal, gone.signal]),
    messages,
    progress,
    hide: (secret) => hidden.push(secret),
  })
  const work = async (): Promise<ExitCode> => {
    const format = formatOf(common, command.format)
    const { options, configuration } = configured
    const report = await command.invoke(invocation.args, options, session, configuration)
    const output = createOutput(io.stdout, before)
    await answer(report, { format, fields, common, io, output, signal, stop: () => gone.abort("EPIPE") })
    const note = typeof report.note === "function" ? report.note() : report.note
    if (note !== undefined) messages.note(note)
    const exit = typeof report.exit === "function" ? report.exit() : (report.exit ?? 0)
    return signal.aborted ? stopped(signal) : exit
  }
  try {
    return await (command.patient ? work() : Promise.race([work(), abandoned(signal)]))
  } catch (error) {
    const { description } = command
    return explain(error, { messages, verbose: common.verbose, signal, help, description })
  } finally {
    await finish(session, progress, signal)
  }
}

const formatName = ({ json, format }: CommonValues): string | undefined => (json ? "json" : format)
const isJson = ({ json, format }: CommonValues): boolean => json || format === "json" || format === "ndjson"

interface Answering {
  readonly format: Format
  readonly fields: readonly string[] | undefined
  readonly common: CommonValues
  readonly io: Io
  readonly output: Output
  readonly signal: AbortSignal
  stop(): void
}

/** A reader that goes away is no error: what the command found still decides the exit code. */
async function answer(
  report: Report,
  { format, fields, common, io, output, signal, stop }: Answering,
): Promise<void> {
  try {
    await render(report, {
      format,
      fields,
      columns: io.stdoutIsTTY ? io.columns : undefined,
      isTerminal: io.stdoutIsTTY,
      style: styleFor(io, io.stdoutIsTTY, common.color),
      output,
      signal,
    })
    await output.flush()
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error
    stop()
  }
}

/** Settles only when a command does not stop by itself. */
function abandoned(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const wait = (): void => {
      setTimeout(() => reject(new TrailError("cancelled", "stopped")), patience).unref()
    }
    if (signal.aborted) wait()
    else signal.addEventListener("abort", wait, { once: true })
  })
}

async function finish(
  session: { close(): Promise<void> },
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  progress.stop()
  // The outcome is known: a connection that cannot even be closed does not change it.
  const closed = session.close().catch(() => {})
  await (signal.aborted ? Promise.race([closed, new Promise((go) => setTimeout(go, 1_000).unref())]) : closed)
}

function formatOf({ format, json }: CommonValues, otherwise: Format): Format {
  if (json && format !== undefined && format !== "json") {
    throw new TrailError("usage", `--json and --format ${format} contradict each other`)
  }
  return json ? "json" : (format ?? otherwise)
}

function fieldsOf({ fields }: CommonValues): readonly string[] | undefined {
  if (fields === undefined) return undefined
  const names = fields
    .split(",")
    .map((field) => field.trim())
    .filter((field) => field !== "")
  if (names.length === 0) throw new TrailError("usage", "--fields names no column")
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new TrailError("usage", `--fields names ${twice} twice`)
  return names
}
