// pgtrail gdpr erase: erases a person, by an act, with a receipt.
import {
  arg,
  command,
  configurable,
  file,
  flag,
  patience,
  reference,
  required,
  text,
} from "../../cli/command.js"
import { readSecret } from "../../cli/secret.js"
import { findOptions, subjectOptions } from "../../cli/subject.js"
import { idSummary, readSubject, subjectInput } from "../../cli/subject-input.js"
import { readDuration } from "../../data/duration.js"
import { readDays } from "../../data/retention/rule-words.js"
import { describeReceipt } from "../../data/subject/describe-erased.js"
import { foundReport } from "./find.js"

export default command({
  summary: "erase a person from the log, by an act, with a receipt; the chain still verifies",
  description:
    "In one transaction, in all partitions: what says who did it becomes null, what names the person elsewhere the marker [erased]. Events that a law " +
    "keeps (a floor of retention, gdpr rule add --keep) get a token that leads nowhere, and are counted apart. What a hold is on stays, as does " +
    "what does not verify; then, where anything else stays, and where archives or pseudonyms of a key that was not given were not searched, the exit code is 4 and " +
    "the request stays open. Archives are written anew, or listed with " +
    "the day until which they are kept; where the place keeps what was removed (object lock or versions of a bucket), that is told too, and with --dry-run before. --physical writes the files of the touched tables anew: without it no query returns the values, and their " +
    "bytes stay in files until then. A run that was stopped is finished by running it again.\n\n" +
    "--register is a file outside of the database, on the disk before the erasure commits: with it gdpr reapply erases again after a restore. " +
    "--receipt tells what was done and what was not, and why, with a signature beside it where there is a key. No identifier of the person is in either, nor in the act: " +
    "a --reason that has one is refused. Not undone by anything: --confirm takes ID once more.\n\n" +
    `${subjectInput} With --confirm - the second line is the ID once more. Needs the role pgtrail_privacy.`,
  args: { id: arg(idSummary) },
  options: {
    ...subjectOptions,
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    requestedBy: required(
      text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    ),
    confirm: text("--confirm <id>", "the ID once more; - reads it from standard input"),
    text: flag("--text", "look for the identifiers in all text of all events too, which reads every event"),
    archives: flag("--no-archives", "leave the archives as they are"),
    physical: flag(
      "--physical",
      "write the files of the touched tables anew, so that no file has the values",
    ),
    receipt: file("--receipt <file>", "write what was done to a new file"),
    register: configurable(
      file("--register <file>", "the register of erasures, outside of the database; appended to"),
    ),
    request: text("--request <id>", "the request in the register of requests that this answers"),
    backupsKept: configurable(
      text("--backups-kept <days>", "how long backups are kept, for the receipt: 30d"),
    ),
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs acts and receipt: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    patience,
    dryRun: flag("--dry-run", "find the same, and say what would be erased; change nothing"),
  },
  examples: [
    {
      run: 'pgtrail gdpr erase u-4711 --also email=a@example.com --reason "Article 17" --requested-by R-12 --dry-run',
      shows: "what would be erased, and what would stay",
    },
    {
      run: 'pgtrail gdpr erase u-4711 --reason "Article 17" --requested-by R-12 --confirm u-4711 --receipt R-12.json',
      shows: "the person, for ever",
    },
    {
      run: 'pgtrail gdpr erase - --confirm - --reason "Article 17" --requested-by R-12 < R-12.txt',
      shows: "the same of whom a file names: ID, ID once more, then KIND=VALUE",
    },
  ],
  async run({ args, options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const { backupsKept, receipt: path, register } = options
    const { identifiers, confirm } = await readSubject({ ...args, ...options }, session)
    const done = await (await session.trail()).eraseSubject(identifiers, {
      ...(await findOptions(options, session)),
      reason: options.reason,
      requestedBy: options.requestedBy,
      request: options.request,
      confirm,
      physical: options.physical,
      receipt: path === undefined ? undefined : session.path(path),
      register: register === undefined ? undefined : session.path(register),
      backupsKeptDays: backupsKept === undefined ? undefined : readDays(backupsKept, "--backups-kept"),
      key,
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
    })
    const exit = done.complete ? 0 : 4
    if (done.would !== null) {
      const report = foundReport(done.would, session.format)
      return { ...report, note: noted(report.note(), "nothing was changed: --dry-run"), exit }
    }
    const { receipt } = done
    const words = receipt === null ? "" : describeReceipt(receipt)
    const isRows = session.format === "csv" || session.format === "ndjson"
    return {
      schema: "pgtrail.erased_field/1",
      columns: [{ name: "group" }, { name: "field" }, { name: "events", kind: "number" }],
      rows: (receipt?.fields ?? []).map((field) => ({ ...field })),
      document: receipt === null ? {} : { ...receipt, receipt_sha256: done.receipt_sha256 },
      text: words,
      // Fields alone say nothing of what stays, and why the exit code is what it is.
      note: noted(
        isRows ? words : undefined,
        done.receipt_sha256 === null
          ? "next: pgtrail verify"
          : `the receipt is ${path}, sha256 ${done.receipt_sha256}; next: pgtrail verify`,
      ),
      exit,
    }
  },
})

const noted = (...words: readonly (string | undefined)[]): string =>
  words.filter((one) => one !== undefined && one !== "").join("\n")
