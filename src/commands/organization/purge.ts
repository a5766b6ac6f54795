// pgtrail organization purge: verifies an organization, then removes all its events, with a record.
import {
  arg,
  between,
  command,
  configurable,
  count,
  duration,
  flag,
  reference,
  required,
  text,
} from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { readDuration } from "../../data/duration.js"
import { describePurge } from "../../data/purge/describe.js"

export default command({
  summary: "remove all events of an organization, with a record",
  description:
    "Verifies the organization first; what was tampered with is evidence and is not purged (exit 1), unless --despite-findings says so, which " +
    "the act keeps. Then removes its events up to the heads that were verified, in portions of 100,000, each one transaction with an act and " +
    "a record of the places and of the hashes around them: verify counts them as purged, and the chains stay whole. What is appended " +
    "meanwhile stays. A run that was stopped goes on when it is started again.\n\n" +
    "Not undone by anything: --confirm takes the organization's name once more, and without it the answer is how many events would go. " +
    "Needs the roles pgtrail_operator and pgtrail_auditor, and a signature where the setting require-signed-acts is on.",
  args: { organization: arg("the organization") },
  options: {
    reason: required(text("--reason <text>", "why; stays in the act")),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    confirm: text("--confirm <organization>", "its name once more"),
    dryRun: flag("--dry-run", "verify, and say what would go; change nothing"),
    maxRows: count("--max-rows <n>", "stop after so many events, and say how many are left"),
    despiteFindings: flag(
      "--despite-findings",
      "purge what was tampered with as well; the act names the findings",
    ),
    key: reference(
      "--key <reference>",
      "the private key that signs the acts: file:PATH, env:NAME or cmd:COMMAND",
    ),
    lockTimeout: configurable(duration("--lock-timeout <time>", "wait so long for another act", "10s")),
    jobs: configurable(between(1, 64, count("--jobs <n>", "connections that verify at once", 2))),
  },
  examples: [
    {
      run: 'pgtrail organization purge acme --reason "contract ended" --dry-run',
      shows: "what would go, and from which partitions",
    },
    {
      run: 'pgtrail organization purge acme --reason "contract ended" --requested-by DPO-17 --confirm acme',
      shows: "all events of acme, for ever",
    },
  ],
  async run({ args, options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const trail = await session.trail()
    const purge = await trail.purgeOrganization(args.organization, {
      reason: options.reason,
      requestedBy: options.requestedBy,
      confirm: options.confirm,
      dryRun: options.dryRun,
      maxRows: options.maxRows,
      despiteFindings: options.despiteFindings,
      key,
      lockTimeoutMs: readDuration(options.lockTimeout, "--lock-timeout"),
      jobs: options.jobs,
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const next = purge.refused
      ? "next: pgtrail verification show; --despite-findings purges all the same, and the act names the findings"
      : purge.dry_run || purge.acts.length === 0
        ? undefined
        : purge.remaining === "0"
          ? "next: pgtrail verify, and a new checkpoint: pgtrail checkpoint create"
          : "next: run it again for the rest"
    const { verification, ...rest } = purge
    return {
      schema: "pgtrail.purged_partition/1",
      columns: [
        { name: "name" },
        { name: "events", kind: "number" },
        { name: "bytes", kind: "number" },
        { name: "oldest" },
        { name: "newest" },
      ],
      rows: purge.partitions.map((partition) => ({ ...partition })),
      document: {
        schema: "pgtrail.purged_organization/1",
        ...rest,
        verdict: verification?.verdict ?? null,
        findings: [...(verification?.findings ?? []), ...(verification?.accepted ?? [])],
      },
      text: describePurge(purge),
      ...(next === undefined ? {} : { note: next }),
      exit: purge.refused ? 1 : 0,
    }
  },
})
