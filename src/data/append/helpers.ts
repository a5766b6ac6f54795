// Events that every application logs, made from what it knows at that point: logins, memory operations, checks of rights.
import { type KnownType, knownTypes } from "../type/known.js"
import type { EventInput, Json } from "./event.js"

/** What all of them may say beside their own; `fields` are further columns of the event, and win. */
export interface LoggedBy {
  readonly userId?: string | null
  readonly username?: string | null
  readonly sessionId?: string | null
  readonly ipAddress?: string | null
  readonly userAgent?: string | null
  readonly organization?: string
  readonly requestId?: string | null
  readonly description?: string | null
  readonly errorMessage?: string | null
  readonly details?: Json
  readonly tags?: readonly string[]
  readonly complianceTags?: readonly string[]
  readonly fields?: Partial<EventInput>
  /**
   * The schema that profile memoric is installed in: the event is a row of its audit_logs then, with the next number, where `organization` is that of
   * the profile. Needs the rights of a --writer. A call that is to be repeated under a batchId gives `fields.external_number` itself instead.
   */
  readonly memoric?: string
}

/** The types of Memoric are known with their severity and outcome; any other may be given. */
type TypeOf<Known extends string> = Known | (string & {})

export interface AuthLog extends LoggedBy {
  readonly type: TypeOf<
    | "auth.login.success"
    | "auth.login.failed"
    | "auth.logout"
    | "auth.token.created"
    | "auth.token.expired"
    | "auth.token.invalid"
    | "user.created"
    | "user.password.changed"
  >
  /** Default: what the type says, such as false for auth.login.failed. */
  readonly success?: boolean
}

export interface MemoryLog extends LoggedBy {
  readonly type: TypeOf<
    "memory.created" | "memory.retrieved" | "memory.updated" | "memory.deleted" | "memory.searched"
  >
  readonly memoryId?: string | null
  readonly namespace?: string | null
  /** Default: create, read, update, delete or search, by the type. */
  readonly action?: string
  readonly beforeState?: Json
  readonly afterState?: Json
  /** Default true. */
  readonly success?: boolean
}

export interface AuthorizationLog extends LoggedBy {
  readonly resourceType: string
  readonly resourceId?: string | null
  readonly action: string
  readonly granted: boolean
  readonly reason?: string | null
}

export function authEvent(log: AuthLog): EventInput {
  const success = log.success ?? !/\.(failed|invalid|expired)$/.test(log.type)
  return event(log, log.type, {
    category: known(log.type)?.category ?? "authentication",
    severity: severityOf(log.type, success),
    outcome: success ? "success" : "failure",
  })
}

const actions: Readonly<Record<string, string>> = {
  created: "create",
  retrieved: "read",
  updated: "update",
  deleted: "delete",
  searched: "search",
}

export function memoryEvent(log: MemoryLog): EventInput {
  const success = log.success ?? true
  return event(log, log.type, {
    category: known(log.type)?.category ?? "memory",
    severity: severityOf(log.type, success),
    outcome: success ? "success" : "failure",
    action: log.action ?? actions[log.type.slice(log.type.lastIndexOf(".") + 1)],
    resource_type: "memory",
    resource_id: log.memoryId,
    namespace: log.namespace,
    before_state: log.beforeState,
    after_state: log.afterState,
  })
}

export function authorizationEvent(log: AuthorizationLog): EventInput {
  const type = log.granted ? "authz.access.granted" : "authz.access.denied"
  return event(log, type, {
    category: "authorization",
    severity: log.granted ? "info" : "warning",
    outcome: log.granted ? "success" : "denied",
    action: log.action,
    resource_type: log.resourceType,
    resource_id: log.resourceId,
    description: log.reason,
  })
}

const known = (type: string): KnownType | undefined => knownTypes.find(({ name }) => name === type)

/** What failed is at least a warning. */
function severityOf(type: string, success: boolean): KnownType["severity"] {
  const severity = known(type)?.severity ?? "info"
  return success || severity !== "info" ? severity : "warning"
}

function event(log: LoggedBy, type: string, own: Partial<EventInput>): EventInput {
  const given: Partial<EventInput> = {
    ...own,
    actor_id: log.userId,
    actor_name: log.username,
    session_id: log.sessionId,
    ip_address: log.ipAddress,
    user_agent: log.userAgent,
    organization_id: log.organization,
    request_id: log.requestId,
    // A reason is the description of a check, unless the caller describes it himself.
    description: log.description ?? own.description,
    error_message: log.errorMessage,
    details: log.details,
    tags: log.tags,
    compliance_tags: log.complianceTags,
    ...log.fields,
  }
  // The database has its own defaults for what is left out; what is undefined is left out.
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(said), event_type: log.fields?.event_type ?? type }
}
