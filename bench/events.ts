// Makes believable events from a seed: 24 months, 50 organizations of which one has half, 15 columns each.

import { once } from "node:events"
import { createWriteStream } from "node:fs"
import type { Writable } from "node:stream"

/** The columns that a typical application fills; the others keep their defaults. */
export const columns = [
  "organization_id",
  "occurred_at",
  "event_type",
  "category",
  "action",
  "outcome",
  "actor_type",
  "actor_id",
  "actor_email",
  "ip_address",
  "user_agent",
  "resource_type",
  "resource_id",
  "request_id",
  "details",
] as const

export const firstMonth = "2024-01-01T00:00:00Z"
export const lastMonth = "2025-12-01T00:00:00Z"
const start = Date.parse(firstMonth)
const span = Date.parse("2026-01-01T00:00:00Z") - start
const seed = 20_240_101

const types = [
  "document.read",
  "document.update",
  "auth.login",
  "auth.logout",
  "invoice.export",
  "user.update",
]
const agents = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15",
  "acme-client/4.2.0",
]

/** mulberry32: the same numbers on every machine. */
export function randomFrom(state: number): () => number {
  let a = state
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

type Event = Record<(typeof columns)[number], string | object>

function event(at: number, random: () => number): Event {
  const below = (n: number) => Math.floor(random() * n)
  const hex = (digits: number) =>
    below(16 ** digits)
      .toString(16)
      .padStart(digits, "0")
  const organization = below(2) === 0 ? 0 : 1 + below(49)
  const user = below(2000)
  const type = types[below(types.length)] ?? ""
  const [category = "", action = ""] = type.split(".")
  return {
    organization_id: `organization-${organization}`,
    occurred_at: new Date(at).toISOString(),
    event_type: type,
    category,
    action,
    outcome: below(20) === 0 ? "denied" : "success",
    actor_type: "user",
    actor_id: `user-${user}`,
    actor_email: `user-${user}@organization-${organization}.example`,
    ip_address: `10.${below(250)}.${below(250)}.${below(250)}`,
    user_agent: agents[below(agents.length)] ?? "",
    resource_type: "document",
    resource_id: `doc-${below(100_000)}`,
    request_id: `${hex(8)}-${hex(8)}-${hex(8)}`,
    details: { region: "eu-central-1", version: below(40), amount: below(1e6) / 100, trace: hex(12) },
  }
}

export const arrivals = ["in time order", "in random order"] as const
export type Arrival = (typeof arrivals)[number]

/** Numbers 0 to n - 1, shuffled. */
function shuffled(n: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = order[i] ?? 0
    order[i] = order[j] ?? 0
    order[j] = held
  }
  return order
}

function* events(count: number, arrival: Arrival): Generator<Event> {
  const random = randomFrom(seed)
  const order = arrival === "in random order" ? shuffled(count, random) : undefined
  for (let i = 0; i < count; i++) yield event(start + Math.floor(((order?.[i] ?? i) * span) / count), random)
}

/** NDJSON, as `pgtrail import file` takes it. */
export function writeNdjson(path: string, count: number, arrival: Arrival): Promise<void> {
  return write(path, count, arrival, (e) => `${JSON.stringify(e)}\n`)
}

/** The text form of COPY, of `columns` in their order. */
export function writeCopy(path: string, count: number, arrival: Arrival): Promise<void> {
  const cell = (value: string | object) =>
    (typeof value === "string" ? value : JSON.stringify(value)).replace(/[\\\t\n]/g, (c) =>
      c === "\\" ? "\\\\" : c === "\t" ? "\\t" : "\\n",
    )
  return write(path, count, arrival, (e) => `${columns.map((column) => cell(e[column])).join("\t")}\n`)
}

async function write(
  path: string,
  count: number,
  arrival: Arrival,
  line: (e: Event) => string,
): Promise<void> {
  const file: Writable = createWriteStream(path)
  let text = ""
  for (const e of events(count, arrival)) {
    text += line(e)
    if (text.length < 1 << 20) continue
    if (!file.write(text)) await once(file, "drain")
    text = ""
  }
  file.end(text)
  await once(file, "finish")
}
