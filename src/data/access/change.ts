// Grants a right on the log to a role, or revokes it: the GRANT and the act that records it in one transaction.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import { LOCK_SPACE } from "../migrate/script.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { type Facts, noSuchRole, quoted, readFacts } from "./facts.js"
import { unknownOrganizations } from "./organizations.js"
import { groupOf, type Right, whyWhole } from "./rights.js"
import { granting, type Kind, revoking, type Step, wantedOrganizations } from "./steps.js"

export interface AccessRequest {
  readonly right: Right
  readonly role: string
  /** Of a reader: these alone. Without any, all; of a reader who is revoked, whatever he reads. */
  readonly organizations?: readonly string[] | undefined
  /** Runs everything and rolls it back. */
  readonly dryRun?: boolean | undefined
  /** Runs nothing: `sql` is what somebody else may run, in one transaction. */
  readonly sqlOnly?: boolean | undefined
}

export interface AccessChange {
  readonly role: string
  readonly right: Right
  /** Null: all. */
  readonly organization: string | null
  /** False: it was so already. */
  readonly changed: boolean
  /** seq of the act that recorded it. */
  readonly act: string | null
}

export interface AccessResult {
  readonly changes: readonly AccessChange[]
  /** What a bound reader reads now; null: it is bound to none. */
  readonly organizations: readonly string[] | null
  readonly warnings: readonly string[]
  /** Empty where nothing is to be done. */
  readonly sql: string
}

export async function changeAccess(
  client: ClientBase,
  kind: Kind,
  request: AccessRequest,
): Promise<AccessResult> {
  refuseBindingOfOthers(request)
  await client.query("begin isolation level read committed")
  try {
    await client.query("set local synchronous_commit = on; set local lock_timeout = '10s'")
    // The acts' own: two who grant at once would else fail on the same row of the server's catalog.
    await client.query("select pg_advisory_xact_lock($1, -1)", [LOCK_SPACE])
    const facts = await readFacts(client, request.role, request.right)
    await refuseForeignFunctions(client)
    if (kind === "grant") await refuseGrant(client, request, facts)
    const before = await asOwner(client, facts, () => bindings(client, request.role))
    const steps = kind === "grant" ? granting(request, facts, before) : revoking(request, facts, before)
    const statements: string[] = []
    const changes: AccessChange[] = []
    for (const step of steps) {
      const statement = await statementOf(client, step)
      statements.push(statement)
      const act = request.sqlOnly === true ? null : await runStep(client, facts, step, statement, request)
      if (step.change !== undefined) changes.push({ ...step.change, changed: true, act })
    }
    const after = await asOwner(client, facts, () => bindings(client, request.role))
    const warnings = await asOwner(client, facts, () => warningsOf(client, kind, request, facts, before))
    // The group is the server's: another database may have bound him.
    if (kind === "revoke" && steps.length > 0 && changes.length === 0 && request.sqlOnly !== true)
      warnings.push(
        `${JSON.stringify(request.role)} was bound to nothing here, but a member of pgtrail_organization_reader: it is none any more, and reads no other log of this server by it either`,
      )
    await client.query(request.dryRun === true || request.sqlOnly === true ? "rollback" : "commit")
    return {
      changes: [...changes, ...unchanged(request, changes)],
      organizations: after.length === 0 ? null : after,
      warnings,
      sql: statements.map((statement) => `${statement};\n`).join(""),
    }
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

function refuseBindingOfOthers({ right, organizations = [] }: AccessRequest): void {
  if (organizations.length === 0 || right === "reader") return
  throw new TrailError("usage", `only a reader can be bound to an organization: ${whyWhole[right]}`, {
    hint: `nothing was changed; leave out --org, or grant reader`,
  })
}

async function refuseGrant(
  client: ClientBase,
  { role, organizations = [] }: AccessRequest,
  facts: Facts,
): Promise<void> {
  if (facts.role === undefined) throw await noSuchRole(client, role)
  // From 16 on the membership itself says that it is inherited.
  if (organizations.length > 0 && !facts.is16 && !facts.role.inherits) {
    throw new TrailError(
      "usage",
      `${JSON.stringify(role)} is NOINHERIT: bound to an organization it would read nothing`,
      {
        hint: `nothing was changed; alter role ${quoted(role)} inherit`,
      },
    )
  }
}

async function statementOf(client: ClientBase, { template, values }: Step): Promise<string> {
  const { rows } = await client.query<{ sql: string }>("select format($1, variadic $2::text[]) as sql", [
    template,
    [...values],
  ])
  return rows[0]?.sql ?? ""
}

/** The seq of the act, or null of a statement that is none. */
async function runStep(
  client: ClientBase,
  facts: Facts,
  step: Step,
  statement: string,
  request: AccessRequest,
): Promise<string | null> {
  const run = () => client.query<{ record_access: string | null }>(statement)
  if (step.change !== undefined) return (await asOwner(client, facts, run)).rows[0]?.record_access ?? null
  try {
    await run()
    return null
  } catch (error) {
    throw explained(error, statement, request)
  }
}

/** The server does not say who may, nor what to do. */
function explained(error: unknown, statement: string, { role }: AccessRequest): unknown {
  const { code } = error as { code?: unknown }
  const group = /^(?:grant|revoke) (\S+) /.exec(statement)?.[1]
  if (code === "42501") {
    return new TrailError(
      "privilege",
      `to grant or revoke ${group} takes its admin option, which this role does not have`,
      {
        hint: `nothing was changed; ask a superuser to run: ${statement}; then run this again`,
        cause: error,
      },
    )
  }
  if (code === "2BP01") {
    return new TrailError(
      "config",
      `${JSON.stringify(role)} has granted ${group} to others, who would lose it too`,
      {
        hint: `nothing was changed; pgtrail status --grants tells who; revoke it from them first`,
        cause: error,
      },
    )
  }
  return error
}

/** Whoever does not inherit the owner's rights becomes the owner for this. */
async function asOwner<T>(client: ClientBase, { records }: Facts, work: () => Promise<T>): Promise<T> {
  if (records) return work()
  await client.query(
    `do $$ begin execute (select format('set local role %I', o.rolname) from pg_namespace n join pg_roles o on o.oid = n.nspowner
       where n.nspname = 'pgtrail'); end $$`,
  )
  const result = await work()
  await client.query("reset role")
  return result
}

async function bindings(client: ClientBase, role: string): Promise<string[]> {
  const { rows } = await client.query<{ organization_id: string }>(
    "select organization_id from pgtrail.organization_reader where role_name = $1 order by 1",
    [role],
  )
  return rows.map((row) => row.organization_id)
}

/** What was asked for and was so already. */
function unchanged(request: AccessRequest, changes: readonly AccessChange[]): AccessChange[] {
  const { right, role } = request
  const wanted = wantedOrganizations(request)
  if (wanted.length === 0 && changes.length > 0) return []
  const asked = wanted.length > 0 ? wanted : [null]
  return asked
    .filter((organization) => !changes.some((change) => change.organization === organization))
    .map((organization) => ({ role, right, organization, changed: false, act: null }))
}

async function warningsOf(
  client: ClientBase,
  kind: Kind,
  request: AccessRequest,
  facts: Facts,
  before: readonly string[],
): Promise<string[]> {
  const { right, role } = request
  const name = JSON.stringify(role)
  if (kind === "grant") {
    const unknown = await unknownOrganizations(client, wantedOrganizations(request))
    const warnings = unknown.map(({ warning }) => warning)
    if (before.length > 0 && wantedOrganizations(request).length > 0 && facts.bound.grantors.length === 0)
      warnings.push(
        `${name} was no member of pgtrail_organization_reader any more: its earlier bindings to ${before.join(", ")} were taken back`,
      )
    return warnings
  }
  if (request.sqlOnly === true || facts.role === undefined) return []
  const { rows } = await client.query<{ name: string }>(
    `select g.rolname as name from pg_roles g, pg_roles r
     where r.rolname = $1 and g.rolname = $2 and not r.rolsuper and pg_has_role(r.oid, g.oid, 'MEMBER')`,
    [role, groupOf(right)],
  )
  return rows.map(
    (row) => `${name} still is a member of ${row.name} through another role: pgtrail status --grants`,
  )
}
