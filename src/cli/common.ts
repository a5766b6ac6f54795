// The options that every command has, with one meaning each.
import { choice, configurable, flag, type Option, type OptionValues, text } from "./options.js"

export const formats = ["table", "json", "ndjson", "csv"] as const
/** Forms that only a command has which names them. */
export const furtherFormats = ["short", "xml", "prometheus", "nagios"] as const
export type FurtherFormat = (typeof furtherFormats)[number]
export type Format = (typeof formats)[number] | FurtherFormat

export const commonOptions = {
  url: configurable(
    text("--url <url>", "the database: postgresql://user@host:5432/database, or embedded:[DIR]"),
  ),
  format: configurable(formatOption(formats)),
  json: flag("--json", "one JSON document, the same as --format json"),
  fields: text("--fields <a,b>", "only these columns, in this order"),
  quiet: configurable(flag("--quiet", "no notes and no progress on stderr")),
  verbose: flag("--verbose", "more about an error"),
  color: configurable(flag("--no-color", "no colour")),
  config: text("--config <file>", "the configuration, instead of ./pgtrail.json or /etc/pgtrail.json"),
}

export function formatOption(
  choices: readonly Format[],
  otherwise: Format = "table",
): Option<Format | undefined> {
  const named = otherwise === "table" ? "a table" : otherwise
  return choice("--format <format>", `form of the answer, ${named} where none is named`, choices)
}

export type CommonValues = OptionValues<typeof commonOptions>

/** Shown in `pgtrail --help`. */
export const variables: readonly (readonly [name: string, meaning: string])[] = [
  ["PGTRAIL_URL", "the database, where --url is not given"],
  ["DATABASE_URL", "the same, where PGTRAIL_URL is not set"],
  ["PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD", "the database, where no URL is given, as in psql"],
  ["PGTRAIL_CONFIG", "the configuration file, where --config is not given"],
  [
    "PGTRAIL_PASSWORD",
    "the password for PGTRAIL_URL or the configured url, by reference: file:PATH, env:NAME or cmd:COMMAND",
  ],
  [
    "PGTRAIL_FORMAT, PGTRAIL_VERIFY_JOBS, ...",
    "any option marked [configurable]: a common one, one of a command (PGTRAIL_VERIFY_JOBS), or one of every command that has it " +
      "(PGTRAIL_JOBS)",
  ],
  ["NO_COLOR, FORCE_COLOR", "no colour, colour even without a terminal"],
]

/** The same of the file. */
export const configuration: readonly string[] = [
  "What an option does not say is taken from its variable, then from the first of these files that exists: --config FILE, " +
    "$PGTRAIL_CONFIG, ./pgtrail.json, /etc/pgtrail.json. Options marked [configurable] stand at the top, for every command that has " +
    "them, or under the words of one command; pgtrail.schema.json lists all. Relative files are meant from where the configuration lies.",
  '{ "url": "postgresql://auditor@db.example/app", "verify": { "jobs": 4 } }',
]
