// The event types that pgtrail knows: those of the five systems that run on it (DESIGN 3), each with what an application may leave out.
import type { Severity } from "../query/choices.js"

export interface KnownType {
  readonly name: string
  readonly category: string | null
  /** What an event of this type is, where nothing else is known of it. */
  readonly severity: Severity
  readonly description: string | null
  /** The system that it is known from. */
  readonly source: string
}

type Line = readonly [name: string, severity: Severity, description: string]

const memoric: Readonly<Record<string, readonly Line[]>> = {
  authentication: [
    ["auth.login.success", "info", "successful login"],
    ["auth.login.failed", "warning", "failed login attempt"],
    ["auth.logout", "info", "user logout"],
    ["auth.token.created", "info", "JWT token created"],
    ["auth.token.expired", "info", "token expired"],
    ["auth.token.invalid", "warning", "invalid token used"],
  ],
  user: [
    ["user.created", "info", "user registration"],
    ["user.updated", "info", "profile update"],
    ["user.deleted", "info", "account deletion"],
    ["user.password.changed", "info", "password change"],
    ["user.password.reset", "info", "password reset"],
    ["user.activated", "info", "account activation"],
    ["user.deactivated", "info", "account deactivation"],
  ],
  memory: [
    ["memory.created", "info", "new memory created"],
    ["memory.retrieved", "info", "memory retrieved"],
    ["memory.updated", "info", "memory modified"],
    ["memory.deleted", "info", "memory deleted"],
    ["memory.searched", "info", "memory search performed"],
  ],
  cluster: [
    ["cluster.created", "info", "cluster created"],
    ["cluster.retrieved", "info", "cluster retrieved"],
    ["cluster.updated", "info", "cluster modified"],
    ["cluster.deleted", "info", "cluster deleted"],
  ],
  policy: [
    ["policy.executed", "info", "policy execution"],
    ["policy.failed", "error", "policy execution failure"],
  ],
  authorization: [
    ["authz.access.granted", "info", "access granted"],
    ["authz.access.denied", "warning", "access denied"],
    ["authz.permission.checked", "info", "permission check"],
  ],
  system: [
    ["system.startup", "info", "system started"],
    ["system.shutdown", "info", "system stopped"],
    ["system.error", "error", "system error"],
  ],
  security: [
    ["security.breach.attempt", "critical", "breach attempt detected"],
    ["security.rate_limit.exceeded", "warning", "rate limit exceeded"],
    ["security.suspicious.activity", "warning", "suspicious activity"],
  ],
}

const mem0: Readonly<Record<string, readonly Line[]>> = {
  memory: [["mem0_search", "info", "memory search"]],
  policy: [["policy_check", "info", "check of a request against a policy"]],
}

const auditDb: Readonly<Record<string, readonly Line[]>> = {
  authentication: [["user.login", "info", "login; the outcome says whether it succeeded"]],
  document: [["document.update", "info", "document modified"]],
}

const of = (source: string, groups: Readonly<Record<string, readonly Line[]>>): KnownType[] =>
  Object.entries(groups).flatMap(([category, lines]) =>
    lines.map(([name, severity, description]) => ({ name, category, severity, description, source })),
  )

/** AgentTrace and the AI firewall name no types: AgentTrace has categories, the firewall tools. */
export const knownTypes: readonly KnownType[] = [
  ...of("Memoric", memoric),
  ...of("Mem0 governance", mem0),
  ...of("audit-db", auditDb),
]
