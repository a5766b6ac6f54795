// pgtrail backup restore: makes a log of a backup again, or puts a part of it beside the log.
import { identity, readIdentity } from "../../cli/archive.js"
import { backupArgument, locateTyped, placeConfiguration, warnOfDoubt } from "../../cli/backup.js"
import { withUrl } from "../../cli/backup-restored.js"
import {
  between,
  choice,
  command,
  configurable,
  count,
  duration,
  file,
  flag,
  list,
  reference,
  text,
} from "../../cli/command.js"
import { privacyKey, privacyKeys } from "../../cli/privacy-keys.js"
import { readSecret } from "../../cli/secret.js"
import { storeContext } from "../../cli/store.js"
import { describeRestoredBackup, exitOfRestored } from "../../data/backup/restore-words.js"
import { readDuration } from "../../data/duration.js"
import { readPeriod } from "../../data/query/time.js"

export default command({
  summary: "make a log of a backup, or put a part of it into a schema beside the log",
  description:
    "Into a database of any version from 14 on that has no log. Every byte is compared with the manifest while it is loaded, and the log appears " +
    "whole, in one transaction, or not at all. Its roles and grants are those of its migration; who had been granted a right is listed, with the " +
    "commands that grant it again. An incarnation is opened, which says that it was restored and from what; with --checkpoint also what the backup " +
    "lacks of that checkpoint. Then it is verified (exit codes of pgtrail verify; 1 also where the backup is not what its manifest says, 4 where it was never finished or is of a later pgtrail). What was erased since the backup is erased again from the " +
    "register (--register; pseudonyms with --privacy-key), or pointed out; what the log that it replaces had erased, and no register lists, is named: exit code 4. Holds, purges, rules and grants since the backup are in no register. What a DBA has put on the log's tables besides does not come back: indexes (also those of pgtrail index add), " +
    "tablespaces and settings of partitions are printed, as the SQL that makes them again; comments, and memberships granted by SQL, are in no backup. Of a place the newest good backup is meant, which is a true copy of the log, also of one that was " +
    "tampered with: a warning then names the newest that was found intact.\n\n" +
    "A database that has a log is refused, and told what would go: events newer than the backup, or another log. --confirm and the name of the database " +
    "lets it go (where it went its own way since, pgtrail backup compare tells from where on): it is dropped when the restored log was found intact, and else, and with --no-verify, stays beside it under another name, to be taken back or dropped. --dry-run says all of that, and changes nothing.\n\n" +
    "--schema makes an ordinary copy in a new schema instead, to look at by SQL: whole, or --partition, --org, --since, --until. No act tells of it, what was erased since the backup stands in it, and it " +
    "proves nothing to others: for that, restore all into a database of its own, and pgtrail export create there.\n\n" +
    "Who restores owns the log: a superuser; or a role with CREATE on the database, and CREATEROLE or the rights of pgtrail_owner; or, with " +
    "--no-roles, any with CREATE on the database.",
  args: { backup: backupArgument },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  options: {
    identity,
    jobs: configurable(between(1, 32, count("--jobs <n>", "files that are loaded at once", 2))),
    confirm: text("--confirm <database>", "the name of the database whose log is to be replaced"),
    checkpoint: file(
      "--checkpoint <file>",
      "the last checkpoint: what the backup lacks of it is recorded as lost",
    ),
    publicKey: configurable(
      list("--public-key <file>", "public key that vouches for the checkpoint and for acts"),
    ),
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the act: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    register: configurable(
      file("--register <file>", "the register of erasures: what it lists is erased again"),
    ),
    privacyKey,
    roles: flag("--no-roles", "the connected role owns the log, and the log has no roles of its own"),
    reason: choice(
      "--reason <reason>",
      "restore (if none is named) or copy, which has a log id of its own from then on",
      ["restore", "copy"] as const,
    ),
    requestedBy: text(
      "--requested-by <who>",
      "who asked for the erasures: a name, or the number of a request",
    ),
    verify: flag("--no-verify", "do not verify the restored log"),
    schema: text("--schema <schema>", "into tables of a new schema, beside whatever log there is"),
    partition: text("--partition <name>", "with --schema: the events of this partition alone"),
    org: text("--org <name>", "with --schema: only this organization"),
    since: text("--since <time>", "with --schema: only events that occurred at or after this time"),
    until: text("--until <time>", "with --schema: only events that occurred before this time"),
    lockTimeout: configurable(duration("--lock-timeout <duration>", "how long to wait for locks", "10s")),
    dryRun: flag("--dry-run", "look at everything, say what would happen, and change nothing"),
  },
  examples: [
    {
      run: "pgtrail backup restore /srv/backups/backup-20261122T013000Z-a1b2c3 --register /srv/erasures.jsonl",
      shows: "into the database of --url, which has no log",
    },
    { run: "pgtrail backup restore /srv/backups --dry-run", shows: "what the newest one would replace" },
    {
      run: "pgtrail backup restore /srv/backups --schema case_114 --org acme --since 2026-11-01",
      shows: "a part of it, to look at",
    },
  ],
  async run({ args, options, configuration, session }) {
    // What is configured for restored logs is not meant for a copy beside one.
    const meant = (flag: string, value: string | undefined): string | undefined =>
      options.schema === undefined || session.argv.some((word) => word.split("=")[0] === flag)
        ? value
        : undefined
    const [reference, register] = [meant("--key", options.key), meant("--register", options.register)]
    const key = reference === undefined ? undefined : await readSecret(reference, session.io)
    const identities = await readIdentity(options.identity, session)
    const period = readPeriod({ since: options.since, until: options.until }, new Date())
    const { store, name } = await locateTyped(args.backup, session, configuration, {
      nothing: "nothing was restored",
    })
    await warnOfDoubt(store, name, session)
    await store.close()
    const trail = await session.trail()
    const restored = trail.restoreBackup(`${store.location}/${name}`, {
      identities,
      jobs: options.jobs,
      confirm: options.confirm,
      checkpoint: options.checkpoint === undefined ? undefined : session.path(options.checkpoint),
      publicKeys: options.publicKey.map((path) => session.path(path)),
      key,
      register: register === undefined ? undefined : session.path(register),
      privacyKeys: privacyKeys(options.privacyKey, session),
      ...(options.roles ? {} : { roles: false }),
      ...{ reason: options.reason, requestedBy: options.requestedBy, verify: options.verify },
      schema: options.schema,
      ...{ partition: options.partition, organization: options.org },
      ...{ since: period.since, until: period.until },
      lockTimeoutMs: readDuration(options.lockTimeout, "--lock-timeout"),
      dryRun: options.dryRun,
      stores: { ...storeContext(session), signal: session.signal },
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    const done = await withUrl(restored, session.typed.url)
    for (const warning of done.warnings) session.warn(warning)
    return {
      schema: "pgtrail.granted_role/1",
      columns: [
        { name: "role" },
        { name: "right" },
        { name: "organization" },
        { name: "exists", kind: "boolean" },
        { name: "member", kind: "boolean" },
        { name: "command" },
      ],
      rows: done.grants.map((grant) => ({ ...grant })),
      document: { schema: "pgtrail.restored_backup/1", ...done },
      text: describeRestoredBackup(done),
      ...(done.next.length === 0 || done.dry_run ? {} : { note: `next: ${done.next.join("; ")}` }),
      exit: exitOfRestored(done),
    }
  },
})
