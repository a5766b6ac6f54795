// An act in a few words, from its parameters: what was done.

type Parameters = Readonly<Record<string, unknown>>

const describe: Readonly<Record<string, (given: Parameters) => string>> = {
  migrate: ({ migrations, down, tool_version }) => {
    const names = Array.isArray(migrations) ? migrations.map(word) : []
    const back = Array.isArray(down) ? [`back from ${down.map(word).join(", ")}`] : []
    const all = [...names, ...back].join(", ")
    return `${all === "" ? "functions, triggers and grants" : all}, by pgtrail ${word(tool_version)}`
  },
  verify: ({ verdict }) => word(verdict),
  checkpoint: ({ name }) => word(name),
  export: ({ kind, format, events, organizations }) =>
    `${word(kind)}, ${word(format)}, ${word(events)} events of ${Array.isArray(organizations) ? organizations.map(word).join(", ") : "all"}`,
  import: ({ events, rejected }) => `${word(events)} events, ${word(rejected)} rejected`,
  grant: ({ role, right, organization }) =>
    `${word(role)} is ${word(right)} of ${word(organization) || "all"}`,
  revoke: ({ role, right, organization }) =>
    `${word(role)} is no ${word(right)} of ${word(organization) || "all"} any more`,
  setting: ({ name, value, before }) => `${word(name)} = ${word(value)}, was ${word(before)}`,
  accept: ({ finding, reason }) => `${word(parametersOf(finding).id)}: ${word(reason)}`,
  incarnation: ({ number, reason, lanes }) =>
    `${word(number)}, ${word(reason)}, lanes with losses: ${word(lanes)}`,
  add_type: ({ name, category, severity }) =>
    `${word(name)}, ${word(category) || "no category"}, ${word(severity)}`,
  purge: ({ organization, events, reason, override }) =>
    `${word(events)} events of ${word(organization)}${Array.isArray(override) ? `, despite ${override.length} findings` : ""}: ${word(reason)}`,
}

/** Every kind of act that this pgtrail knows; a new one belongs above. */
export const actKinds: readonly string[] = Object.keys(describe)

/** Empty where the kind says all. */
export function aboutAct(kind: string, parameters: string): string {
  return Object.hasOwn(describe, kind) ? (describe[kind]?.(readParameters(parameters)) ?? "") : ""
}

/** An act's parameters are pgtrail's own, not evidence of an application: they may be parsed. What is no object has no members. */
export function readParameters(text: string | null | undefined): Parameters {
  return parametersOf(JSON.parse(text ?? "{}"))
}

export function parametersOf(value: unknown): Parameters {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Parameters) : {}
}

/** Text or a number as text; anything else is nothing. */
export function word(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : ""
}
