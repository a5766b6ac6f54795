// By what events are chosen: the one table that the options of the command line and the conditions of the statements come from.
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { quoted } from "../words.js"
import { classifications, outcomes, severities } from "./choices.js"
import * as criterion from "./criterion.js"
import type { Period } from "./time.js"

/** Several are alternatives. */
export type Values = string | readonly string[]

export interface Criterion {
  /** As on the command line. */
  readonly flags: string
  readonly summary: string
  /** Offered by completion. */
  readonly choices?: readonly string[]
  readonly read: criterion.Reader
}

const { elements, exact, globs, words } = criterion

export const criteria = {
  organization: { flags: "--org <name>", summary: "of this organization", read: exact("organization_id") },
  project: { flags: "--project <id>", summary: "of this project", read: exact("project_id") },
  type: {
    flags: "--type <glob>",
    summary: "of this event type; * is any text, ? one character, \\ takes their meaning",
    read: globs("event_type"),
  },
  category: { flags: "--category <name>", summary: "of this category", read: exact("category") },
  action: { flags: "--action <name>", summary: "with this action", read: exact("action") },
  severity: {
    flags: "--severity <severity>",
    summary: "of this severity, or of a range: warning.. or info..error",
    choices: severities,
    read: criterion.severity,
  },
  outcome: {
    flags: "--outcome <outcome>",
    summary: "with this outcome",
    choices: outcomes,
    read: words("outcome", outcomes),
  },
  actor: { flags: "--actor <id>", summary: "by the actor with this id", read: exact("actor_id") },
  actorName: {
    flags: "--actor-name <glob>",
    summary: "by an actor of this name; * and ? as in --type",
    read: globs("actor_name"),
  },
  actorEmail: {
    flags: "--actor-email <glob>",
    summary: "by an actor with this address: '*@example.com'",
    read: globs("actor_email"),
  },
  actorType: { flags: "--actor-type <type>", summary: "by actors of this type", read: exact("actor_type") },
  role: { flags: "--role <role>", summary: "by actors in this role", read: exact("actor_role") },
  ip: {
    flags: "--ip <address[/bits]>",
    summary: "from this address, or from within this network",
    read: criterion.networks("ip_address"),
  },
  device: { flags: "--device <id>", summary: "from this device", read: exact("device_id") },
  session: { flags: "--session <id>", summary: "of this session of an actor", read: exact("session_id") },
  resource: {
    flags: "--resource <type[/id]>",
    summary: "on resources of this type, or on one of them",
    read: criterion.resource,
  },
  namespace: { flags: "--namespace <name>", summary: "in this namespace", read: exact("namespace") },
  request: { flags: "--request <id>", summary: "of this request", read: exact("request_id") },
  correlation: {
    flags: "--correlation <id>",
    summary: "with this correlation id",
    read: exact("correlation_id"),
  },
  method: { flags: "--method <method>", summary: "requested so: POST", read: exact("request_method") },
  statusCode: {
    flags: "--status-code <code>",
    summary: "with this status code, or one of a range: 404, 5xx, 400..",
    read: criterion.codes("status_code"),
  },
  classification: {
    flags: "--classification <class>",
    summary: "on data so classified",
    choices: classifications,
    read: words("data_classification", classifications),
  },
  policy: {
    flags: "--policy <name>",
    summary: "under this retention policy",
    read: exact("retention_policy"),
  },
  tag: { flags: "--tag <tag>", summary: "with this tag", read: elements("tags") },
  compliance: {
    flags: "--compliance <tag>",
    summary: "with this compliance tag",
    read: elements("compliance_tags"),
  },
  at: { flags: "--at <org/lane/seq>", summary: "the event at this place", read: criterion.place },
  grep: {
    flags: "--grep <text>",
    summary: "with this text in description, error, names or JSON; ASCII letters in either case",
    read: criterion.text,
  },
  where: {
    flags: "--where <path>",
    summary: `whose details fulfil this SQL/JSON path: '$.user.plan == "pro"'`,
    read: criterion.path("details"),
  },
} as const satisfies Record<string, Criterion>

export type CriterionName = keyof typeof criteria

const names = Object.keys(criteria) as CriterionName[]

/** All, in the order in which help lists them. */
export const criterionNames: readonly CriterionName[] = names

/** `--actor-name` */
export const flagOf = (name: CriterionName): string => /--[\w-]+/.exec(criteria[name].flags)?.[0] ?? name

export type Criteria = { readonly [K in CriterionName]?: Values | undefined }

/**
 * Which events: those that meet every criterion, each with one of its values, within the period.
 * `type`, `actorName` and `actorEmail` are globs; the others are described with the options of `pgtrail query`.
 */
export interface EventFilter extends Period, Criteria {
  /** Leaves out what meets any of these. An event without a value meets none. */
  readonly not?: Criteria | undefined
}

/** What the values of one criterion mean; undefined where there are none. Throws TrailError `usage`. */
export function readCriterion(
  name: CriterionName,
  values: Values | undefined,
): criterion.Condition | undefined {
  const list = typeof values === "string" ? [values] : (values ?? [])
  if (list.length === 0) return undefined
  const flag = flagOf(name)
  for (const value of list) {
    if (typeof value !== "string") throw new TrailError("usage", `${flag} takes text, not ${typeof value}`)
    // Neither can be in a text of the server, and a driver would send another one.
    if (value.includes("\0") || /\p{Surrogate}/u.test(value)) {
      throw new TrailError(
        "usage",
        `${flag} ${quoted(value)} holds a character that no text in PostgreSQL has`,
      )
    }
  }
  return criteria[name].read(list, flag)
}

/** NAME=VALUE as in `--not`, NAME being a flag without its dashes. */
export function readNot(typed: string): { readonly name: CriterionName; readonly value: string } {
  const [flag = "", ...values] = typed.split("=")
  const name = names.find((known) => flagOf(known) === `--${flag}`)
  if (name !== undefined && values.length > 0) return { name, value: values.join("=") }
  const [meant] = near(
    flag.slice(0, 100),
    names.map((known) => flagOf(known).slice(2)),
    1,
  )
  throw new TrailError("usage", `--not takes NAME=VALUE, NAME as in --NAME, not ${quoted(typed)}`, {
    hint: meant === undefined ? "write it so: --not 'type=auth.*'" : `did you mean --not ${meant}=...?`,
  })
}
