// Hostile texts in every form: read back by parsers that are not ours they are the same; on a terminal none is obeyed.
import { Readable } from "node:stream"
import stringWidth from "string-width"
import { describe, expect, it } from "vitest"
import { command, type Row } from "../../src/cli/command.js"
import type { Entry } from "../../src/cli/commands.js"
import { RawJson } from "../../src/cli/report.js"
import { visible } from "../../src/data/words.js"
import { hostileTexts, raw } from "./hostile.js"
import { type Around, runInProcess } from "./io.js"

const columns = [
  { name: "severity" },
  { name: "text" },
  { name: "json", kind: "json" },
  { name: "description" },
] as const
const severities = ["debug", "info", "warning", "error", "critical"]
const events: readonly Row[] = [
  { severity: null, text: null, json: null, description: null },
  ...hostileTexts.map((text, at) => ({
    severity: severities[at % 5] ?? null,
    text,
    json: JSON.stringify({ text }),
    description: text,
  })),
]

const listed = command({
  summary: "list hostile texts",
  formats: ["short", "xml"],
  examples: [{ run: "pgtrail hostile", shows: "them" }],
  run: () => ({ schema: 'a"<b>/1', columns, rows: Readable.from(events) }),
})
const document = command({
  summary: "print them as a document",
  examples: [{ run: "pgtrail document", shows: "it" }],
  run: () => ({
    schema: "d/1",
    columns: [],
    rows: [],
    document: { schema: "d/1", texts: hostileTexts, raw: new RawJson(JSON.stringify(hostileTexts)) },
  }),
})
const tree: readonly Entry[] = [
  { name: "hostile", topic: "read", summary: listed.summary, load: async () => ({ default: listed }) },
  { name: "document", topic: "read", summary: document.summary, load: async () => ({ default: document }) },
]

async function printed(format: string, around: Around = {}, ...argv: string[]): Promise<string> {
  const { stdout, stderr, exit } = await runInProcess(["hostile", "--format", format, ...argv], around, tree)
  expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 })
  return stdout
}
const onTerminal = (width: number, env = {}): Around => ({ stdoutIsTTY: true, columns: width, env })

describe("read back by another parser, every value is the same, and null is not the empty text", () => {
  it("xml", async () => {
    const text = await printed("xml")
    const { fields, schema, rows } = readXml(text)
    expect({ fields, schema }).toEqual({ fields: "severity text json description", schema: 'a"<b>/1' })
    expect(rows).toEqual(events)
    // An event a line, and nothing in it that a terminal obeys.
    expect(text.split("\n")).toHaveLength(events.length + 4)
    expect(text).not.toMatch(raw)
  })

  it("ndjson and json", async () => {
    const expected = events.map((row) => ({
      ...row,
      json: row.json === null ? null : JSON.parse(String(row.json)),
    }))
    const [ndjson, json] = [await printed("ndjson"), await printed("json")]
    const lines = ndjson.trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line))).toEqual(expected)
    expect(JSON.parse(json).rows).toEqual(expected)
    // What a terminal obeys or nobody sees is written as \uXXXX, in a document too.
    const document = await runInProcess(["document", "--json"], {}, tree)
    expect(JSON.parse(document.stdout)).toEqual({ schema: "d/1", texts: hostileTexts, raw: hostileTexts })
    for (const text of [ndjson, json, document.stdout]) expect(text).not.toMatch(raw)
    expect(ndjson).toContain("\\u202eevil")
    expect(ndjson).toContain("日本語 e\u0301 👨‍👩‍👧")
  })

  it("csv", async () => {
    const rows = readCsv(await printed("csv"))
    expect(rows[0]).toEqual(columns.map(({ name }) => name))
    expect(rows.slice(1)).toEqual(events.map((row) => columns.map(({ name }) => row[name])))
  })

  it("csv on a terminal shows what it would obey, also where its width is not known", async () => {
    const text = await printed("csv", { stdoutIsTTY: true })
    expect(text).not.toMatch(raw)
    const rows = readCsv(text)
    const shown = (cell: Row[string] = null) => (typeof cell === "string" ? visible(cell) : cell)
    expect(rows.slice(1)).toEqual(events.map((row) => columns.map(({ name }) => shown(row[name]))))
    expect(text).toContain("\\x1b[2J\\x1b[31mred")
  })
})

describe("for people", () => {
  it.each(["table", "short"])(
    "%s lets nothing raw through, neither in a pipe nor on a terminal",
    async (format) => {
      for (const around of [{}, onTerminal(80, { NO_COLOR: "1" })]) {
        const text = await printed(format, around)
        expect(text).not.toMatch(raw)
        // A line end in an event is none of the answer.
        expect(text.trimEnd().split("\n")).toHaveLength(events.length + (format === "table" ? 1 : 0))
      }
    },
  )

  it.each(["table", "short"])("%s fits a terminal of any width, and marks what it cut", async (format) => {
    for (const width of [20, 80, 200]) {
      const lines = (await printed(format, onTerminal(width, { NO_COLOR: "1" }))).trimEnd().split("\n")
      // Four columns of four and what is between them would fit into 22.
      const most = Math.max(width, 22)
      for (const line of lines) expect(stringWidth(line), line).toBeLessThanOrEqual(most)
      expect(lines.filter((line) => line.includes("…")).length).toBeGreaterThan(2)
      // No half of a character.
      expect(lines.join("")).not.toMatch(/\p{Surrogate}/u)
    }
  })

  it("a megabyte in one event does not pad the others", async () => {
    for (const format of ["table", "short"]) {
      const lines = (await printed(format)).split("\n")
      expect(lines.filter((line) => line.length > 10_000).length).toBeLessThanOrEqual(3)
    }
  })
})

describe("short", () => {
  it("is a line an event, in which a text with a blank is no two columns", async () => {
    const event = {
      occurred_at: "2026-11-01T12:00:00.000000Z",
      severity: "error",
      event_type: "auth.login",
      actor_id: "alice file/1 success",
      resource: null,
      outcome: "denied",
      description: 'said "no" \u001b[0m',
    }
    const one = command({
      summary: "one",
      formats: ["short"],
      examples: [],
      run: () => ({ schema: "s/1", columns: Object.keys(event).map((name) => ({ name })), rows: [event] }),
    })
    const only: readonly Entry[] = [
      { name: "one", topic: "read", summary: "one", load: async () => ({ default: one }) },
    ]
    const short = ["one", "--format", "short"]
    const line =
      '2026-11-01T12:00:00.000000Z error    auth.login "alice file/1 success" - denied said "no" \\x1b[0m'
    expect((await runInProcess(short, {}, only)).stdout).toBe(`${line}\n`)
    expect((await runInProcess(short, onTerminal(200), only)).stdout).toBe(`\u001b[31m${line}\u001b[39m\n`)
    expect((await runInProcess([...short, "--no-color"], onTerminal(60), only)).stdout).toBe(
      `${line.slice(0, 59)}…\n`,
    )
    const fields = [...short, "--fields", "description,severity"]
    expect((await runInProcess(fields, {}, only)).stdout).toBe('"said \\"no\\" \\x1b[0m" error\n')
    expect((await runInProcess(["one", "--format", "xml"], {}, only)).exit).toBe(2)
  })
})

/** Enough of XML for what is well-formed here; throws on anything else. Apart from the writer, on purpose. */
function readXml(text: string): { fields: string; schema: string; rows: Row[] } {
  const place = { at: 0 }
  const take = (pattern: RegExp): string[] => {
    const sticky = new RegExp(pattern.source, "y")
    sticky.lastIndex = place.at
    const found =
      sticky.exec(text) ?? expect.fail(`not XML at ${place.at}: ${text.slice(place.at, place.at + 60)}`)
    place.at = sticky.lastIndex
    return found
  }
  const decode = (encoded = ""): string => {
    const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' }
    expect(encoded).not.toContain("]]>")
    return encoded.replace(/&(?:#(\d+)|(\w+));|&/g, (_, code?: string, name = "") => {
      const point = code === undefined ? undefined : Number(code)
      if (point !== undefined) expect(point === 9 || point === 10 || point === 13 || point > 31).toBe(true)
      return point === undefined
        ? (named[name] ?? expect.fail("no such entity"))
        : String.fromCodePoint(point)
    })
  }
  take(/<\?xml version="1.0" encoding="UTF-8"\?>\n/)
  const [, schema, fields = ""] = take(/<events schema="([^"<]*)" fields="([^"<]*)">\n/)
  const rows: Row[] = []
  while (text.startsWith("<event>", place.at)) {
    take(/<event>/)
    const row: Record<string, string | null> = Object.fromEntries(
      fields.split(" ").map((name) => [name, null]),
    )
    while (!text.startsWith("</event>", place.at)) {
      const [, name = "", encoding] = take(/<(\w+)(?: encoding="(\w+)")?>/)
      const value = decode(take(/([^<]*)/)[1])
      take(new RegExp(`</${name}>`))
      row[name] = encoding === "json" ? JSON.parse(value) : value
    }
    take(/<\/event>\n/)
    rows.push(row)
  }
  take(/<\/events>\n$/)
  return { fields, schema: decode(schema), rows }
}

/** RFC 4180, with null for an empty field that is not quoted. */
function readCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [[]]
  const bare = /[^",\r\n]*/y
  for (let at = 0; at < text.length; at += 1) {
    let field: string | null
    if (text[at] === '"') {
      let end = text.indexOf('"', at + 1)
      while (text[end + 1] === '"') end = text.indexOf('"', end + 2)
      field = text.slice(at + 1, end).replaceAll('""', '"')
      at = end + 1
    } else {
      bare.lastIndex = at
      const [found = ""] = bare.exec(text) ?? []
      field = found === "" ? null : found
      at += found.length
    }
    rows.at(-1)?.push(field)
    if (text[at] === "\n") rows.push([])
    else expect(text[at]).toBe(",")
  }
  return rows.slice(0, -1)
}
