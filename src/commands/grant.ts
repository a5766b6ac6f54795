// pgtrail grant: gives a role a right on the log, which is an act.
import { arg, command, flag, list, type Report, type Session } from "../cli/command.js"
import { readRight, rights } from "../data/access/rights.js"
import type { AccessChange, AccessResult } from "../data/index.js"

export default command({
  summary: "give a role a right on the log, by an act",
  description:
    "A writer appends. A reader reads events; with --org those of some organizations alone, through views: nothing of pgtrail tells him " +
    "of others. An auditor verifies, an operator keeps the log, privacy is for what is done about people. Makes the role a member of " +
    "pgtrail_writer and so on, which takes the admin option of that role, and records it, which takes the rights of the log's owner. " +
    "Several --org: each is a binding of its own. The roles are the server's: a right without --org is one on every log of this server.",
  args: {
    right: arg("writer, reader, auditor, operator or privacy", "required", rights),
    role: arg("the role, spelt as the server spells it: app is not App"),
  },
  options: {
    org: list("--org <organization>", "of a reader: this organization alone; may be given several times"),
    dryRun: flag("--dry-run", "run everything, roll it back, and say what would change"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql -1"),
  },
  examples: [
    { run: "pgtrail grant writer app", shows: "let the application append" },
    {
      run: "pgtrail grant reader acme_auditor --org acme",
      shows: "let a tenant's own auditor read his events",
    },
    {
      run: "pgtrail grant auditor dba --print-sql",
      shows: "what a superuser runs by psql -1, where you may not",
    },
  ],
  run: ({ args, options, session }) => changeAccess(session, "grant", args, options),
})

export interface AccessOptions {
  readonly org: readonly string[]
  readonly dryRun: boolean
  readonly printSql: boolean
}

/** What `grant` and `revoke` have in common. */
export async function changeAccess(
  session: Session,
  kind: "grant" | "revoke",
  { right, role }: { readonly right: string; readonly role: string },
  { org, dryRun, printSql }: AccessOptions,
): Promise<Report> {
  const request = { right: readRight(right), role, organizations: org, dryRun, sqlOnly: printSql }
  const trail = await session.trail()
  const result = kind === "grant" ? await trail.grant(request) : await trail.revoke(request)
  for (const warning of result.warnings) session.warn(warning)
  if (printSql) {
    const text = result.sql === "" ? "-- nothing to do: it is so already\n" : result.sql
    return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql: result.sql }], text }
  }
  const acts = result.changes.flatMap(({ act }) => act ?? [])
  return {
    schema: "pgtrail.access/1",
    columns: [
      { name: "role" },
      { name: "right" },
      { name: "organization" },
      { name: "changed", kind: "boolean" },
      { name: "act", kind: "number" },
    ],
    rows: result.changes.map((change) => ({ ...change })),
    document: { schema: "pgtrail.access/1", dry_run: dryRun, ...result, sql: undefined },
    text: result.changes.map((change) => describe(kind, change, dryRun)).join("\n"),
    note: () => noteOf(kind, result, acts, dryRun),
  }
}

function describe(
  kind: "grant" | "revoke",
  { role, right, organization, changed }: AccessChange,
  dryRun: boolean,
) {
  const name = JSON.stringify(role)
  const what = `${/^[ao]/.test(right) ? "an" : "a"} ${rightNames[right]}${organization === null ? "" : ` of ${organization}`}`
  if (kind === "grant") {
    if (!changed) return `${name} is ${what} already`
    return dryRun ? `${name} would become ${what}` : `${name} is now ${what}`
  }
  if (!changed) return `${name} is not ${what}: nothing to take back`
  return dryRun ? `${name} would no longer be ${what}` : `${name} is no longer ${what}`
}

const rightNames = {
  writer: "writer",
  reader: "reader",
  auditor: "auditor",
  operator: "operator",
  privacy: "privacy officer",
} as const

function noteOf(
  kind: "grant" | "revoke",
  { organizations, changes }: AccessResult,
  acts: readonly string[],
  dryRun: boolean,
): string | undefined {
  const [first, ...more] = acts
  if (first === undefined || dryRun) return undefined
  const recorded =
    more.length === 0 ? `recorded as act ${first}` : `recorded as acts ${first} to ${more.at(-1)}`
  // A second binding widens what the first gave: that is told, not left to be remembered.
  const isBinding = kind === "grant" && changes.some(({ organization }) => organization !== null)
  return isBinding && organizations !== null && organizations.length > 1
    ? `${recorded}; it reads ${organizations.join(", ")}`
    : recorded
}
