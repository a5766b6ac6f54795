// An event as an application gives it: its fields, and what each of them may hold.
import { isIP } from "node:net"
import { outcomes, severities } from "../query/choices.js"

/** A value that JSON can say; bigint is written as a number with all its digits. */
export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

/** Kinds of fields. Everything here can be set by an application; the chain columns cannot. */
const kinds = {
  id: "uuid",
  external_id: "text",
  external_number: "integer",
  source: "text",
  organization_id: "text",
  project_id: "text",
  occurred_at: "time",
  event_type: "text",
  category: "text",
  action: "text",
  severity: severities,
  outcome: outcomes,
  status_code: "integer",
  actor_type: "text",
  actor_role: "text",
  resource_type: "text",
  request_method: "text",
  data_classification: ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED", "PHI"],
  data_size_bytes: "integer",
  retention_policy: "text",
  compliance_tags: "texts",
  event_version: "text",
  processing_latency_ms: "integer",
  actor_id: "text",
  actor_name: "text",
  actor_email: "text",
  ip_address: "address",
  user_agent: "text",
  session_id: "text",
  device_id: "text",
  resource_id: "text",
  resource_name: "text",
  namespace: "text",
  description: "text",
  error_message: "text",
  request_path: "text",
  request_id: "text",
  correlation_id: "text",
  request_params: "json",
  before_state: "json",
  after_state: "json",
  details: "json",
  tags: "texts",
  signature: "text",
} as const

type Kinds = typeof kinds
export type EventField = keyof Kinds

interface ValueOf {
  readonly uuid: string
  readonly text: string
  readonly integer: number | bigint | string
  readonly time: string | Date
  readonly address: string
  readonly texts: readonly (string | null)[]
  readonly json: Json
}

type Value<K> = K extends keyof ValueOf ? ValueOf[K] : K extends readonly (infer C)[] ? C : never

/** What an application logs. Only `event_type` is needed; the others are the columns of pgtrail.event (DESIGN: "The event"). */
export type EventInput = {
  readonly [F in Exclude<EventField, "event_type">]?: Value<Kinds[F]> | null | undefined
} & { readonly event_type: string }

/** In the order of the table. */
export const eventFields: readonly EventField[] = Object.keys(kinds).filter(isEventField)

export function isEventField(name: string): name is EventField {
  return Object.hasOwn(kinds, name)
}

/** Whether the field's value is JSON itself: an object, an array, any value. */
export function isJsonField(field: EventField): boolean {
  return kinds[field] === "json" || kinds[field] === "texts"
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What is wrong with a field's value, as words that follow its name and do not say the value; the server has the last word. */
export function problemOf(field: EventField, value: unknown): string | undefined {
  const kind = kinds[field]
  if (value === null || value === undefined) {
    return field === "event_type" ? "is missing" : undefined
  }
  if (typeof kind !== "string") {
    return kind.some((choice) => choice === value)
      ? undefined
      : `must be ${kind.join(", ").replace(/, ([^,]*)$/, " or $1")}`
  }
  switch (kind) {
    case "json":
      return undefined
    case "uuid":
      return typeof value === "string" && uuid.test(value) ? undefined : "must be a uuid"
    case "integer":
      return isInteger(value) ? undefined : "must be a whole number"
    case "time":
      return (value instanceof Date && !Number.isNaN(value.getTime())) ||
        (typeof value === "string" && value !== "")
        ? undefined
        : "must be a time such as 2026-11-21T09:30:00Z"
    case "address":
      return typeof value === "string" && isIP(value.replace(/\/\d{1,3}$/, "")) !== 0
        ? undefined
        : "must be an IP address"
    case "texts":
      return Array.isArray(value) && value.every((item) => item === null || typeof item === "string")
        ? undefined
        : "must be an array of text"
    case "text":
      if (value === "" && field === "event_type") return "is missing"
      return ["string", "number", "bigint", "boolean"].includes(typeof value) ? undefined : "must be text"
  }
}

function isInteger(value: unknown): boolean {
  return (
    typeof value === "bigint" ||
    Number.isSafeInteger(value) ||
    (typeof value === "string" && /^-?\d{1,19}$/.test(value))
  )
}
