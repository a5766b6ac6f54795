// pgtrail gdpr export: what a person is given of the log, with what Articles 15 and 20 demand beside it.
import { identity, readIdentity } from "../../cli/archive.js"
import {
  arg,
  choice,
  command,
  configurable,
  file,
  flag,
  list,
  reference,
  required,
  text,
} from "../../cli/command.js"
import { eventFilterOptions } from "../../cli/event-filter.js"
import { privacyKey, privacyKeys } from "../../cli/privacy-keys.js"
import { readSecret } from "../../cli/secret.js"
import { storeContext } from "../../cli/store.js"
import { idSummary, readSubject, subjectInput } from "../../cli/subject-input.js"
import { subjectTexts } from "../../cli/subject-texts.js"
import { manifestName } from "../../data/export/manifest.js"
import { readPeriod } from "../../data/query/time.js"
import { describeSubjectExport } from "../../data/subject/describe-export.js"
import type { SubjectTexts } from "../../data/subject/export-manifest.js"
import { subjectFormats } from "../../data/subject/export-rows.js"
import { grouped, plural } from "../../data/words.js"

export default command({
  summary: "give a person what the log has of him, masked, with a signed manifest",
  description:
    "Writes the events in which he acted and those that are about him (gdpr rule: which resources name persons, and at which JSON paths personal " +
    "data stand) into a file that ends with .json, .csv or .xml, or into a folder with a README.txt (a name with another ending takes a / behind it): live, detached and archived ones. What others " +
    "did and who they are is [other person]: the columns of the actor where he is another, the resource and the ruled paths where they are another's, " +
    "and every other text of the event in which one of these values stands again (3 characters or more, a whole word).\n\n" +
    "Text that no rule is for (description, error_message, strings in JSON) may name others, whose rights an export must not touch (Article 15(4)): " +
    "its places go into review.csv for a human, and it is withheld as [for review]. Whoever has looked at them runs it again with --include-text. " +
    "What equals an identifier of the person stays. So it is, in events with others in them, with the name of a resource, namespace, request_path, " +
    "request_id, correlation_id, tags, and names of JSON members that look like an e-mail address; in events that are only his these stay.\n\n" +
    "The manifest has what was searched and what was not, the counts, and what Article 15(1) demands, from the configuration (gdpr.purposes in " +
    "pgtrail.json, or PGTRAIL_GDPR_PURPOSES): controller, purposes, categories, recipients, transfers, retention, source, automation, rights, " +
    "complaint; policies of retention are added. Neither it nor the act that records the export names the person. Salts, hashes and signatures are left " +
    "out: with them values that are masked could be tried. Needs pgtrail_privacy, and no standby. Exit code 4 when an archive could not be read, or the key of pseudonyms was not given.\n\n" +
    subjectInput,
  formatOption: choice(
    "--format <format>",
    "form of the events in a folder, csv where none is named",
    subjectFormats,
  ),
  args: { id: arg(idSummary) },
  options: {
    also: list(
      "--also <kind=value>",
      "another name of him: email, name, ip, device, session, resource=TYPE/ID, id or text",
    ),
    out: required(
      file("--out <file>", "a file that ends with .json, .csv or .xml, or a folder; nothing may be there"),
    ),
    org: eventFilterOptions.org,
    since: eventFilterOptions.since,
    until: eventFilterOptions.until,
    text: flag("--text", "search all text and JSON for him too, which reads every event"),
    includeText: flag("--include-text", "give out text that may name others: somebody has looked at it"),
    archives: flag("--no-archives", "do not read archives; the manifest lists them"),
    request: text("--request <id>", "the request that this answers: pgtrail gdpr request list"),
    key: configurable(
      reference("--key <reference>", "signs the manifest: file:PATH, env:NAME or cmd:COMMAND"),
    ),
    privacyKey,
    identity,
  },
  configuration: subjectTexts,
  configuredUnder: "gdpr",
  examples: [
    {
      run: "pgtrail gdpr export user-4711 --also email=ann@example.com --out ann --key file:audit.key",
      shows: "all of a person, in a folder, signed",
    },
    {
      run: "pgtrail gdpr export user-4711 --org acme --since 2026-01 --out ann.json --request 2026-014",
      shows: "one organization's, as JSON, for a request of the register",
    },
  ],
  async run({ args, options, configuration, session }) {
    const { identifiers } = await readSubject({ ...args, ...options }, session)
    const { since, until } = readPeriod(options, new Date())
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const identities = await readIdentity(options.identity, session)
    const trail = await session.trail()
    const made = await trail.exportSubject(identifiers, {
      out: session.path(options.out) + (options.out.endsWith("/") ? "/" : ""),
      format: subjectFormats.find((name) => name === session.format),
      organizations: options.org.length === 0 ? undefined : options.org,
      since,
      until,
      inText: options.text,
      includeText: options.includeText,
      archives: options.archives,
      request: options.request,
      key,
      keys: privacyKeys(options.privacyKey, session),
      texts: configuration as Partial<SubjectTexts>,
      store: { ...storeContext(session), signal: session.signal },
      identities,
      signal: session.signal,
      progress: (events) => session.progress(`${grouped(events)} events written`),
    })
    const { manifest, sha256, act } = made
    const { counts, searched } = manifest
    const left = searched.archives.filter(({ included }) => !included)
    const answer = [
      `${plural(counts.events, "event")}, recorded as act ${act}: ${grouped(counts.as_actor)} as actor, ${grouped(counts.as_subject)} as subject` +
        `${counts.mentioned === "0" ? "" : `, ${grouped(counts.mentioned)} only mentioned`}`,
      `  masked: ${plural(counts.masked, "event")}; for review: ${plural(counts.review_events, "event")}, ${manifest.text}`,
      `  ${options.out.replace(/\/+$/, "")}${made.manifest_name === manifestName ? "/" : "."}${manifestName}  ${sha256}`,
      "",
    ].join("\n")
    const document = {
      schema: "pgtrail.subject_exported/1",
      out: options.out,
      manifest_sha256: sha256,
      key: made.key,
      act,
      request: manifest.request,
      text: manifest.text,
      counts,
      archives: searched.archives,
      missing_keys: searched.missing_keys,
      files: manifest.files.map(({ name }) => name),
    }
    return {
      schema: document.schema,
      columns: [],
      rows: [],
      // --format says what the file is, and not the answer.
      forms: {
        table: answer,
        csv: answer,
        xml: answer,
        json: `${JSON.stringify(document, undefined, 2)}\n`,
        ndjson: `${JSON.stringify(document)}\n`,
      },
      note: describeSubjectExport(manifest, made.key !== null),
      exit:
        (left.length > 0 && options.archives) || searched.missing_keys.length + searched.misnamed.length > 0
          ? 4
          : 0,
    }
  },
})
