// Words from closed lists: what seal_event accepts as severity, outcome and data_classification. Apart, because the command line reads them without drizzle.

export const severities = ["debug", "info", "warning", "error", "critical"] as const
export const outcomes = ["attempt", "success", "failure", "denied", "error"] as const
export const classifications = ["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED", "PHI"] as const
export type Severity = (typeof severities)[number]
export type Outcome = (typeof outcomes)[number]
