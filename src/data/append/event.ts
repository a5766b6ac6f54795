// An event as an application gives it: its fields, and what each of them may hold.
import { isIP } from "node:net"
import type { SqlType } from "../binary.js"
import { type EventColumn, eventColumns, eventTypes, isEventColumn } from "../event-columns.js"
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

/** What the database alone sets. */
const databaseColumns = [
  "recorded_at",
  "lane",
  "seq",
  "identity_salt",
  "content_salt",
  "previous_hash",
  "hash",
  "hash_version",
  "identity_digest",
  "content_digest",
] as const satisfies readonly EventColumn[]

/** Everything that an application can set: the columns but for those that the database alone sets. */
export type EventField = Exclude<EventColumn, (typeof databaseColumns)[number]>

const kindOfType = {
  bigint: "integer",
  bytea: "text",
  inet: "address",
  int: "integer",
  jsonb: "json",
  smallint: "integer",
  text: "text",
  "text[]": "texts",
  timestamptz: "time",
  uuid: "uuid",
} as const satisfies Record<SqlType, keyof ValueOf>

const choices = {
  severity: severities,
  outcome: outcomes,
  data_classification: ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED", "PHI"],
} as const satisfies Partial<Record<EventField, readonly string[]>>

type KindOf<F extends EventField> = F extends keyof typeof choices
  ? (typeof choices)[F]
  : (typeof kindOfType)[(typeof eventTypes)[F]]

function kindOf(field: EventField): keyof ValueOf | readonly string[] {
  return Object.hasOwn(choices, field)
    ? choices[field as keyof typeof choices]
    : kindOfType[eventTypes[field]]
}

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
  readonly [F in Exclude<EventField, "event_type">]?: Value<KindOf<F>> | null | undefined
} & { readonly event_type: string }

export function isEventField(name: string): name is EventField {
  return isEventColumn(name) && !databaseColumns.some((column) => column === name)
}

/** In the order of the table. */
export const eventFields: readonly EventField[] = eventColumns.filter(isEventField)

/** Whether the field's value is JSON itself: an object, an array, any value. */
export function isJsonField(field: EventField): boolean {
  const kind = kindOf(field)
  return kind === "json" || kind === "texts"
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What is wrong with a field's value, as words that follow its name and do not say the value; the server has the last word. */
export function problemOf(field: EventField, value: unknown): string | undefined {
  const kind = kindOf(field)
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
