// pgtrail gdpr reapply: erases again what a restored database has brought back.
import {
  command,
  configurable,
  file,
  flag,
  list,
  patience,
  reference,
  required,
  text,
} from "../../cli/command.js"
import { privacyKey, privacyKeys } from "../../cli/privacy-keys.js"
import { readSecret } from "../../cli/secret.js"
import { storeContext } from "../../cli/store.js"
import { readDuration } from "../../data/duration.js"
import { describeReapplied } from "../../data/subject/describe-erased.js"

export default command({
  summary: "erase again, after a restore, what the register of erasures lists",
  description:
    "The register (--register of gdpr erase and pseudonymize) lists places and fields, no values: what of them this log has no entry of is erased again, in one " +
    "transaction with one act. Running it twice does nothing the second time. Events that are gone, that stand in an archive, or in whose place others were recorded since, are counted. What a hold is on, or " +
    "does not verify, stays, and archives whose files still have listed events are told (exit 4), or the newest that was written in the place of one. A register that was cut off is read up to there, and what is missing " +
    "of it is told (exit 4); one that was altered is refused. What this log did and the register does not have is told. An " +
    "erasure that was about to commit when its run was killed counts as one.\n\n" +
    "Then each pseudonymization, but for what was erased since, by an act of its own, which the register is told too. The same pseudonym comes back: that takes its key (--privacy-key), " +
    "by which the person is recognized in the events, and gdpr reveal tells again who it is. Identifiers that stand in none of these events do not come back. Without the key the events stay as they are, and are told (exit 4). A key that the restored log does not " +
    "know yet is made known by gdpr key create or rotate. Where nobody has the key any more, --lost-key has these events erased instead. Needs the role pgtrail_privacy.",
  options: {
    register: required(configurable(file("--register <file>", "the register of erasures"))),
    reason: text("--reason <text>", "why; stays in the act", "erased before, and restored"),
    requestedBy: text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    privacyKey,
    lostKey: list("--lost-key <name>", "a privacy key that nobody has: erase what it gave a pseudonym"),
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the acts: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    patience,
    dryRun: flag("--dry-run", "say what would be erased again; change nothing"),
  },
  examples: [
    {
      run: "pgtrail gdpr reapply --register /srv/erasures.jsonl --dry-run",
      shows: "whether a restore has brought anything back",
    },
    {
      run: "pgtrail gdpr reapply --register /srv/erasures.jsonl",
      shows: "how much was erased again, and by which act",
    },
  ],
  async run({ options, session }) {
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const done = await (await session.trail()).reapply(session.path(options.register), {
      reason: options.reason,
      requestedBy: options.requestedBy,
      keys: privacyKeys(options.privacyKey, session),
      lostKeys: options.lostKey,
      key,
      patienceMs: readDuration(options.patience, "--patience"),
      dryRun: options.dryRun,
      store: storeContext(session),
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    for (const warning of done.warnings) session.warn(warning)
    return {
      schema: "pgtrail.reapplied_erasure/1",
      columns: [
        { name: "id" },
        { name: "time" },
        { name: "request" },
        { name: "act", kind: "number" },
        { name: "events", kind: "number" },
        { name: "done", kind: "boolean" },
      ],
      rows: done.erasures.map(({ id, time, request, act, events, done: isDone }) => ({
        ...{ id, time, request, act, events },
        done: isDone,
      })),
      document: { schema: "pgtrail.reapplied/1", ...done },
      text: describeReapplied(done),
      ...(done.dry_run ? { note: "nothing was changed: --dry-run" } : {}),
      exit: done.complete ? 0 : 4,
    }
  },
})
