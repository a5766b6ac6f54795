// The options that every command has, with one meaning each.
import { choice, flag, type OptionValues, text } from "./options.js"

export const formats = ["table", "json", "ndjson", "csv"] as const
export type Format = (typeof formats)[number]

export const commonOptions = {
  url: text("--url <url>", "the database: postgresql://user@host:5432/database, or embedded:[DIR]"),
  format: choice("--format <format>", "form of the answer, a table where none is named", formats),
  json: flag("--json", "one JSON document, the same as --format json"),
  fields: text("--fields <a,b>", "only these columns, in this order"),
  quiet: flag("--quiet", "no notes and no progress on stderr"),
  verbose: flag("--verbose", "more about an error"),
  color: flag("--no-color", "no colour"),
}

export type CommonValues = OptionValues<typeof commonOptions>

/** For people who connect otherwise than by --url; shown in `pgtrail --help`. */
export const variables: readonly (readonly [name: string, meaning: string])[] = [
  ["PGTRAIL_URL", "the database, where --url is not given"],
  ["DATABASE_URL", "the same, where PGTRAIL_URL is not set"],
  ["PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD", "the database, where no URL is given, as in psql"],
  ["NO_COLOR, FORCE_COLOR", "no colour, colour even without a terminal"],
]
