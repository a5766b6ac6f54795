// pgtrail gdpr pseudonymize: a pseudonym in the place of whatever names a subject, by an act.
import {
  arg,
  choice,
  command,
  configurable,
  file,
  flag,
  patience,
  reference,
  required,
  text,
} from "../../cli/command.js"
import { privacyKeys } from "../../cli/privacy-keys.js"
import { readSecret } from "../../cli/secret.js"
import { findOptions, subjectOptions } from "../../cli/subject.js"
import { idSummary, readSubject, subjectInput } from "../../cli/subject-input.js"
import { readDuration } from "../../data/duration.js"
import { notePseudonymized } from "../../data/subject/describe-pseudonym.js"
import { pseudonymStrategies } from "../../data/subject/pseudonymize.js"

export default command({
  summary: "put a pseudonym in the place of whatever names a person, by an act",
  description:
    "The same person gets the same pseudonym in every field and table of an organization, and another one in each other organization unless --domain " +
    "all says so. hash: a keyed hash of ID, the same whenever it is made with the same key. token: random, found again by the log's own note. encrypt: ID " +
    "itself, encrypted. With each of them gdpr reveal tells who it was, as long as there is the key, which is outside the database (gdpr key create). The " +
    "chain still verifies. A pseudonym is still personal data: who may have it with the key may know the person, and gdpr erase is what erases.\n\n" +
    "Only the identifiers that are typed come back by gdpr reveal. All else of the person in these events goes for good, as with an erasure: addresses, " +
    "agents, sessions and devices become null, a name or an e-mail address that was not typed becomes the pseudonym, text and JSON that only mention the " +
    "person become [erased]. --dry-run says how much of it.\n\n" +
    "Archives are written anew with the same pseudonyms, by an act each, or listed with the day until which they are kept. " +
    "A hold wins: what it is on stays as it is, as does what does not verify; then, where an archive still has values, and where archives were left out, the exit code " +
    "is 4. A run that was stopped is finished by running it again. --register is a file outside the database, on the disk before it commits: with it gdpr reapply gives the " +
    "same pseudonym again after a restore. Texts of events that are the person's in no other way are searched with --text.\n\n" +
    `${subjectInput} Needs the role pgtrail_privacy, and a signature where the setting require-signed-acts is on.`,
  args: { id: arg(idSummary) },
  options: {
    also: subjectOptions.also,
    strategy: required(choice("--strategy <name>", "how the pseudonym is made", pseudonymStrategies)),
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    requestedBy: required(
      text("--requested-by <who>", "who asked for it: a name, or the number of a request"),
    ),
    org: subjectOptions.org,
    since: subjectOptions.since,
    until: subjectOptions.until,
    domain: choice(
      "--domain <name>",
      "where a pseudonym is the same",
      ["organization", "all"],
      "organization",
    ),
    text: flag("--text", "look for the identifiers in all text of all events too"),
    archives: flag("--no-archives", "leave the archives as they are"),
    register: configurable(
      file("--register <file>", "the register of erasures, outside of the database; appended to"),
    ),
    request: text("--request <id>", "the request in the register that this answers"),
    privacyKey: subjectOptions.privacyKey,
    identity: subjectOptions.identity,
    key: configurable(
      reference(
        "--key <reference>",
        "the private key that signs the acts: file:PATH, env:NAME or cmd:COMMAND",
      ),
    ),
    patience,
    dryRun: flag("--dry-run", "find the same and say how much it is; change nothing"),
  },
  examples: [
    {
      run: "pgtrail gdpr pseudonymize u-4711 --also email=a@example.com --strategy hash --reason R-12 --requested-by dpo",
      shows: "the pseudonym in each organization, and how many events have it now",
    },
  ],
  async run({ args, options, session }) {
    const signingKey = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const { identifiers } = await readSubject({ ...args, ...options }, session)
    const done = await (await session.trail()).pseudonymize(identifiers, {
      strategy: options.strategy,
      reason: options.reason,
      requestedBy: options.requestedBy,
      request: options.request,
      ...(await findOptions(options, session)),
      keys: privacyKeys(options.privacyKey, session),
      register: options.register === undefined ? undefined : session.path(options.register),
      joined: options.domain === "all",
      signingKey,
      dryRun: options.dryRun,
      patienceMs: readDuration(options.patience, "--patience"),
    })
    return {
      schema: "pgtrail.pseudonymized/1",
      columns: [
        { name: "organization_id" },
        { name: "pseudonym", whole: true },
        { name: "events", kind: "number" },
        { name: "archived", kind: "number" },
      ],
      rows: done.organizations.map((one) => ({ ...one })),
      document: { schema: "pgtrail.pseudonymized/1", ...done },
      note: () => notePseudonymized(done),
      exit: done.complete ? 0 : 4,
    }
  },
})
