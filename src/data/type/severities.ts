// The five severities: what each is for, and the words of the systems that run on pgtrail which mean it.
import { type Severity, severities } from "../query/choices.js"

export interface SeverityMeaning {
  readonly severity: Severity
  readonly meaning: string
  readonly use: string
  /** Words of other systems, each with its system. */
  readonly words: readonly string[]
}

const meanings: Readonly<Record<Severity, Omit<SeverityMeaning, "severity">>> = {
  debug: {
    meaning: "detailed diagnostic information",
    use: "development, troubleshooting",
    words: ["DEBUG (Memoric)"],
  },
  info: {
    meaning: "normal operations",
    use: "successful logins, records created",
    words: ["INFO (Memoric)", "info (AgentTrace)", "LOW (audit-db alerts)", "green (AI firewall)"],
  },
  warning: {
    meaning: "potential issues",
    use: "failed logins, permissions denied",
    words: ["WARNING (Memoric)", "warning (AgentTrace)", "MEDIUM (audit-db alerts)", "amber (AI firewall)"],
  },
  error: {
    meaning: "errors that need attention",
    use: "system errors, failed operations",
    words: ["ERROR (Memoric)", "HIGH (audit-db alerts)"],
  },
  critical: {
    meaning: "critical security events",
    use: "attempted breaches, data corruption",
    words: ["CRITICAL (Memoric)", "critical (AgentTrace)", "CRITICAL (audit-db alerts)", "red (AI firewall)"],
  },
}

/** From the least to the worst. */
export const severityMeanings: readonly SeverityMeaning[] = severities.map((severity) => ({
  severity,
  ...meanings[severity],
}))
