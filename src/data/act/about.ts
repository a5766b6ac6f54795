// An act in a few words, from its parameters: what was done.
import { laterSettings } from "./known-settings.js"

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
    `${word(kind)}, ${word(format)}, ${eventWords(events)} of ${Array.isArray(organizations) ? organizations.map(word).join(", ") : "all"}`,
  import: ({ events, rejected }) => `${eventWords(events)}, ${word(rejected)} rejected`,
  grant: ({ role, right, organization }) =>
    `${word(role)} is ${word(right)} of ${word(organization) || "all"}`,
  revoke: ({ role, right, organization }) =>
    `${word(role)} is no ${word(right)} of ${word(organization) || "all"} any more`,
  setting: ({ name, value, before }) => {
    // One that was never set has no row, and its default.
    const initial = before == null ? laterSettings[word(name)]?.initial : undefined
    return `${word(name)} = ${word(value)}, was ${initial === undefined ? word(before) : `${initial} (the default)`}`
  },
  accept: ({ finding, reason }) => `${word(parametersOf(finding).id)}: ${word(reason)}`,
  incarnation: ({ number, reason, lanes, backup }) => {
    const { name } = parametersOf(backup)
    const from = word(name) === "" ? `lanes with losses: ${word(lanes)}` : `from ${word(name)}`
    return `${word(number)}, ${word(reason)}, ${from}`
  },
  backup: ({ name, events, partition, organization, location }) => {
    const part = [word(partition), word(organization)].filter((one) => one !== "").join(", ")
    return `${word(name)}, ${eventWords(events)}${part === "" ? "" : ` of ${part}`}, at ${word(location)}`
  },
  add_type: ({ name, category, severity }) =>
    `${word(name)}, ${word(category) || "no category"}, ${word(severity)}`,
  purge: ({ organization, partition, method, events, reason, override, archive }) => {
    const { name } = parametersOf(archive)
    const into = word(name) === "" ? "" : ` into archive ${word(name)}`
    const from = [word(partition), word(organization)].filter((part) => part !== "").join(", ")
    const how = word(method) === "" ? "" : ` (${word(method)})`
    return `${eventWords(events)} of ${from}${into}${how}${Array.isArray(override) ? `, despite ${override.length} findings` : ""}: ${word(reason)}`
  },
  restore: ({ archive, events, schema, reason }) =>
    `${eventWords(events)} of ${word(archive)}${word(schema) === "" ? "" : ` into schema ${word(schema)}`}: ${word(reason)}`,
  remove_archive: ({ archive, expired, reason }) =>
    `${word(archive)}${expired === true ? ", whose time is over" : ""}: ${word(reason)}`,
  hold: ({ case: name, organization, names, expires, reason }) => {
    const all = word(organization) === "" ? [] : [`organization ${word(organization)}`]
    if (Array.isArray(names) && names.length > 0) all.push(`${names.map(word).join(", ")} as the hold says`)
    if (word(expires) !== "") all.push(`until ${word(expires)}`)
    return `case ${word(name)}, ${all.join(", ")}: ${word(reason)}`
  },
  release: ({ case: name, holds, reason }) =>
    `case ${word(name)}, ${Array.isArray(holds) && holds.length === 1 ? "hold" : "holds"} ${Array.isArray(holds) ? holds.map(word).join(", ") : ""}: ${word(reason)}`,
  retention: ({
    rule,
    name,
    organization,
    classification,
    type,
    tag,
    keep,
    archive_after,
    before,
    confirmed,
  }) => {
    const named = Object.entries({ organization, type, classification, tag })
    const all = named.flatMap(([what, value]) => (word(value) === "" ? [] : [`${what} ${word(value)}`]))
    const period = keep == null ? "removed" : `${word(keep)} days`
    const was = word(before) === "" ? [] : [`${keep == null ? "it kept" : "was"} ${word(before)} days`]
    const archive = word(archive_after) === "" ? [] : [`due for an archive after ${word(archive_after)} days`]
    const parts = [`${word(rule)} ${word(name)}: ${period}`, ...was, ...archive, ...all]
    return [...parts, ...(confirmed === true ? ["confirmed: at once"] : [])].join(", ")
  },
  detach: ({ partition, reason }) => `${word(partition)}: ${word(reason)}`,
  attach: ({ partition }) => word(partition),
  redact: ({ strategy, events, identity, content, archive, requested_by, request, reason }) => {
    const groups = `identity of ${word(identity) || "0"}, content of ${word(content) || "0"}`
    const { name } = parametersOf(archive)
    const into = word(name) === "" ? "" : ` in archive ${word(name)}`
    return `${word(strategy)}, ${eventWords(events)}${into} (${groups})${asked(requested_by, request)}: ${word(reason)}`
  },
  subject_rule: ({ step, rule, kind, event_type, resource_type, path, classification, tag }) => {
    if (step === "remove") return `remove, that of act ${word(rule)}`
    const at = Array.isArray(path) ? path.map(word).join(".") : ""
    const named = Object.entries({
      resource: word(resource_type),
      path: at,
      type: word(event_type),
      classification: word(classification),
      tag: word(tag),
    })
    const all = named.flatMap(([what, value]) => (value === "" ? [] : [`${what} ${value}`]))
    return [`${word(step)}, ${word(kind)}`, ...all].join(", ")
  },
  restrict: ({ organization, identifiers, requested_by, request, reason }) =>
    `${word(identifiers)} ${word(identifiers) === "1" ? "identifier" : "identifiers"} of ${word(organization) || "all organizations"}${asked(requested_by, request)}: ${word(reason)}`,
  unrestrict: ({ restriction, requested_by, request, reason }) =>
    `that of act ${word(restriction)}${asked(requested_by, request)}: ${word(reason)}`,
  reveal: ({ pseudonym, requested_by, request, reason }) =>
    `${word(pseudonym)}${asked(requested_by, request)}: ${word(reason)}`,
  privacy_key: ({ step, key, pseudonyms }) =>
    `${word(step)} ${word(key)}${word(step) !== "destroy" ? "" : `, pseudonyms without a mapping now: ${word(pseudonyms)}`}`,
  profile: ({ action, profile, schema, organization, revoked }) =>
    `${revoked === undefined ? word(action) : "revoke"} ${word(profile)} in schema ${word(schema)}, organization ${word(organization)}`,
  request: ({ step, request, kind, due, outcome, reason }) => {
    const parts = [word(kind), word(due) === "" ? "" : `due ${word(due).slice(0, 10)}`, word(outcome)]
    const all = [`${word(step)} ${word(request)}`, ...parts.filter((part) => part !== "")].join(", ")
    return word(reason) === "" ? all : `${all}: ${word(reason)}`
  },
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

/** Who asked for it, and by which request. */
function asked(by: unknown, request: unknown): string {
  const who = word(by) === "" ? "" : `, asked by ${word(by)}`
  return word(request) === "" ? who : `${who}, request ${word(request)}`
}

const eventWords = (events: unknown): string => `${word(events)} ${word(events) === "1" ? "event" : "events"}`
