// Writes the answer of a query into a file, whole or not at all, with a manifest beside it that says what was asked and what is here.
import { createHash } from "node:crypto"
import { basename } from "node:path"
import { PassThrough } from "node:stream"
import { refuseExisting, stage } from "../data/checkpoint/files.js"
import { TrailError } from "../data/errors.js"
import { exportFormats } from "../data/export/shape.js"
import type { EventFilter } from "../data/query/criteria.js"
import { grouped, plural } from "../data/words.js"
import { shellWord } from "./again.js"
import { plain } from "./color.js"
import { printedColumns } from "./event-columns.js"
import { type EventFilterValues, writeOptions } from "./event-filter.js"
import { createOutput } from "./output.js"
import { render } from "./render/index.js"
import type { Report, Row } from "./report.js"
import type { Session } from "./session.js"

interface Asked {
  readonly typed: EventFilterValues &
    Readonly<Partial<Record<(typeof ofPage)[number], string | boolean | undefined>>>
  readonly filter: EventFilter
}

/** What else decides which events are in the answer. */
const ofPage = ["limit", "reverse", "after", "sample", "seed"] as const

function words(typed: Asked["typed"]): string {
  const page = ofPage.flatMap((name) => {
    const value = typed[name]
    return value === undefined || value === false
      ? []
      : [value === true ? `--${name}` : `--${name} ${shellWord(value)}`]
  })
  return [writeOptions(typed), ...page].filter((part) => part !== "").join(" ")
}

export async function intoFile(
  answer: Report | Promise<Report>,
  out: string,
  { typed, filter }: Asked,
  session: Session,
): Promise<Report> {
  const format = exportFormats.find((name) => name === session.format)
  if (format === undefined) {
    throw new TrailError("usage", `--out takes the answer as ${exportFormats.join(", ")}`, {
      hint: "nothing was read; add --format csv",
    })
  }
  if (out === "-") {
    throw new TrailError("usage", "--out takes the name of a file, and - is none", {
      hint: "nothing was read; without --out the answer goes to stdout",
    })
  }
  const path = session.path(out)
  const beside = `${path}.manifest.json`
  await refuseExisting(path)
  await refuseExisting(beside)
  const report = await answer
  const columns = printedColumns(session)
  const written = { rows: 0, bytes: 0, hash: createHash("sha256") }
  const counted = async function* (): AsyncGenerator<Row> {
    for await (const row of report.rows) {
      written.rows += 1
      yield row
    }
  }
  const data = await stage(path, parts({ ...report, rows: counted() }, session, written), 0o600)
  try {
    const { bytes, rows, hash } = written
    const file = { name: basename(path), rows, bytes, sha256: hash.digest("hex") }
    const trail = await session.trail()
    const drawn = typed.sample === undefined ? undefined : report.further?.()
    const sample =
      drawn === undefined
        ? undefined
        : { size: String(drawn.sample), seed: String(drawn.seed), population: String(drawn.population) }
    const described = await trail.describeAnswer({
      file,
      format,
      columns,
      filter,
      typed: words(sample === undefined ? typed : { ...typed, seed: sample.seed }),
      sample,
      signal: session.signal,
    })
    const manifest = await stage(beside, [described.text], 0o600)
    try {
      session.signal.throwIfAborted()
      await data.place()
      await manifest.place()
    } finally {
      await manifest.drop()
    }
    const { population } = described.manifest
    const { act, not_recorded } = described
    const text = [
      `${plural(rows, "event")}, ${grouped(population.omitted)} omitted${act === null ? "" : `, recorded as act ${act}`}`,
      `  ${out}`,
      `  ${out}.manifest.json  ${described.sha256}`,
      "",
    ].join("\n")
    const document = { out, act, not_recorded, population, manifest_sha256: described.sha256 }
    const note = typeof report.note === "function" ? report.note() : report.note
    return {
      schema: "pgtrail.answer/1",
      columns: columns.map((name) => ({ name })),
      rows: [],
      forms: { csv: text, xml: text, ndjson: `${JSON.stringify(document)}\n` },
      ...(note === undefined ? {} : { note }),
    }
  } finally {
    await data.drop()
  }
}

/** What is printed, part by part, hashed on the way. */
async function* parts(
  report: Report,
  { format, fields, signal }: Session,
  written: { bytes: number; readonly hash: ReturnType<typeof createHash> },
): AsyncGenerator<string> {
  const stream = new PassThrough()
  stream.setEncoding("utf8")
  const output = createOutput(stream)
  const failed: unknown[] = []
  const done = render(report, { format, fields, columns: undefined, style: plain, output, signal })
    .then(() => output.flush())
    .catch((error: unknown) => failed.push(error))
    .finally(() => stream.end())
  try {
    for await (const part of stream) {
      const text = String(part)
      written.bytes += Buffer.byteLength(text)
      written.hash.update(text)
      yield text
    }
    signal.throwIfAborted()
    if (failed.length > 0) throw failed[0]
  } finally {
    // Where the disk is full nobody reads any more: what still prints must not wait for it.
    stream.destroy()
    await done
  }
}
